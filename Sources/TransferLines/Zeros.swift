// Runs of zeros, which files leave out. Pure.
import Glibc

extension [UInt8] {
    /// Whether it has zeros alone.
    public var isZeros: Bool {
        unsafe withUnsafeBytes { bytes in
            guard let start = bytes.baseAddress, unsafe bytes[0] == 0 else { return false }
            return unsafe bytes.count == 1 || memcmp(start, start + 1, bytes.count - 1) == 0
        }
    }
}
