// One complete request as a handler sees it. A value: head bytes with ranges into them, and the
// decoded body. Text is built when asked for.
public import Loop

/// A request.
public struct HTTPRequest: Sendable {
    private let bytes: [UInt8]
    let head: RequestHead
    /// The decoded body.
    public let body: [UInt8]
    /// What the body takes of the server's budget, for as long as there is a request.
    private let claim: ByteBudget.Claim?
    /// The peer, as people write it.
    public let peer: String
    /// The peer's IP address; `nil` on a Unix socket.
    public let peerAddress: SocketAddress?
    /// Whether it came over TLS.
    public let isEncrypted: Bool

    init(
        bytes: [UInt8], head: RequestHead, body: [UInt8], claim: ByteBudget.Claim?, peer: String,
        peerAddress: SocketAddress?, isEncrypted: Bool
    ) {
        self.bytes = bytes
        self.head = head
        self.body = body
        self.claim = claim
        self.peer = peer
        self.peerAddress = peerAddress
        self.isEncrypted = isEncrypted
    }

    /// A request built in code, to test a handler without a connection.
    public init(
        method: String, target: String, headers: HTTPHeaders = [:], body: [UInt8] = [],
        peerAddress: SocketAddress? = nil, isEncrypted: Bool = false
    ) throws(HTTPError) {
        var bytes = Array("\(method) \(target) HTTP/1.1\r\n".utf8)
        if headers["host"] == nil { bytes.append(literal: "Host: localhost\r\n") }
        headers.write(into: &bytes)
        bytes.append(literal: "\r\n")
        var parser = RequestParser()
        guard try parser.parse(bytes.span, HTTPLimits()) else { throw .refused(status: 400) }
        self.init(
            bytes: bytes, head: parser.head, body: body, claim: nil,
            peer: peerAddress?.description ?? "local", peerAddress: peerAddress,
            isEncrypted: isEncrypted)
    }

    /// The method, as sent.
    public var method: String { bytes.text(head.method) }

    /// The request target, as sent.
    public var target: String { bytes.text(head.target) }

    /// The target's path, not decoded; for an absolute target, the part after the authority.
    public var path: String { bytes.text(pathRange) }

    /// The target's query without the question mark, not decoded; `nil` without one.
    public var query: String? {
        let path = pathRange
        guard path.upperBound < head.target.upperBound else { return nil }
        return bytes.text((path.upperBound + 1)..<head.target.upperBound)
    }

    /// The first value of a query parameter, decoded; `nil` if absent.
    public func queryValue(_ name: String) -> String? {
        guard let query else { return nil }
        for pair in query.split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let key = parts.first, decoded(key) == name else { continue }
            return parts.count > 1 ? decoded(parts[1]) : ""
        }
        return nil
    }

    /// The values of a header in any case, joined by `, `; `nil` if absent.
    public func header(_ name: String) -> String? { bytes.value(of: name, in: head.fields) }

    /// The value of a header that holds one value; `nil` if absent.
    ///
    /// Equal copies, which clients and proxies send that set a header twice, are one value, on one
    /// line or on several. Different ones are joined as `header` joins them: no valid value.
    public func soleHeader(_ name: String) -> String? {
        guard let value = header(name) else { return nil }
        guard value.utf8.contains(0x2C) else { return value }
        func isBlank(_ character: Character) -> Bool { character == " " || character == "\t" }
        let copies = value.split(separator: ",", omittingEmptySubsequences: false).map { copy in
            String(copy.drop(while: isBlank).reversed().drop(while: isBlank).reversed())
        }
        return copies.allSatisfy { $0 == copies[0] } ? copies[0] : value
    }

    /// All values of a header, one per line sent.
    public func headers(_ name: String) -> [String] { bytes.values(of: name, in: head.fields) }

    /// The authority of an absolute target, which comes before the Host header (RFC 9112 §3.2.2);
    /// nil for another target.
    public var targetAuthority: String? {
        let (start, end) = (head.target.lowerBound, pathRange.lowerBound)
        guard bytes[start] != 0x2F, let slash = bytes[start..<end].firstIndex(of: 0x2F),
            slash + 2 <= end
        else { return nil }
        return bytes.text((slash + 2)..<end)
    }

    private var pathRange: Range<Int> {
        var start = head.target.lowerBound
        let end = head.target.upperBound
        if bytes[start] != 0x2F, let scheme = bytes[start..<end].firstIndex(of: 0x2F) {
            // Absolute form: after `scheme://authority`, which may have no path.
            start = scheme + 2
            while start < end, bytes[start] != 0x2F, bytes[start] != 0x3F { start += 1 }
        }
        return start..<(bytes[start..<end].firstIndex(of: 0x3F) ?? end)
    }
}

/// Resolves `%XX` and `+`; a broken escape stays as it is.
private func decoded(_ text: Substring) -> String {
    let bytes = Array(text.utf8)
    var output: [UInt8] = []
    var at = 0
    while at < bytes.count {
        if bytes[at] == 0x25, at + 2 < bytes.count,
            let value = UInt8(
                String(decoding: bytes[(at + 1)...(at + 2)], as: UTF8.self), radix: 16)
        {
            output.append(value)
            at += 3
        } else {
            output.append(bytes[at] == 0x2B ? 0x20 : bytes[at])
            at += 1
        }
    }
    return String(decoding: output, as: UTF8.self)
}
