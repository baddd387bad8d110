// Moments as people read them: "3 min ago", with the exact one on hover. Pure.
import Loop

extension HTML {
    /// A moment in seconds since 1970, as seen at `now`.
    static func moment(_ moment: Int64, now: Int64) -> HTML {
        let time = UTCTime(moment)
        return """
            <time datetime="\(time.rfc3339)" title="\(time.minute)">\(words(moment - now))</time>
            """
    }

    /// A span in words; below zero it is past.
    static func words(_ seconds: Int64) -> String {
        let size = seconds.magnitude
        let text =
            switch size {
            case 0..<60: "\(size) s"
            case 60..<3600: "\(size / 60) min"
            case 3600..<(2 * 86_400): "\(size / 3600) h"
            default: "\(size / 86_400) days"
            }
        return seconds > 0 ? "in \(text)" : size < 60 ? "just now" : "\(text) ago"
    }
}
