// The Date header (RFC 9110 §5.6.7), made once a second.
import Glibc

/// The current IMF-fixdate line, cached for its second.
struct HTTPDate {
    private var second = -1
    private(set) var line: [UInt8] = []

    /// `Date: …` with its line end, for `now` in Unix seconds.
    mutating func update(_ now: Int = Int(time(nil))) {
        guard now != second else { return }
        second = now
        line = Array("Date: \(HTTPDate.text(now))\r\n".utf8)
    }

    static func text(_ now: Int) -> String {
        let days = now / 86_400
        let (hours, minutes, seconds) = (now / 3600 % 24, now / 60 % 60, now % 60)
        // Days to a date on a calendar whose year starts in March, so that leap days come last.
        let shifted = days + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted % 146_097
        let yearOfEra =
            (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        let weekday = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"][days % 7]
        let name = [
            "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
        ][month - 1]
        let clock = "\(two(hours)):\(two(minutes)):\(two(seconds))"
        return "\(weekday), \(two(day)) \(name) \(year) \(clock) GMT"
    }

    private static func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
}
