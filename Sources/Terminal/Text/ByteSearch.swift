// Finds one byte at the C library's speed: every byte that a terminal sends is examined here.
// Invariant: the same answer as `firstIndex(of:)`.
import Glibc

extension ArraySlice<UInt8> {
    /// The first place of a byte.
    func place(of byte: UInt8) -> Int? {
        unsafe withUnsafeBytes { raw in
            guard let base = raw.baseAddress,
                let found = unsafe memchr(base, Int32(byte), raw.count)
            else { return nil }
            return unsafe startIndex + (UnsafeRawPointer(found) - base)
        }
    }
}
