// What the doctor concludes from what answers at the relay's URL: values alone.
import Diagnosis
import Loop
import Testing

@testable import homeline_relay

@Suite struct DoctorVerdictTests {
    @Test(arguments: [
        (401, true, "ok", "asks for a token"), (400, false, "ok", "lets this machine's"),
        (400, true, "fault", "something else"), (200, false, "fault", "something else"),
        (404, true, "fault", "something else"), (403, true, "fault", "this name"),
        (421, true, "fault", "this name"), (502, true, "fault", "a proxy answers"),
    ])
    @IO func `a page's status shows who answers`(
        _ status: Int, _ needsToken: Bool, _ word: String, _ came: String
    ) {
        let verdict = EntranceChecks.judge(page: status, needsToken: needsToken)
        #expect(verdict.word == word)
        #expect(verdict.came.contains(came), "\(verdict)")
    }
}
