// The bytes of a password, a code or a passphrase, from where they are read to where they are used.
// They have pages of their own, which are locked in memory where the system permits it, kept out of
// core files, and wiped with the last reference. Invariant: no description shows the bytes.
import Glibc

/// Secret bytes, in one place.
///
/// Unchecked, as the pages are written while it is made, and after that only read until they are
/// wiped with the last reference.
public final class SecretBytes: @unchecked Sendable {
    /// How many bytes.
    public let count: Int
    private let start: UnsafeMutableRawPointer
    /// The size of its pages.
    private let size: Int

    /// Copies bytes; who holds the original wipes it.
    public convenience init(_ bytes: some Collection<UInt8>) {
        self.init(capacity: bytes.count) { space in
            space.copyBytes(from: bytes)
            return bytes.count
        }
    }

    /// The first line of a file, read where it stays; refused beyond `limit` bytes.
    public static func firstLine(
        ofFile path: String, limit: Int
    ) throws(CryptoError) -> SecretBytes {
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard file >= 0 else { throw .file(path: path, code: errno) }
        defer { close(file) }
        var failure: Int32 = 0
        let all = SecretBytes(capacity: limit + 1) { space in
            var filled = 0
            while filled < space.count {
                let rest = UnsafeMutableRawBufferPointer(rebasing: space[filled...])
                let got = Glibc.read(file, rest.baseAddress, rest.count)
                if got < 0, errno == EINTR { continue }
                if got < 0 { failure = errno }
                guard got > 0 else { break }
                filled += got
            }
            return filled
        }
        guard failure == 0 else { throw .file(path: path, code: failure) }
        guard all.count <= limit else { throw .fileTooLarge(path: path, limit: limit) }
        return all.firstLine
    }

    /// The bytes before the first line end.
    public var firstLine: SecretBytes {
        withBytes { SecretBytes($0.prefix { $0 != 10 && $0 != 13 }) }
    }

    /// An ordinary copy, for what takes nothing else; it is not wiped.
    public var copy: [UInt8] { withBytes { Array($0) } }

    /// Lends the bytes.
    public func withBytes<R>(_ body: (UnsafeBufferPointer<UInt8>) -> R) -> R {
        body(UnsafeBufferPointer(start: start.assumingMemoryBound(to: UInt8.self), count: count))
    }

    /// Lends the bytes as C text, ended by a NUL.
    public func withText<R>(_ body: (UnsafePointer<CChar>) -> R) -> R {
        start.withMemoryRebound(to: CChar.self, capacity: count + 1) { body($0) }
    }

    private init(capacity: Int, fill: (UnsafeMutableRawBufferPointer) -> Int) {
        // Whole pages: what else were on them would be unlocked with them.
        let page = Int(sysconf(Int32(_SC_PAGESIZE)))
        size = (capacity + page) / page * page
        start = .allocate(byteCount: size, alignment: page)
        // Both may be refused (RLIMIT_MEMLOCK); the bytes are wiped all the same.
        mlock(start, size)
        madvise(start, size, MADV_DONTDUMP)
        start.initializeMemory(as: UInt8.self, repeating: 0, count: size)
        count = fill(UnsafeMutableRawBufferPointer(start: start, count: capacity))
    }

    deinit {
        explicit_bzero(start, size)
        munlock(start, size)
        madvise(start, size, MADV_DODUMP)
        start.deallocate()
    }
}

extension SecretBytes: CustomStringConvertible, CustomReflectable {
    /// Not the bytes.
    public var description: String { "a secret" }
    /// Nothing.
    public var customMirror: Mirror { Mirror(self, children: []) }
}

extension Array where Element: FixedWidthInteger {
    /// Overwrites the elements; only of use to the one holder of an array.
    public mutating func wipe() {
        withUnsafeMutableBytes { bytes in
            if let start = bytes.baseAddress { explicit_bzero(start, bytes.count) }
        }
        self = []
    }
}
