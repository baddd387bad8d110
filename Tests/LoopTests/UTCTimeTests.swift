// Moments as a calendar shows them, held against the C library's.
import Foundation
import Loop
import Support
import Testing

@Suite struct UTCTimeTests {
    @Test(arguments: [
        (0, "1970-01-01T00:00:00Z", "Thu, 01 Jan 1970 00:00:00 GMT"),
        (784_111_777, "1994-11-06T08:49:37Z", "Sun, 06 Nov 1994 08:49:37 GMT"),
        (951_782_399, "2000-02-28T23:59:59Z", "Mon, 28 Feb 2000 23:59:59 GMT"),
        (951_782_400, "2000-02-29T00:00:00Z", "Tue, 29 Feb 2000 00:00:00 GMT"),
        (1_709_251_199, "2024-02-29T23:59:59Z", "Thu, 29 Feb 2024 23:59:59 GMT"),
        (4_107_542_400, "2100-03-01T00:00:00Z", "Mon, 01 Mar 2100 00:00:00 GMT"),
        (-1, "1969-12-31T23:59:59Z", "Wed, 31 Dec 1969 23:59:59 GMT"),
    ])
    func `dates are written as RFC 3339 and HTTP want them`(
        seconds: Int64, rfc3339: String, http: String
    ) {
        #expect(UTCTime(seconds).rfc3339 == rfc3339)
        #expect(UTCTime(seconds).http == http)
    }

    @Test func `people read minutes`() {
        #expect(UTCTime(784_111_777).minute == "1994-11-06 08:49 UTC")
    }

    @Test func `it is the C library's calendar`() {
        let seed = UInt64.random(in: 0 ... .max)
        print("seed \(seed)")
        var random = Seeded(state: seed)
        for _ in 0..<2000 {
            // From the year 1000 to 9999.
            let seconds = Int64.random(in: -30_610_224_000...253_402_300_799, using: &random)
            var time = time_t(seconds)
            var parts = tm()
            gmtime_r(&time, &parts)
            var text = [CChar](repeating: 0, count: 64)
            strftime(&text, text.count, "%d %b %Y %H:%M:%S", &parts)
            let expected = String(
                decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            let found = UTCTime(seconds).http.dropFirst(5).dropLast(4)
            #expect(found == expected)
        }
    }
}
