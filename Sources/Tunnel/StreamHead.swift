// What the two ends say to each other before the bytes of a raw stream, and how a stream ended.
internal import CNGHTTP2

/// What a raw stream is opened with (CONNECT).
public struct StreamHead: Sendable, Equatable {
    /// What it leads to at the other end (`:authority`).
    public var authority: String
    /// For whom it is opened (`homeline-principal`).
    public var principal: String
    /// How many bytes the opener has received of it over earlier tunnels (`homeline-offset`).
    public var offset: UInt64

    /// A stream to what `authority` names.
    public init(_ authority: String, principal: String = "", offset: UInt64 = 0) {
        self.authority = authority
        self.principal = principal
        self.offset = offset
    }
}

/// How the accepting end answers a stream that was opened to it.
public enum StreamAnswer: Sendable, Equatable {
    /// 200, with the bytes that the acceptor has received of it over earlier tunnels.
    case accepted(offset: UInt64)
    /// 404, whatever the reason: who opened it learns nothing of what there is.
    case refused
}

/// How a raw stream has ended.
public enum StreamEnding: Sendable, Equatable {
    /// Both ends have sent their end, and all bytes between.
    case orderly
    /// One end has reset it.
    case cancelled
    /// Its tunnel has ended.
    case tunnelEnded
    /// The other end has not accepted it.
    case refused
}

extension StreamHead {
    /// The number that a header's digits give; nil if it is not one.
    static func offset(_ value: UnsafeBufferPointer<UInt8>) -> UInt64? {
        guard (1...19).contains(value.count) else { return nil }
        var number: UInt64 = 0
        for byte in value {
            guard (0x30...0x39).contains(byte) else { return nil }
            number = number * 10 + UInt64(byte - 0x30)
        }
        return number
    }

    /// The headers of the CONNECT, lent to `body`; nghttp2 copies their values.
    func withHeaders<T>(_ body: ([nghttp2_nv]) -> T) -> T {
        var (authority, principal, offset) = (authority, principal, String(offset))
        return authority.withUTF8 { authority in
            principal.withUTF8 { principal in
                offset.withUTF8 { offset in
                    body([
                        header(":method", "CONNECT"), header(":authority", authority),
                        header("homeline-offset", offset),
                        header("homeline-principal", principal),
                    ])
                }
            }
        }
    }
}

/// A header whose value is copied when the frame is submitted.
func header(_ name: StaticString, _ value: UnsafeBufferPointer<UInt8>) -> nghttp2_nv {
    nghttp2_nv(
        name: UnsafeMutablePointer(mutating: name.utf8Start),
        value: UnsafeMutablePointer(mutating: value.baseAddress),
        namelen: name.utf8CodeUnitCount, valuelen: value.count,
        flags: UInt8(NGHTTP2_NV_FLAG_NO_COPY_NAME.rawValue))
}
