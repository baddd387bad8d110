// Start-up files as people write them, and shells started in odd ways: a session opens, and
// commands in it are exact all the same.
import Loop
import Support
import Terminal
import Testing
import Wire

@testable import homeline_agent

@Suite(.serialized, .timeLimit(.minutes(4))) struct SessionsConfigurationTests {
    static let common = [
        "PS1='two\nlines> '; PS2='... '",
        "alias printf=echo eval=true unset=: test=false export=: trap=: return=: command=: typeset=:",
        "printf() { echo no; }; test() { return 1; }; bind() { echo no; }",
        "set -u", "set -o noclobber; set -f; IFS=/", "set -a", "stty -echo", "stty -onlcr",
        "cd /; false", "PAGER=less; HISTFILE=~/kept", "umask 777; TERM=nonsense",
        "echo hello; echo there >&2", "sleep 0.5; read -t 0.2 x", "unset PS1 PS2 PWD HOME",
    ]

    static let bash = [
        "PROMPT_COMMAND='echo before'", "PROMPT_COMMAND=('echo one' 'printf two')",
        "PROMPT_COMMAND[3]='history -a'; declare -x PROMPT_COMMAND",
        "PS0='running\\n'; PS1='\\[\\e]0;\\u@\\h: \\w\\a\\]\\u@\\h:\\w\\$ '; PS4='++ '",
        "readonly PS1='fixed> '", "readonly PROMPT_COMMAND='echo before'",
        "readonly PS0='zero\\n' PS2='more> '", "readonly HISTFILE PAGER=less",
        "set -e", "set -eu -o pipefail", "set -o vi", "set -o posix", "set -T -E",
        "trap 'echo debug' DEBUG", "trap 'echo bye' EXIT",
        "preexec() { :; }; trap 'preexec \"$BASH_COMMAND\"' DEBUG; PROMPT_COMMAND='echo -ne \"\\033]0;x\\a\"'",
        "shopt -s extdebug expand_aliases failglob; shopt -u sourcepath",
        "__p() { echo mine; }; __n=5; __s=7; __c=x",
        "readonly -f 2>/dev/null; shopt -s promptvars; PS1='$(date)> '",
        "shopt -u promptvars", "export PS1='exported> '; bash_prompt() { :; }",
    ]

    static let zsh = [
        "precmd() { echo before }; preexec() { echo \"run $1\" }", "RPROMPT='%T'; PROMPT='%~ %# '",
        "autoload -Uz add-zsh-hook; hook() { echo hook }; add-zsh-hook precmd hook; add-zsh-hook preexec hook",
        "setopt prompt_bang xtrace; unsetopt xtrace",
        "bindkey -v; zle-line-init() { :; }; zle -N zle-line-init",
        "setopt errexit", "setopt nounset pipefail", "setopt sh_word_split ksh_arrays",
        "setopt no_bang_hist correct_all",
        "typeset -r PS1='fixed> '", "periodic() { echo p }; PERIOD=1",
        "setopt transient_rprompt; PS1='%F{red}x%f '",
        "emulate sh", "setopt no_prompt_percent no_prompt_subst print_exit_value",
        "TRAPDEBUG() { echo debug }",
        "chpwd() { echo moved }; command_not_found_handler() { echo nope; return 127 }",
        "zstyle ':x' y z; PS1=$'a\\nb> '",
    ]

    @IO static func check(_ session: Session, _ configuration: String) async throws {
        for (code, output, status) in [
            ("echo a b", "a b\n", 0), ("(exit 3)", "", 3), ("echo \"$?\"", "3\n", 0),
            ("/bin/echo 'x\ny'; sh -c 'exit 9' || true", "x\ny\n", 0),
            ("x='" + String(repeating: "0123456789", count: 120) + "'; echo ${#x}", "1200\n", 0),
        ] {
            let strict = configuration.contains("set -e") || configuration.contains("errexit")
            if strict, code == "(exit 3)" || code.contains("$?") { continue }
            let result = try await session.run(code)
            #expect(result.state == .done, "\(configuration): \(code)")
            #expect(result.output == output, "\(configuration): \(code)")
            #expect(result.exitCode == status, "\(configuration): \(code)")
        }
    }

    @Test(arguments: common + bash)
    @IO func `whatever bash's configuration says`(configuration: String) async throws {
        let home = try TemporaryDirectory()
        try home.write(configuration + "\n", to: ".bashrc")
        let session = try await openSession(.bash, home: home, arguments: ["bash", "-i"])
        defer { session.close() }
        try await Self.check(session, configuration)
    }

    @Test(.needs("zsh"), arguments: common + zsh)
    @IO func `whatever zsh's configuration says`(configuration: String) async throws {
        let home = try TemporaryDirectory()
        try home.write(configuration + "\n", to: ".zshrc")
        let session = try await openSession(.zsh, home: home)
        defer { session.close() }
        try await Self.check(session, configuration)
    }

    @Test(arguments: common, TestShell.known.filter { $0 != .bash && $0 != .zsh })
    @IO func `whatever ENV says`(configuration: String, shell: TestShell) async throws {
        let home = try TemporaryDirectory()
        let file = try home.write(configuration + "\n", to: "env")
        let session = try await openSession(shell, home: home, environment: ["ENV": file])
        defer { session.close() }
        if session.isAtLogin {
            // Without a line editor, a prompt that has no text or ends as a question does cannot be
            // told from a `read` of a start-up file.
            let isUnclear = configuration.contains("lines> ") || configuration.contains("unset PS1")
            #expect(shell == .dash && isUnclear, "\(configuration)")
            #expect(try await session.type("PS1='$ '").state == .done, "\(configuration)")
        }
        try await Self.check(session, configuration)
    }

    @Test(arguments: [
        ["bash", "--posix", "-i"], ["bash", "--noediting", "-i"], ["rbash", "-i"],
        ["bash", "-r", "-i"], ["bash", "--norc", "-i", "-o", "vi"], ["-bash", "--noprofile"],
        ["bash", "-i", "+o", "history", "-o", "ignoreeof"], ["sh", "-i"],
    ])
    @IO func `however bash is started`(arguments: [String]) async throws {
        let home = try TemporaryDirectory()
        let session = try await openSession(.bash, home: home, arguments: arguments)
        defer { session.close() }
        for (code, output, status) in [
            ("echo a b", "a b\n", 0), ("(exit 3)", "", 3), ("echo \"$?\"", "3\n", 0),
            ("cd /", arguments.contains { $0 == "rbash" || $0 == "-r" } ? nil : "", nil),
            ("printf 'x\\ny'", "x\ny", 0),
        ] as [(String, String?, Int?)] {
            let result = try await session.run(code)
            #expect(result.state == .done, "\(code)")
            if let output { #expect(result.output == output, "\(code)") }
            if let status { #expect(result.exitCode == status, "\(code)") }
        }
    }
}
