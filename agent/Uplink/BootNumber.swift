// The number of a start of the agent, by which its relay orders the agent's connections. It is the
// time, so that a thief of the key is behind after the next start; and it is above every earlier
// number of the folder, so that an agent whose clock was set back is not taken for an earlier one.
import Crypto
import Glibc

/// Numbers the starts of the agent of one folder.
enum BootNumber {
    private static func file(_ folder: String) -> String { folder + "/boot" }

    /// The number of this start, which is stored: `now`, or one more than the last number.
    ///
    /// `now` is in milliseconds since 1970. A number that cannot be stored is reported and used: an
    /// agent whose disk is full must still come.
    static func next(
        in folder: String, now: Int64 = Self.now, log: (String) -> Void
    ) -> Int64 {
        let number = max(now, last(in: folder) + 1)
        do throws(CryptoError) {
            try SecureFile.write(file(folder), Array("\(number)\n".utf8))
        } catch {
            log("cannot write \(file(folder)): \(error)")
        }
        return number
    }

    /// The last number; 0 where there is none, or none that a relay takes.
    private static func last(in folder: String) -> Int64 {
        let bytes = (try? SecureFile.read(file(folder), limit: 32)) ?? []
        let number = Int64(String(decoding: bytes.filter { $0 != 0x0A }, as: UTF8.self)) ?? 0
        return (0..<limit).contains(number) ? number : 0
    }

    /// One more than the greatest number that JSON carries exactly (RFC 8259 §6).
    private static let limit: Int64 = 1 << 53 - 1

    private static var now: Int64 {
        var now = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &now)
        return Int64(now.tv_sec) * 1000 + Int64(now.tv_nsec) / 1_000_000
    }
}
