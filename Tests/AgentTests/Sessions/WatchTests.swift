// Watch's rules as a table: what the terminal did and when, what the kernel answered, and what follows.
// No clock, no kernel, no task: every time is counted back from one moment.
import Terminal
import Testing
import Wire

@testable import homeline_agent

/// What the kernel says, as its script prints it.
private enum Kernel: String {
    case cat = "shell 10 10 20|process 20 S wait_woken 0 /dev/pts/1 cat|tty /dev/pts/1 icanon echo"
    case catBeside = """
        shell 10 10 20|process 20 S wait_woken 0 /dev/pts/1 cat|process 21 R 0 ? ? cc|\
        tty /dev/pts/1 icanon echo
        """
    case secret =
        "shell 10 10 20|process 20 S wait_woken 0 /dev/pts/1 su|tty /dev/pts/1 icanon -echo"
    case sleep =
        "shell 10 10 20|process 20 S hrtimer_nanosleep 230 ? sleep|tty /dev/pts/1 icanon echo"
    case less = "shell 10 10 20|process 20 S poll_schedule 7 ? less|tty /dev/pts/1 -icanon -echo"
    case vimStarts = "shell 10 10 20|process 20 R 0 ? ? vim|tty /dev/pts/1 -icanon -echo"
    case stopped = "shell 10 10 20|process 20 T do_signal_stop ? ? cat|tty /dev/pts/1 icanon echo"
    case modeless = "shell 10 10 20|process 20 S wait_woken 0 ? cat|tty /dev/pts/1"
    case prompt =
        "shell 10 10 10 555|process 10 S wait_woken 0 /dev/pts/1 dash|tty /dev/pts/1 icanon echo"
    case shellWorks = "shell 10 10 10 555|process 10 R 0 ? ? dash|tty /dev/pts/1 icanon echo"
    case innerShell =
        "shell 10 10 20|process 20 S wait_woken 0 /dev/pts/1 bash|tty /dev/pts/1 icanon echo"
    case otherShell =
        "shell 10 10 10 777|process 10 S wait_woken 0 /dev/pts/1 zsh|tty /dev/pts/1 icanon echo"
    case ssh = "shell 10 10 20|process 20 S poll_schedule 7 ? ssh|tty /dev/pts/1 -icanon -echo"
    case silent = ""

    var probe: Probe? {
        let text = rawValue.split(separator: "|").map { $0 + "\n" }.joined()
        return Probe(Array(text.utf8))
    }
}

/// What follows an answer.
private enum Outcome: Equatable {
    case finds(CommandState, Evidence)
    case nothing
    case rests(Int)
    case again
}

/// What came between the question and its answer.
private enum Overtaking { case output, input, otherCommand }

/// One rule: milliseconds are counted back from the answer.
private struct Rule: CustomTestStringConvertible, Sendable {
    var name: String
    var kernel: Kernel
    var output = 9000
    var input = 9000
    /// Input went to a program.
    var isTyped = false
    /// An answer came this long ago, to a question asked after the input.
    var arrived: Int?
    var line: String?
    var draws = false
    var typed: TypedInput?
    /// Answers before this one that were followed by a rest.
    var rests = 0
    var overtaken: Overtaking?
    /// How many answers in turn were overtaken.
    var times = 1
    var unmarked: String?
    var outcome: Outcome

    var testDescription: String { name }
}

/// Input at the prompt.
private func typed(_ text: String, wantsMore: Bool = false) -> TypedInput {
    TypedInput(begin: 0, typing: Array(text.utf8), wantsMore: wantsMore)
}

private let asking: [Rule] = [
    Rule(
        name: "a question that rests is one", kernel: .cat, output: 500, input: 500, line: "Say: ",
        outcome: .finds(.lineInput, .probe)),
    Rule(
        name: "a read without a question, after a round trip", kernel: .cat, output: 400,
        input: 400,
        outcome: .finds(.lineInput, .probe)),
    Rule(
        name: "its question may be on the way", kernel: .cat, output: 399, input: 399,
        outcome: .rests(200)),
    Rule(
        name: "the question may be on the way after old output", kernel: .cat, output: 5000,
        input: 100,
        outcome: .rests(200)),
    Rule(name: "a letter may follow", kernel: .cat, output: 50, line: "S", outcome: .rests(70)),
    Rule(
        name: "a letter may follow still", kernel: .cat, output: 119, line: "S", outcome: .rests(1)),
    Rule(
        name: "no letter follows", kernel: .cat, output: 120, line: "Say",
        outcome: .finds(.lineInput, .probe)),
    Rule(
        name: "a password prompt", kernel: .secret, output: 200, line: "Password: ",
        outcome: .finds(.secret, .probe)),
    Rule(
        name: "a password prompt may be on the way", kernel: .secret, output: 100,
        outcome: .rests(200)),
    Rule(
        name: "a password prompt without words", kernel: .secret, outcome: .finds(.secret, .probe)),
    Rule(
        name: "what works beside a reader may ask", kernel: .catBeside, output: 2999,
        outcome: .rests(200)),
    Rule(
        name: "what works beside a reader asks nothing", kernel: .catBeside, output: 3000,
        outcome: .finds(.lineInput, .probe)),
    Rule(
        name: "what works beside a reader has asked", kernel: .catBeside, output: 200, line: "? ",
        outcome: .finds(.lineInput, .probe)),
]

private let answered: [Rule] = [
    Rule(
        name: "a typed line is not read yet", kernel: .cat, output: 300, input: 200, isTyped: true,
        arrived: 100, line: "Say: ", outcome: .rests(120)),
    Rule(
        name: "a typed line shows nothing yet", kernel: .cat, input: 2999, isTyped: true,
        arrived: 100,
        line: "Say: ", outcome: .rests(120)),
    Rule(
        name: "a typed line shows nothing", kernel: .cat, input: 3000, isTyped: true, arrived: 100,
        line: "Say: ", outcome: .finds(.lineInput, .probe)),
    Rule(
        name: "a secret is not read yet", kernel: .secret, input: 999, isTyped: true, arrived: 100,
        line: "Word: ", outcome: .rests(120)),
    Rule(
        name: "a secret was read and another is asked for", kernel: .secret, input: 1000,
        isTyped: true,
        arrived: 100, line: "Word: ", outcome: .finds(.secret, .probe)),
    Rule(
        name: "input and question arrived together", kernel: .secret, input: 1000, isTyped: true,
        line: "Word: ", outcome: .rests(30)),
    Rule(
        name: "the next question", kernel: .cat, output: 300, input: 500, isTyped: true,
        arrived: 200,
        line: "And? ", outcome: .finds(.lineInput, .probe)),
    Rule(
        name: "the next question, before its program took the line", kernel: .cat, output: 300,
        input: 500, isTyped: true, line: "And? ", outcome: .rests(30)),
    Rule(
        name: "the next question's letters", kernel: .cat, output: 100, input: 500, isTyped: true,
        arrived: 50, line: "An", outcome: .rests(20)),
    Rule(
        name: "the next question may be on the way", kernel: .cat, output: 100, input: 500,
        isTyped: true, arrived: 50, outcome: .rests(200)),
]

private let running: [Rule] = [
    Rule(name: "sleep waits for nothing", kernel: .sleep, outcome: .nothing),
    Rule(
        name: "sleep waits for nothing, whatever it printed", kernel: .sleep, line: "Password: ",
        outcome: .nothing),
    Rule(
        name: "sleep waits for nothing after input", kernel: .sleep, input: 100, isTyped: true,
        outcome: .nothing),
    Rule(
        name: "a picture is on and nobody reads", kernel: .sleep, draws: true,
        outcome: .finds(.fullscreen, .probe)),
    Rule(
        name: "a key may end what drew the picture", kernel: .sleep, input: 600, isTyped: true,
        arrived: 500, draws: true, outcome: .rests(80)),
    Rule(
        name: "a key may still end it", kernel: .sleep, input: 4000, isTyped: true, arrived: 2999,
        draws: true, outcome: .rests(80)),
    Rule(
        name: "no key ends it", kernel: .sleep, input: 4000, isTyped: true, arrived: 3000,
        draws: true,
        outcome: .finds(.fullscreen, .probe)),
    Rule(name: "a stopped program", kernel: .stopped, outcome: .finds(.stopped, .probe)),
    Rule(
        name: "a stopped program's picture", kernel: .stopped, draws: true,
        outcome: .finds(.stopped, .probe)),
]

private let drawing: [Rule] = [
    Rule(name: "a pager", kernel: .less, outcome: .finds(.fullscreen, .probe)),
    Rule(
        name: "a pager's picture", kernel: .less, draws: true, outcome: .finds(.fullscreen, .probe)),
    Rule(name: "an editor that starts", kernel: .vimStarts, outcome: .rests(80)),
    Rule(name: "an editor that still starts", kernel: .vimStarts, rests: 12, outcome: .rests(80)),
    Rule(
        name: "a raw terminal that nobody reads", kernel: .vimStarts, rests: 13,
        outcome: .finds(.fullscreen, .probe)),
    Rule(
        name: "an editor that works on its picture", kernel: .vimStarts, draws: true,
        outcome: .finds(.fullscreen, .probe)),
    Rule(
        name: "a key has not arrived", kernel: .less, input: 100, isTyped: true, draws: true,
        outcome: .rests(80)),
    Rule(
        name: "a key that draws nothing may be the end", kernel: .less, input: 1500, isTyped: true,
        arrived: 999, draws: true, outcome: .rests(80)),
    Rule(
        name: "over a slow line the end takes longer", kernel: .less, input: 2500, isTyped: true,
        arrived: 700, draws: true, outcome: .rests(80)),
    Rule(
        name: "a key that did nothing", kernel: .less, input: 1500, isTyped: true, arrived: 1000,
        draws: true, outcome: .finds(.fullscreen, .probe)),
    Rule(
        name: "a key's picture is being drawn", kernel: .less, output: 100, input: 300,
        isTyped: true,
        draws: true, outcome: .rests(60)),
    Rule(
        name: "a key's picture is nearly drawn", kernel: .less, output: 150, input: 300,
        isTyped: true,
        draws: true, outcome: .rests(20)),
    Rule(
        name: "a key's picture is drawn", kernel: .less, output: 160, input: 300, isTyped: true,
        draws: true, outcome: .finds(.fullscreen, .probe)),
    Rule(
        name: "a line editor's answer is drawn", kernel: .less, output: 160, input: 300,
        isTyped: true,
        outcome: .finds(.fullscreen, .probe)),
    Rule(
        name: "a line is read on a picture", kernel: .cat, output: 500, draws: true,
        outcome: .finds(.fullscreen, .probe)),
    Rule(
        name: "a secret is read on a picture", kernel: .secret, output: 500, draws: true,
        outcome: .finds(.secret, .probe)),
    Rule(
        name: "the shell reads, and a picture was left", kernel: .prompt, draws: true,
        outcome: .finds(.lineInput, .probe)),
]

private let untold: [Rule] = [
    Rule(
        name: "no modes, a question", kernel: .modeless, output: 2000, line: "Password:",
        outcome: .finds(.maybeInput, .regex)),
    Rule(
        name: "no modes, a question too new", kernel: .modeless, output: 1999, line: "Password:",
        outcome: .nothing),
    Rule(name: "no modes, no question", kernel: .modeless, line: "hello", outcome: .nothing),
    Rule(
        name: "no modes, a picture", kernel: .modeless, draws: true,
        outcome: .finds(.fullscreen, .probe)),
    Rule(
        name: "no answer, a question", kernel: .silent, output: 2000, line: "Go on? [y/N]",
        outcome: .finds(.maybeInput, .regex)),
    Rule(
        name: "no answer, input too new", kernel: .silent, input: 1999, line: "Go on? [y/N]",
        outcome: .nothing),
    Rule(
        name: "no answer, output too new", kernel: .silent, output: 1999, line: "Go on? [y/N]",
        outcome: .nothing),
    Rule(name: "no answer, no open line", kernel: .silent, outcome: .nothing),
    Rule(
        name: "no answer, a picture", kernel: .silent, input: 1000, draws: true,
        outcome: .finds(.fullscreen, .regex)),
    Rule(
        name: "no answer, a picture too new", kernel: .silent, input: 999, draws: true,
        outcome: .nothing),
    Rule(
        name: "no answer, a key may end the picture", kernel: .silent, input: 1999, isTyped: true,
        draws: true, outcome: .nothing),
    Rule(
        name: "no answer, no key ended the picture", kernel: .silent, input: 2000, isTyped: true,
        draws: true, outcome: .finds(.fullscreen, .regex)),
    Rule(
        name: "no answer, an unfinished line", kernel: .silent, input: 2000,
        typed: typed("'\r", wantsMore: true), outcome: .finds(.incomplete, .mark)),
    Rule(
        name: "no answer, an unfinished line too new", kernel: .silent, input: 1999,
        typed: typed("'\r", wantsMore: true), outcome: .nothing),
]

private let atThePrompt: [Rule] = [
    Rule(
        name: "text without Enter", kernel: .prompt, typed: typed("ls"),
        outcome: .finds(.lineInput, .probe)),
    Rule(
        name: "a line that ends without a mark", kernel: .prompt, typed: typed("PS1=\r"),
        outcome: .nothing),
    Rule(
        name: "an unfinished line", kernel: .prompt, typed: typed("'\r", wantsMore: true),
        outcome: .finds(.incomplete, .mark)),
    Rule(
        name: "a line's program reads", kernel: .cat, typed: typed("cat\r"),
        outcome: .finds(.lineInput, .probe)),
    Rule(name: "the shell works", kernel: .shellWorks, typed: typed("f\r"), outcome: .nothing),
    Rule(
        name: "a line started a shell", kernel: .innerShell, typed: typed("bash\r"),
        unmarked: "bash",
        outcome: .finds(.lineInput, .probe)),
    Rule(
        name: "a line put a shell in place", kernel: .otherShell, typed: typed("exec zsh\r"),
        unmarked: "zsh", outcome: .finds(.lineInput, .probe)),
]

private let shells: [Rule] = [
    Rule(
        name: "a shell inside", kernel: .innerShell, unmarked: "bash",
        outcome: .finds(.lineInput, .probe)),
    Rule(
        name: "a shell in place", kernel: .otherShell, unmarked: "zsh",
        outcome: .finds(.lineInput, .probe)),
    Rule(name: "the shell itself reads", kernel: .prompt, outcome: .finds(.lineInput, .probe)),
    Rule(
        name: "a shell somewhere else", kernel: .ssh, unmarked: "ssh",
        outcome: .finds(.fullscreen, .probe)),
]

private let overtaken: [Rule] = [
    Rule(name: "output overtook the answer", kernel: .cat, overtaken: .output, outcome: .again),
    Rule(name: "input overtook the answer", kernel: .cat, overtaken: .input, outcome: .again),
    Rule(
        name: "another command overtook the answer", kernel: .cat, overtaken: .otherCommand,
        outcome: .again),
    Rule(
        name: "output overtook two answers", kernel: .cat, overtaken: .output, times: 2,
        outcome: .again
    ),
    Rule(
        name: "output overtook three answers", kernel: .cat, overtaken: .output, times: 3,
        outcome: .nothing),
    Rule(
        name: "input overtook three answers", kernel: .less, overtaken: .input, times: 3,
        outcome: .nothing),
    Rule(
        name: "what draws is never silent", kernel: .less, draws: true, overtaken: .output,
        times: 3,
        outcome: .finds(.fullscreen, .probe)),
]

@Suite struct WatchTests {
    private static let rules =
        asking + answered + running + drawing + untold + atThePrompt + shells + overtaken

    /// Any moment.
    private static let now = ContinuousClock.now

    private static func ago(_ milliseconds: Int) -> Watch.Instant {
        now - .milliseconds(milliseconds)
    }

    /// What follows the last answer of a rule.
    private static func outcome(_ rule: Rule) -> (Outcome, Watch) {
        var scene = Watch.Scene(
            begin: 0, openLine: rule.line, drawsScreen: rule.draws, typed: rule.typed,
            profile: .dash, image: 555)
        var watch = Watch(now: ago(60_000))
        watch.received(at: ago(rule.output))
        watch.typed(at: ago(rule.input), toProgram: rule.isTyped)
        if let arrived = rule.arrived {
            var first = watch.look(Watch.Scene(begin: 0), at: ago(arrived))
            _ = watch.answered(
                Kernel.sleep.probe, to: &first, Watch.Scene(begin: 0), at: ago(arrived))
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
            let found = watch.finding.map { Outcome.finds($0.state, $0.evidence) }
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
        let scene = Watch.Scene(begin: 0, drawsScreen: true)
        var look = watch.look(scene, at: Self.now)
        var rests = 0
        while case .rest = watch.answered(Kernel.less.probe, to: &look, scene, at: Self.now) {
            rests += 1
            #expect(rests < 100)
        }
        #expect(watch.finding?.state == .fullscreen)
    }

    @Test func `what was found holds until output, input or the end`() {
        func found(_ kernel: Kernel) -> Watch {
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
        _ = watch.answered(Kernel.prompt.probe, to: &look, scene, at: Self.ago(400))
        #expect(!watch.shellWaits)
        _ = watch.answered(Kernel.prompt.probe, to: &look, scene, at: Self.ago(200))
        #expect(watch.shellWaits)
        watch.typed(at: Self.now)
        #expect(!watch.shellWaits)
    }

    @Test func `a fresh look is not repeated`() {
        var watch = Watch(now: Self.ago(9000))
        #expect(!watch.isFresh(Self.now))
        let scene = Watch.Scene(begin: 0)
        var look = watch.look(scene, at: Self.now)
        _ = watch.answered(Kernel.sleep.probe, to: &look, scene, at: Self.ago(299))
        #expect(watch.isFresh(Self.now))
        #expect(!watch.isFresh(Self.now + .milliseconds(1)))
        watch.received(at: Self.ago(100))
        #expect(!watch.isFresh(Self.now))
    }
}
