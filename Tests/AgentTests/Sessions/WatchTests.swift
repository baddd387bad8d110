// Watch's rules as a table: what the terminal did and when, what the kernel answered, and what
// follows. No clock, no kernel, no task: every time is counted back from one moment.
import Terminal
import Testing
import Wire

@testable import homeline_agent

@Suite struct WatchTests {
    private static let rules = WatchRule.all

    /// Any moment.
    private static let now = ContinuousClock.now

    private static func ago(_ milliseconds: Int) -> Watch.Instant {
        now - .milliseconds(milliseconds)
    }

    /// What follows the last answer of a rule.
    private static func outcome(_ rule: WatchRule) -> (WatchOutcome, Watch) {
        var scene = Watch.Scene(
            begin: 0, outputBytes: rule.bytes, openLine: rule.line, drawsScreen: rule.draws,
            picture: rule.draws ? .screen : rule.line.map(Display.Picture.line) ?? .begin,
            typed: rule.typed,
            profile: .dash, image: 555)
        var watch = Watch(now: ago(60_000))
        if rule.isHeard { watch.heard() }
        watch.received(at: ago(rule.output))
        watch.typed(at: ago(rule.input), toProgram: rule.isTyped, isCut: rule.isCut)
        if let arrived = rule.arrived {
            var first = watch.look(Watch.Scene(begin: 0), at: ago(arrived))
            _ = watch.answered(
                KernelAnswer.sleep.probe, to: &first, Watch.Scene(begin: 0), at: ago(arrived))
        }
        var look = watch.look(scene, at: now)
        for _ in 0..<rule.rests {
            _ = watch.answered(rule.kernel.probe, to: &look, scene, at: now)
        }
        var step = Watch.Step.over
        for time in 0..<rule.times {
            watch.ask(&look, at: now)
            switch rule.overtaken {
            case nil: break
            case .output: watch.received(at: ago(5 - time))
            case .input: watch.typed(at: ago(5 - time))
            case .otherCommand: scene.begin = 1
            }
            step = watch.answered(rule.kernel.probe, to: &look, scene, at: now)
        }
        switch step {
        case .again: return (.again, watch)
        case .rest(let time, _): return (.rests(Int(time / .milliseconds(1))), watch)
        case .over:
            let found = watch.finding.map { WatchOutcome.finds($0.state, $0.evidence) }
            return (found ?? .nothing, watch)
        }
    }

    @Test func `every rule holds`() {
        #expect(Self.rules.count >= 80)
        #expect(Set(Self.rules.map(\.name)).count == Self.rules.count)
        for rule in Self.rules {
            let (outcome, watch) = Self.outcome(rule)
            #expect(outcome == rule.outcome, "\(rule.name)")
            #expect(watch.unmarked == rule.unmarked, "\(rule.name)")
        }
    }

    @Test func `a look ends, however often it rests`() {
        var watch = Watch(now: Self.ago(60_000))
        watch.typed(at: Self.now, toProgram: true)
        let scene = Watch.Scene(begin: 0, drawsScreen: true, picture: .screen)
        var look = watch.look(scene, at: Self.now)
        var rests = 0
        while case .rest = watch.answered(KernelAnswer.less.probe, to: &look, scene, at: Self.now) {
            rests += 1
            #expect(rests < 100)
        }
        #expect(watch.finding?.state == .fullscreen)
    }

    @Test func `what was found holds until output, input or the end`() {
        func found(_ kernel: KernelAnswer) -> Watch {
            var watch = Watch(now: Self.ago(9000))
            let scene = Watch.Scene(begin: 0, openLine: "Say: ")
            var look = watch.look(scene, at: Self.now)
            _ = watch.answered(kernel.probe, to: &look, scene, at: Self.now)
            #expect(watch.finding != nil)
            return watch
        }
        var watch = found(.cat)
        watch.printed()
        #expect(watch.finding == nil)
        // What draws goes on drawing.
        watch = found(.less)
        watch.printed()
        #expect(watch.finding?.state == .fullscreen)
        watch.typed(at: Self.now)
        #expect(watch.finding == nil && watch.foreground == nil)
        watch = found(.cat)
        #expect(watch.foreground == "cat" && watch.finding?.prompt == "Say: ")
        watch.ended()
        #expect(watch.finding == nil && watch.foreground == nil)
    }

    @Test func `the shell is found waiting once an answer shows that input arrived`() {
        var watch = Watch(now: Self.ago(9000))
        watch.typed(at: Self.ago(500), toProgram: true)
        let scene = Watch.Scene(begin: 0)
        var look = watch.look(scene, at: Self.now)
        _ = watch.answered(KernelAnswer.prompt.probe, to: &look, scene, at: Self.ago(400))
        #expect(!watch.shellWaits)
        _ = watch.answered(KernelAnswer.prompt.probe, to: &look, scene, at: Self.ago(200))
        #expect(watch.shellWaits)
        watch.typed(at: Self.now)
        #expect(!watch.shellWaits)
    }

    @Test func `a fresh look is not repeated`() {
        var watch = Watch(now: Self.ago(9000))
        #expect(!watch.isFresh(Self.now))
        let scene = Watch.Scene(begin: 0)
        var look = watch.look(scene, at: Self.now)
        _ = watch.answered(KernelAnswer.sleep.probe, to: &look, scene, at: Self.ago(299))
        #expect(watch.isFresh(Self.now))
        #expect(!watch.isFresh(Self.now + .milliseconds(1)))
        watch.received(at: Self.ago(100))
        #expect(!watch.isFresh(Self.now))
    }
}
