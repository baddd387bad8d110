// What the dates of a certificate mean to those who check them. Pure.
internal import Configuration
public import Crypto
internal import Loop

extension Check.Verdict {
    /// Days before its end at which a certificate should have been renewed: tools renew it 30 days
    /// before, and two weeks are time for a person to mend what failed.
    static let renewal = 14

    /// The verdict on a certificate whose dates count; `now` in seconds since 1970.
    public static func ofDates(_ dates: CertificateDates, now: Int64) -> Check.Verdict {
        let (start, end) = (UTCTime(dates.start).minute, UTCTime(dates.end).minute)
        if now >= dates.end {
            return .fault(
                "expired on \(end)", advice: "renew it", exit: ExitCode.configuration)
        }
        if now < dates.start {
            return .fault(
                "not valid before \(start)", advice: "set this machine's clock, or renew it",
                exit: ExitCode.configuration)
        }
        let days = (dates.end - now) / 86_400
        guard days < renewal else { return .ok("valid until \(end)") }
        return .warning(
            "expires on \(end), in \(days) days", advice: "renew it: find out why it was not")
    }

    /// What a pinned certificate's dates say of this machine's clock, which is all that they do.
    public static func ofClock(_ dates: CertificateDates, now: Int64) -> Check.Verdict {
        let clock = "this machine's clock shows \(UTCTime(now).minute)"
        if now < dates.start {
            return .warning(
                "\(clock), before the relay's certificate was made (\(UTCTime(dates.start).minute))",
                advice: "set the clock: it is slow, or that of the relay was fast")
        }
        guard now < dates.end else {
            return .warning(
                "\(clock), after the end of the relay's certificate (\(UTCTime(dates.end).minute))",
                advice: "set the clock if it is fast")
        }
        return .ok("\(clock), within the certificate's dates")
    }
}
