// When an answer of the terminal is sent, from what the kernel shows: tables, without a clock.
import Loop
import Terminal
import Testing

@testable import homeline_agent

@Suite struct ReplyRuleTests {
    /// The kernel's answer: the shell is process 10, another program process 20.
    static func probe(
        _ modes: String, alone: Bool = false, wait: String = "poll_schedule_timeout",
        name: String = "tui", state: String = "S"
    ) -> Probe? {
        let process = alone ? 10 : 20
        return Probe(
            Array(
                """
                shell 10 10 \(process) 1 34816
                process \(process) \(state) \(wait) 7 ? \(alone ? "bash" : name)
                tty /dev/pts/0 \(modes)

                """.utf8))
    }

    static func scene(
        age: Int = 10, silence: Int = 10, last: Bool = true, draws: Bool = false,
        editor: Bool = false, slow: Bool = false
    ) -> ReplyRule.Scene {
        ReplyRule.Scene(
            age: .milliseconds(age), silence: .milliseconds(silence), isLast: last,
            drawsScreen: draws, hasEditor: editor, isKernelSlow: slow)
    }

    typealias Case = (what: String, Probe?, ReplyRule.Scene, ReplyRule.Step)
    static let raw = "-icanon -echo"
    static let cases: [Case] = [
        ("a program reads keys", probe(raw), scene(), .send),
        ("it drew after its question", probe(raw), scene(last: false), .send),
        ("it sleeps in something else", probe(raw, wait: "futex_wait"), scene(), pause),
        ("and is raw for long", probe(raw, wait: "futex_wait"), scene(age: 400), .send),
        ("it only printed: cat", probe("icanon echo", wait: "pipe_read"), scene(), pause),
        ("it reads lines", probe("icanon echo", wait: "n_tty_read"), scene(), pause),
        ("it asks for a secret", probe("icanon -echo", wait: "n_tty_read"), scene(), pause),
        ("nobody reads keys in time", probe("icanon echo"), scene(age: 3000), .drop),
        ("it is stopped", probe(raw, state: "T"), scene(), pause),
        ("the shell reads a key", probe(raw, alone: true), scene(), .send),
        ("or edits a line", probe(raw, alone: true), scene(editor: true), rest(390)),
        ("for long", probe(raw, alone: true), scene(silence: 400, editor: true), .send),
        ("ssh, and a prompt came", probe(raw, name: "ssh"), scene(last: false), .drop),
        ("ssh, and silence", probe(raw, name: "ssh"), scene(silence: 400), .send),
        ("ssh, and a screen", probe(raw, name: "ssh"), scene(last: false, draws: true), .send),
        ("no kernel, and output", nil, scene(last: false), .drop),
        ("no kernel, and silence", nil, scene(silence: 100), rest(300)),
        ("no kernel, and long silence", nil, scene(silence: 500), .send),
        ("a slow kernel", nil, scene(silence: 500, slow: true), pause),
    ]
    static let pause = ReplyRule.Step.rest(ReplyRule.pause)
    static func rest(_ milliseconds: Int) -> ReplyRule.Step { .rest(.milliseconds(milliseconds)) }

    @Test func `an answer is sent to a program that reads it`() {
        for (what, probe, scene, step) in Self.cases {
            #expect(ReplyRule.step(probe, scene) == step, "\(what)")
        }
    }

    @Test func `a hostile host gets few answers`() {
        var now = ContinuousClock.now
        var budget = ReplyBudget(now: now)
        var bytes = 0
        for _ in 0..<100_000 {
            now = now + .milliseconds(1)
            if budget.spend(10, at: now) { bytes += 10 }
        }
        #expect(bytes > 50_000 && bytes < 60_000)
        let isTooMuch = !budget.spend(10_000, at: now + .seconds(3600))
        #expect(isTooMuch)
    }
}
