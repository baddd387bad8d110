// The Date header (RFC 9110 §5.6.7), made once a second.
import Glibc
import Loop

/// The current IMF-fixdate line, cached for its second.
struct HTTPDate {
    private var second = -1
    private(set) var line: [UInt8] = []

    /// `Date: …` with its line end, for `now` in Unix seconds.
    mutating func update(_ now: Int = Int(time(nil))) {
        guard now != second else { return }
        second = now
        line = Array("Date: \(UTCTime(Int64(now)).http)\r\n".utf8)
    }
}
