// A moment split into date and time, in UTC: the only calendar in this code base. Pure.

/// A moment as a calendar shows it.
public struct UTCTime: Sendable, Equatable {
    private let year, month, day: Int64
    private let secondOfDay: Int64
    /// 0 is a Thursday, as 1970-01-01 was.
    private let weekday: Int64

    /// The moment `seconds` after (or before) 1970-01-01T00:00:00Z.
    public init(_ seconds: Int64) {
        let days = seconds.flooredQuotient(by: 86_400)
        secondOfDay = seconds - days * 86_400
        weekday = days - days.flooredQuotient(by: 7) * 7
        // Days to a date on a calendar whose year starts in March, so that leap days come last;
        // 146,097 days are an era of 400 years, after which everything repeats.
        let shifted = days + 719_468
        let era = shifted.flooredQuotient(by: 146_097)
        let dayOfEra = shifted - era * 146_097
        let yearOfEra =
            (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    }

    /// The RFC 3339 form: `2026-01-31T08:15:00Z`.
    public var rfc3339: String { "\(date)T\(clock)Z" }

    /// For people, to the minute: `2026-01-31 08:15 UTC`.
    public var minute: String { "\(date) \(clock.dropLast(3)) UTC" }

    /// The HTTP form (RFC 9110 §5.6.7): `Sat, 31 Jan 2026 08:15:00 GMT`.
    public var http: String {
        let names = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
        let months = [
            "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
        ]
        let weekday = names[Int(weekday)]
        return
            "\(weekday), \(two(day)) \(months[Int(month) - 1]) \(padded(year, to: 4)) \(clock) GMT"
    }

    private var date: String { "\(padded(year, to: 4))-\(two(month))-\(two(day))" }

    private var clock: String {
        "\(two(secondOfDay / 3600)):\(two(secondOfDay / 60 % 60)):\(two(secondOfDay % 60))"
    }

    private func two(_ value: Int64) -> String { padded(value, to: 2) }

    private func padded(_ value: Int64, to count: Int) -> String {
        let digits = String(value)
        return String(repeating: "0", count: max(0, count - digits.utf8.count)) + digits
    }
}

extension Int64 {
    /// The quotient rounded down, also below zero.
    fileprivate func flooredQuotient(by divisor: Int64) -> Int64 {
        self / divisor - (self % divisor < 0 ? 1 : 0)
    }
}
