// What checks look like to people and programs, and what dates and free room mean: values alone.
import Crypto
import Diagnosis
import JSON
import Loop
import Testing

@testable import Diagnosis

@Suite struct ReportTests {
    private static let checks = [
        Check("dns", "relay.example", .ok("192.0.2.1")),
        Check("tcp", "192.0.2.1:8643", .fault("refused", advice: "start it", exit: 69)),
        Check("clock", "dates", .warning("slow\nby\u{1B}[2J a day", advice: "set it")),
        Check("disk", "/srv", .fault("full", advice: "make room", exit: 74)),
    ]

    @Test func `a line for each check, in order and aligned, and the first fault's exit code`() {
        let report = Report(Self.checks)
        #expect(
            report.text == """
                ok    dns    relay.example: 192.0.2.1
                FAIL  tcp    192.0.2.1:8643: refused → start it
                warn  clock  dates: slow; by?[2J a day → set it
                FAIL  disk   /srv: full → make room
                4 checks: 2 faults, 1 warning

                """)
        #expect(report.exit == 69)
        #expect(Report([Self.checks[0], Self.checks[2]]).exit == 0)
        #expect(Report([Self.checks[0]]).text.hasSuffix("all 1 checks are well\n"))
    }

    @Test func `the same as data`() {
        let json = Report(Array(Self.checks.prefix(2))).json
        #expect(
            json == [
                "checks": [
                    [
                        "name": "dns", "tried": "relay.example", "came": "192.0.2.1",
                        "verdict": "ok",
                    ],
                    [
                        "name": "tcp", "tried": "192.0.2.1:8643", "came": "refused",
                        "verdict": "fault", "advice": "start it",
                    ],
                ], "faults": 1, "warnings": 0, "exit": 69,
            ])
    }

    @Test func `a certificate is ok, then due, then expired; a clock before or after it is wrong`()
    {
        let day: Int64 = 86_400
        let dates = CertificateDates(start: 100 * day, end: 200 * day)
        for (now, dated, clock) in [
            (99 * day, "fault", "warning"), (100 * day, "ok", "ok"), (186 * day, "ok", "ok"),
            (186 * day + 1, "warning", "ok"), (200 * day, "fault", "warning"),
        ] {
            #expect(Check.Verdict.ofDates(dates, now: now).word == dated, "\(now / day)")
            #expect(Check.Verdict.ofClock(dates, now: now).word == clock, "\(now / day)")
        }
    }

    @Test func `little room is a warning, a full disk and one without inodes are faults`() {
        for (free, isOut, word) in [
            (20 << 20, false, "ok"), (10 << 20, false, "warning"), (1000, false, "fault"),
            (20 << 20, true, "fault"),
        ] {
            let verdict = Examination.room(
                free: free, isOutOfFiles: isOut, needed: 16 << 20, "the state")
            #expect(verdict.word == word, "\(free)")
        }
    }

    @Test @IO func `a check that hangs ends at its own time, and none begins after the end`() async
    {
        let examination = Examination(until: IO.now + .milliseconds(60))
        let late = Check.Verdict.fault("late", advice: "look", exit: 69)
        let start = IO.now
        for name in ["first", "second", "third"] {
            await examination.check(name, "waits", within: .milliseconds(40), late: late) {
                try? await IO.sleep(for: .seconds(60))
                return .ok("came")
            }
        }
        #expect(IO.now - start < .seconds(5))
        #expect(examination.checks.map(\.verdict) == [late, late, late])
    }
}
