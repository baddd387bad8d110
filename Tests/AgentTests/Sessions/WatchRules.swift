// The table of Watch's rules: what the terminal did and when, what the kernel answered, what
// follows. Milliseconds are counted back from the answer. WatchTests plays them.
import Terminal
import Wire

@testable import homeline_agent

/// What follows an answer.
enum WatchOutcome: Equatable {
    case finds(CommandState, Evidence)
    case nothing
    case rests(Int)
    case again
}

/// What came between the question and its answer.
enum Overtaking { case output, input, otherCommand }

/// One rule: milliseconds are counted back from the answer.
struct WatchRule: Sendable {
    var name: String
    var kernel: KernelAnswer
    var output = 9000
    var input = 9000
    /// Input went to a program.
    var isTyped = false
    /// The input ended in ESC.
    var isCut = false
    /// An answer came this long ago, to a question asked after the input.
    var arrived: Int?
    var line: String?
    var bytes = 0
    var draws = false
    var typed: TypedInput?
    /// Answers before this one that were followed by a rest.
    var rests = 0
    var overtaken: Overtaking?
    /// How many answers in turn were overtaken.
    var times = 1
    /// The kernel has answered before in this session.
    var isHeard = false
    var unmarked: String?
    var outcome: WatchOutcome
}

extension WatchRule {
    /// All of them.
    static let all: [WatchRule] =
        asking + editing + answered + running + drawing + untold + atThePrompt + shells + behind
        + overtaken

    /// Input at the prompt.
    private static func input(_ text: String, wantsMore: Bool = false) -> TypedInput {
        TypedInput(begin: 0, typing: Array(text.utf8), wantsMore: wantsMore)
    }

    private static let asking: [WatchRule] = [
        WatchRule(
            name: "a question that rests is one", kernel: .cat, output: 500, input: 500,
            line: "Say: ",
            outcome: .finds(.lineInput, .probe)),
        WatchRule(
            name: "a read without a question, after a round trip", kernel: .cat, output: 400,
            input: 400,
            outcome: .finds(.lineInput, .probe)),
        WatchRule(
            name: "its question may be on the way", kernel: .cat, output: 399, input: 399,
            outcome: .rests(200)),
        WatchRule(
            name: "the question may be on the way after old output", kernel: .cat, output: 5000,
            input: 100,
            outcome: .rests(200)),
        WatchRule(
            name: "a letter may follow", kernel: .cat, output: 50, line: "S", outcome: .rests(70)),
        WatchRule(
            name: "a letter may follow still", kernel: .cat, output: 119, line: "S",
            outcome: .rests(1)),
        WatchRule(
            name: "no letter follows", kernel: .cat, output: 120, line: "Say",
            outcome: .finds(.lineInput, .probe)),
        WatchRule(
            name: "a password prompt", kernel: .secret, output: 200, line: "Password: ",
            outcome: .finds(.secret, .probe)),
        WatchRule(
            name: "a password prompt may be on the way", kernel: .secret, output: 100,
            outcome: .rests(200)),
        WatchRule(
            name: "a password prompt without words", kernel: .secret,
            outcome: .finds(.secret, .probe)),
        WatchRule(
            name: "what works beside a reader may ask", kernel: .catBeside, output: 2999,
            outcome: .rests(200)),
        WatchRule(
            name: "what works beside a reader asks nothing", kernel: .catBeside, output: 3000,
            outcome: .finds(.lineInput, .probe)),
        WatchRule(
            name: "what works beside a reader has asked", kernel: .catBeside, output: 200,
            line: "? ",
            outcome: .finds(.lineInput, .probe)),
    ]

    private static let editing: [WatchRule] = [
        WatchRule(
            name: "a line editor's prompt", kernel: .python, output: 500, input: 500, line: ">>> ",
            outcome: .finds(.lineInput, .probe)),
        WatchRule(
            name: "a line editor's prompt comes letter by letter", kernel: .python, output: 50,
            input: 500, line: ">>", outcome: .rests(70)),
        WatchRule(
            name: "the letters of a typed line are drawn, and it is not read yet", kernel: .python,
            output: 300, input: 200, isTyped: true, arrived: 100, line: ">>> ",
            outcome: .rests(120)),
        WatchRule(
            name: "a line editor's next prompt", kernel: .python, output: 130, input: 300,
            isTyped: true, arrived: 200, line: ">>> ", outcome: .finds(.lineInput, .probe)),
        WatchRule(
            name: "one without a prompt", kernel: .python, output: 1000, input: 1000,
            outcome: .finds(.lineInput, .probe)),
        WatchRule(
            name: "one that has shown nothing yet may only have begun", kernel: .python,
            output: 999, input: 999, outcome: .rests(200)),
        WatchRule(
            name: "a key is read after a question", kernel: .keyReader, output: 500, input: 500,
            line: "Go on? [y/N] ", outcome: .finds(.lineInput, .probe)),
        WatchRule(
            name: "a program that places rows draws the screen", kernel: .python, draws: true,
            outcome: .finds(.fullscreen, .probe)),
    ]

    private static let answered: [WatchRule] = [
        WatchRule(
            name: "a typed line is not read yet", kernel: .cat, output: 300, input: 200,
            isTyped: true,
            arrived: 100, line: "Say: ", outcome: .rests(120)),
        WatchRule(
            name: "a typed line shows nothing yet", kernel: .cat, input: 2999, isTyped: true,
            arrived: 100,
            line: "Say: ", outcome: .rests(120)),
        WatchRule(
            name: "a typed line shows nothing", kernel: .cat, input: 3000, isTyped: true,
            arrived: 100,
            line: "Say: ", outcome: .finds(.lineInput, .probe)),
        WatchRule(
            name: "a secret is not read yet", kernel: .secret, input: 999, isTyped: true,
            arrived: 100,
            line: "Word: ", outcome: .rests(120)),
        WatchRule(
            name: "a secret was read and another is asked for", kernel: .secret, input: 1000,
            isTyped: true,
            arrived: 100, line: "Word: ", outcome: .finds(.secret, .probe)),
        WatchRule(
            name: "input and question arrived together", kernel: .secret, input: 1000,
            isTyped: true,
            line: "Word: ", outcome: .rests(30)),
        WatchRule(
            name: "the next question", kernel: .cat, output: 300, input: 500, isTyped: true,
            arrived: 200,
            line: "And? ", outcome: .finds(.lineInput, .probe)),
        WatchRule(
            name: "the next question, before its program took the line", kernel: .cat, output: 300,
            input: 500, isTyped: true, line: "And? ", outcome: .rests(30)),
        WatchRule(
            name: "the next question's letters", kernel: .cat, output: 100, input: 500,
            isTyped: true,
            arrived: 50, line: "An", outcome: .rests(20)),
        WatchRule(
            name: "the next question may be on the way", kernel: .cat, output: 100, input: 500,
            isTyped: true, arrived: 50, outcome: .rests(200)),
    ]

    private static let running: [WatchRule] = [
        WatchRule(name: "sleep waits for nothing", kernel: .sleep, outcome: .nothing),
        WatchRule(
            name: "sleep waits for nothing, whatever it printed", kernel: .sleep,
            line: "Password: ",
            outcome: .nothing),
        WatchRule(
            name: "sleep waits for nothing after input", kernel: .sleep, input: 100, isTyped: true,
            outcome: .nothing),
        WatchRule(
            name: "a picture is on and nobody reads", kernel: .sleep, draws: true,
            outcome: .finds(.fullscreen, .probe)),
        WatchRule(
            name: "a key may end what drew the picture", kernel: .sleep, input: 600, isTyped: true,
            arrived: 500, draws: true, outcome: .rests(80)),
        WatchRule(
            name: "a key may still end it", kernel: .sleep, input: 4000, isTyped: true,
            arrived: 2999,
            draws: true, outcome: .rests(80)),
        WatchRule(
            name: "no key ends it", kernel: .sleep, input: 4000, isTyped: true, arrived: 3000,
            draws: true,
            outcome: .finds(.fullscreen, .probe)),
        WatchRule(name: "a stopped program", kernel: .stopped, outcome: .finds(.stopped, .probe)),
        WatchRule(
            name: "a stopped program's picture", kernel: .stopped, draws: true,
            outcome: .finds(.stopped, .probe)),
    ]

    private static let drawing: [WatchRule] = [
        WatchRule(name: "a pager", kernel: .less, outcome: .finds(.fullscreen, .probe)),
        WatchRule(
            name: "a pager's picture", kernel: .less, draws: true,
            outcome: .finds(.fullscreen, .probe)),
        WatchRule(name: "an editor that starts", kernel: .vimStarts, outcome: .rests(80)),
        WatchRule(
            name: "an editor that still starts", kernel: .vimStarts, rests: 12, outcome: .rests(80)),
        WatchRule(
            name: "a raw terminal that nobody reads", kernel: .vimStarts, rests: 13,
            outcome: .nothing),
        WatchRule(
            name: "an editor that works on its picture", kernel: .vimStarts, draws: true,
            outcome: .finds(.fullscreen, .probe)),
        WatchRule(
            name: "a key has not arrived", kernel: .less, input: 100, isTyped: true, draws: true,
            outcome: .rests(80)),
        WatchRule(
            name: "a key that draws nothing may be the end", kernel: .less, input: 1500,
            isTyped: true,
            arrived: 999, draws: true, outcome: .rests(80)),
        WatchRule(
            name: "over a slow line the end takes longer", kernel: .less, input: 2500,
            isTyped: true,
            arrived: 700, draws: true, outcome: .rests(80)),
        WatchRule(
            name: "a key that did nothing", kernel: .less, input: 1500, isTyped: true,
            arrived: 1000,
            draws: true, outcome: .finds(.fullscreen, .probe)),
        WatchRule(
            name: "a key's picture is being drawn", kernel: .less, output: 100, input: 300,
            isTyped: true,
            draws: true, outcome: .rests(60)),
        WatchRule(
            name: "a key's picture is nearly drawn", kernel: .less, output: 150, input: 300,
            isTyped: true,
            draws: true, outcome: .rests(20)),
        WatchRule(
            name: "an ESC may be the beginning of a key", kernel: .less, output: 500, input: 900,
            isTyped: true, isCut: true, draws: true, outcome: .rests(80)),
        WatchRule(
            name: "an ESC was a key of its own", kernel: .less, output: 500, input: 1100,
            isTyped: true, isCut: true, arrived: 1050, draws: true,
            outcome: .finds(.fullscreen, .probe)),
        WatchRule(
            name: "a key's picture is drawn", kernel: .less, output: 160, input: 300, isTyped: true,
            draws: true, outcome: .finds(.fullscreen, .probe)),
        WatchRule(
            name: "a pager's answer is drawn", kernel: .less, output: 160, input: 300,
            isTyped: true,
            line: ":", outcome: .finds(.fullscreen, .probe)),
        WatchRule(
            name: "a line is read on a picture", kernel: .cat, output: 500, draws: true,
            outcome: .finds(.fullscreen, .probe)),
        WatchRule(
            name: "a secret is read on a picture", kernel: .secret, output: 500, draws: true,
            outcome: .finds(.secret, .probe)),
        WatchRule(
            name: "the shell reads, and a picture was left", kernel: .prompt, draws: true,
            outcome: .finds(.lineInput, .probe)),
    ]

    private static let untold: [WatchRule] = [
        WatchRule(
            name: "another user's program, a question", kernel: .hidden, output: 2000,
            line: "Do you want to continue? [Y/n] ", outcome: .finds(.maybeInput, .regex)),
        WatchRule(
            name: "another user's program, a question too new", kernel: .hidden, output: 1999,
            line: "Do you want to continue? [Y/n] ", outcome: .nothing),
        WatchRule(
            name: "another user's program, no question", kernel: .hidden, line: "unpacking",
            outcome: .nothing),
        WatchRule(
            name: "no modes, a question", kernel: .modeless, output: 2000, line: "Password:",
            outcome: .finds(.maybeInput, .regex)),
        WatchRule(
            name: "no modes, a question too new", kernel: .modeless, output: 1999,
            line: "Password:",
            outcome: .nothing),
        WatchRule(
            name: "no modes, no question", kernel: .modeless, line: "hello", outcome: .nothing),
        WatchRule(
            name: "no modes, a picture", kernel: .modeless, draws: true,
            outcome: .finds(.fullscreen, .probe)),
        WatchRule(
            name: "no answer, a question", kernel: .silent, output: 2000, line: "Go on? [y/N]",
            outcome: .finds(.maybeInput, .regex)),
        WatchRule(
            name: "no answer, input too new", kernel: .silent, input: 1999, line: "Go on? [y/N]",
            outcome: .nothing),
        WatchRule(
            name: "no answer, output too new", kernel: .silent, output: 1999, line: "Go on? [y/N]",
            outcome: .nothing),
        WatchRule(name: "no answer, no open line", kernel: .silent, outcome: .nothing),
        WatchRule(
            name: "no answer this time, a question", kernel: .silent, output: 4999,
            line: "Go on? [y/N]", isHeard: true, outcome: .nothing),
        WatchRule(
            name: "no answer this time, an old question", kernel: .silent, output: 5000,
            line: "Go on? [y/N]", isHeard: true, outcome: .finds(.maybeInput, .regex)),
        WatchRule(
            name: "no answer, a picture", kernel: .silent, input: 1000, draws: true,
            outcome: .finds(.fullscreen, .regex)),
        WatchRule(
            name: "no answer, a picture too new", kernel: .silent, input: 999, draws: true,
            outcome: .nothing),
        WatchRule(
            name: "no answer, a key may end the picture", kernel: .silent, input: 1999,
            isTyped: true,
            draws: true, outcome: .nothing),
        WatchRule(
            name: "no answer this time, a key may end the picture", kernel: .silent, input: 4999,
            isTyped: true, draws: true, isHeard: true, outcome: .nothing),
        WatchRule(
            name: "no answer this time, no key ended the picture", kernel: .silent, input: 5000,
            isTyped: true, draws: true, isHeard: true, outcome: .finds(.fullscreen, .regex)),
        WatchRule(
            name: "no answer, no key ended the picture", kernel: .silent, input: 2000,
            isTyped: true,
            draws: true, outcome: .finds(.fullscreen, .regex)),
        WatchRule(
            name: "no answer, an unfinished line", kernel: .silent, input: 2000,
            typed: input("'\r", wantsMore: true), outcome: .finds(.incomplete, .mark)),
        WatchRule(
            name: "no answer, an unfinished line too new", kernel: .silent, input: 1999,
            typed: input("'\r", wantsMore: true), outcome: .nothing),
    ]

    private static let atThePrompt: [WatchRule] = [
        WatchRule(
            name: "text without Enter", kernel: .prompt, typed: input("ls"),
            outcome: .finds(.lineInput, .probe)),
        WatchRule(
            name: "a line that ends without a mark", kernel: .prompt, typed: input("PS1=\r"),
            outcome: .nothing),
        WatchRule(
            name: "an unfinished line", kernel: .prompt, typed: input("'\r", wantsMore: true),
            outcome: .finds(.incomplete, .mark)),
        WatchRule(
            name: "a line's program reads", kernel: .cat, typed: input("cat\r"),
            outcome: .finds(.lineInput, .probe)),
        WatchRule(
            name: "the shell works", kernel: .shellWorks, typed: input("f\r"), outcome: .nothing),
        WatchRule(
            name: "a line started a shell", kernel: .innerShell, line: "$ ",
            typed: input("bash\r"), unmarked: "bash",
            outcome: .finds(.lineInput, .probe)),
        WatchRule(
            name: "a line put a shell in place", kernel: .otherShell, line: "% ",
            typed: input("exec zsh\r"), unmarked: "zsh", outcome: .finds(.lineInput, .probe)),
    ]

    private static let shells: [WatchRule] = [
        WatchRule(
            name: "a shell inside", kernel: .innerShell, line: "$ ", unmarked: "bash",
            outcome: .finds(.lineInput, .probe)),
        WatchRule(
            name: "a shell in place", kernel: .otherShell, line: "% ", unmarked: "zsh",
            outcome: .finds(.lineInput, .probe)),
        WatchRule(
            name: "the shell itself reads", kernel: .prompt, outcome: .finds(.lineInput, .probe)),
        WatchRule(
            name: "a shell somewhere else", kernel: .ssh, line: "me@far:~$ ", unmarked: "ssh",
            outcome: .finds(.maybeInput, .regex)),
        WatchRule(
            name: "a shell somewhere else may go on", kernel: .ssh, output: 999, line: "me@far:~$ ",
            outcome: .rests(200)),
        WatchRule(
            name: "what works somewhere else", kernel: .ssh, line: "compiling",
            outcome: .nothing),
    ]

    private static let behind: [WatchRule] = [
        WatchRule(
            name: "much output of the shell itself is on its way", kernel: .prompt, output: 2999,
            line: "012", bytes: 5000, outcome: .rests(200)),
        WatchRule(
            name: "much output of the shell itself has come", kernel: .prompt, output: 3000,
            line: "012", bytes: 5000, outcome: .finds(.lineInput, .probe)),
        WatchRule(
            name: "a line of the shell itself, the rest may follow", kernel: .prompt, output: 399,
            line: "012", bytes: 512, outcome: .rests(200)),
        WatchRule(
            name: "more than a question of the shell itself", kernel: .prompt, output: 2999,
            line: "012", bytes: 513, outcome: .rests(200)),
        WatchRule(
            name: "a question of the shell itself", kernel: .prompt, output: 400, line: "Go on? ",
            bytes: 512, outcome: .finds(.lineInput, .probe)),
        WatchRule(
            name: "the shell itself reads without a question, its end mark may follow",
            kernel: .prompt, output: 2999, outcome: .rests(200)),
        WatchRule(
            name: "the shell itself reads without a question", kernel: .prompt, output: 3000,
            outcome: .finds(.lineInput, .probe)),
        WatchRule(
            name: "much output of a program that reads", kernel: .cat, output: 200, line: "? ",
            bytes: 5000, outcome: .finds(.lineInput, .probe)),
        WatchRule(
            name: "no answer, the question was answered", kernel: .silent, input: 4999,
            isTyped: true,
            line: "Password: ", outcome: .nothing),
        WatchRule(
            name: "no answer, the question stays", kernel: .silent, input: 5000, isTyped: true,
            line: "Password: ", outcome: .finds(.maybeInput, .regex)),
        WatchRule(
            name: "no answer, another question", kernel: .silent, output: 2000, input: 2500,
            isTyped: true, line: "Password: ", outcome: .finds(.maybeInput, .regex)),
    ]

    private static let overtaken: [WatchRule] = [
        WatchRule(
            name: "output overtook the answer", kernel: .cat, overtaken: .output, outcome: .again),
        WatchRule(
            name: "input overtook the answer", kernel: .cat, overtaken: .input, outcome: .again),
        WatchRule(
            name: "another command overtook the answer", kernel: .cat, overtaken: .otherCommand,
            outcome: .again),
        WatchRule(
            name: "output overtook two answers", kernel: .cat, overtaken: .output, times: 2,
            outcome: .again
        ),
        WatchRule(
            name: "output overtook three answers", kernel: .cat, overtaken: .output, times: 3,
            outcome: .nothing),
        WatchRule(
            name: "input overtook three answers", kernel: .less, overtaken: .input, times: 3,
            outcome: .nothing),
        WatchRule(
            name: "what draws is never silent", kernel: .less, draws: true, overtaken: .output,
            times: 3,
            outcome: .finds(.fullscreen, .probe)),
    ]
}
