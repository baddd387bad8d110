// People's prompts: themes that build the prompt anew each time, set at login or in the middle of a
// session, in the manner of each framework. They have their effects, and never the last word.
import Foundation
import Loop
import Support
import Terminal
import Testing
import Wire

@testable import homeline_agent

@Suite(.serialized, .timeLimit(.minutes(5))) struct SessionsDotfilesTests {
    /// A prompt in the manner of a framework: `code` sets it up, `counts`: each prompt of it adds a
    /// line to `ran`.
    struct Theme: Sendable, CustomTestStringConvertible {
        var shell: TestShell
        var name: String
        var code: String
        var counts = true
        var testDescription: String { "\(shell) \(name)" }
    }

    private static let build =
        "build() { echo . >>~/ran; PS1=\"\\w $(echo main)\\n> \"; }\n"

    static let themes: [Theme] = [
        Theme(shell: .bash, name: "scalar", code: build + "PROMPT_COMMAND=build"),
        Theme(
            shell: .bash, name: "before others",
            code: build + "PROMPT_COMMAND=\"build${PROMPT_COMMAND:+;$PROMPT_COMMAND}\""),
        Theme(
            shell: .bash, name: "behind others",
            code: build + "PROMPT_COMMAND=\"${PROMPT_COMMAND:+$PROMPT_COMMAND; }build\""),
        Theme(
            shell: .bash, name: "array",
            code: build + "late() { PS1=\"late$? \"; }\nPROMPT_COMMAND=(build late)"),
        Theme(shell: .bash, name: "appended", code: build + "PROMPT_COMMAND+=(build)"),
        Theme(
            shell: .bash, name: "preexec by DEBUG",
            code: build + """
                started() { [ -n "$COMP_LINE" ] || began=$SECONDS; }
                trap 'started' DEBUG
                PROMPT_COMMAND='build; unset began'
                """),
        Theme(
            shell: .bash, name: "PS0 and continuation prompt",
            code: build + "PS0='[\\t] '; PS2='... '; PROMPT_COMMAND=build"),
        Theme(
            shell: .bash, name: "prints",
            code: build + "PROMPT_COMMAND='build; printf \"\\033]0;%s\\007\\n\" title'"),
        Theme(
            shell: .bash, name: "strict", code: build + "set -u; set -E; PROMPT_COMMAND=build"),
        Theme(
            shell: .bash, name: "options",
            code: build + "shopt -u promptvars; set -o posix; PROMPT_COMMAND=build"),
        Theme(
            shell: .bash, name: "no hook", code: "unset PROMPT_COMMAND; PS1='\\u$ '", counts: false),
        Theme(
            shell: .bash, name: "read-only prompt",
            code: build
                + "PROMPT_COMMAND=build; PS1='$ '; readonly PS1"),
        Theme(
            shell: .zsh, name: "add-zsh-hook",
            code: """
                autoload -Uz add-zsh-hook
                b() { echo . >>~/ran; PROMPT="%~ $(echo main)"$'\\n> '; RPROMPT=right; }
                add-zsh-hook precmd b
                """),
        Theme(
            shell: .zsh, name: "precmd", code: "precmd() { echo . >>~/ran; PS1='%~ > '; }"),
        Theme(
            shell: .zsh, name: "arrays and options",
            code: """
                f() { echo . >>~/ran; print -P '%F{red}line%f'; PS1='! > '; }
                precmd_functions=(f); preexec_functions=(f)
                setopt prompt_bang prompt_cr prompt_sp correct_all nounset
                """),
        Theme(
            shell: .zsh, name: "ksh arrays",
            code: "f() { echo . >>~/ran; PS1='> '; }; precmd_functions+=(f); setopt ksh_arrays"),
        Theme(
            shell: .fish, name: "event",
            code: """
                function themed --on-event fish_prompt
                echo . >>~/ran
                function fish_prompt; echo 'theme> '; end
                end
                """),
        Theme(
            shell: .fish, name: "function",
            code: "function fish_prompt; echo 'theme> '; end", counts: false),
        Theme(
            shell: .tcsh, name: "precmd",
            code: "alias precmd 'echo . >>~/ran; set prompt=\"`echo main`> \"'"),
    ].filter(\.shell.isInstalled)

    private static let startFiles: [TestShell: String] = [
        .bash: ".bash_profile", .zsh: ".zshrc", .fish: ".config/fish/config.fish",
        .tcsh: ".tcshrc",
    ]

    /// The prompts that a theme has made so far.
    private static func count(_ home: TemporaryDirectory) -> Int {
        (FileManager.default.contents(atPath: home.file("ran")) ?? Data()).count
    }

    @IO private static func check(_ session: Session, _ theme: Theme, _ home: TemporaryDirectory)
        async throws
    {
        let status = theme.shell == .fish ? "$status" : "$?"
        let before = count(home)
        var result = try await session.run("sh -c 'exit 3'")
        #expect(result.exitCode == 3 && result.output == "" && result.note == nil, "\(result)")
        // The mark of the prompt comes, so that nothing waits for it.
        #expect(await holds { session.console.shell.state.phase == .ready })
        result = try await session.run("echo \(status)")
        #expect(result.output == "3\n" && result.note == nil, "\(result)")
        #expect(await holds { session.console.shell.state.phase == .ready })
        if theme.counts { #expect(count(home) > before) }
        _ = try await session.run("tail -f /dev/null", wait: .milliseconds(300))
        result = try await session.press("ctrl-c", wait: .seconds(10))
        #expect(result.state == .aborted && result.signal == "INT", "\(result)")
        #expect(!result.output.contains("__"), "\(result)")
        result = try await session.run(
            "sleep 60", wait: .seconds(10), timeout: .milliseconds(300), maxBytes: 1000)
        #expect(result.state == .aborted, "\(result)")
        if theme.shell == .bash || theme.shell == .zsh {
            result = try await session.run("kill -INT $$; sleep 60")
            #expect(result.state == .aborted, "\(result)")
        }
        result = try await session.run("echo ok")
        #expect(result.output == "ok\n", "\(result)")
    }

    @Test(arguments: themes)
    @IO func `a prompt that is built anew in the middle of a session hides no end`(theme: Theme)
        async throws
    {
        let home = try TemporaryDirectory()
        let session = try await openSession(theme.shell, home: home)
        defer { session.close() }
        try home.write(theme.code + "\n", to: "theme")
        let read = theme.shell == .tcsh || theme.shell == .fish ? "source" : "."
        let result = try await session.run("\(read) ~/theme")
        #expect(result.state == .done && result.output == "", "\(result)")
        try await Self.check(session, theme, home)
    }

    @Test(arguments: themes)
    @IO func `a prompt that a start-up file builds anew hides no end`(theme: Theme) async throws {
        let home = try TemporaryDirectory()
        if theme.shell == .fish { try home.folder(".config/fish") }
        let file = try #require(Self.startFiles[theme.shell])
        let session = try await openSession(theme.shell, home: home, startFile: (file, theme.code))
        defer { session.close() }
        try await Self.check(session, theme, home)
    }

    @Test(arguments: themes.filter { $0.name == "scalar" || $0.name.contains("precmd") })
    @IO func `lines of set-up that are typed twice keep the hooks`(theme: Theme) async throws {
        let home = try TemporaryDirectory()
        let file = try #require(Self.startFiles[theme.shell])
        var typing: ProbedShell?
        let session = try await openSession(
            theme.shell, home: home, startFile: (file, theme.code)
        ) {
            let transport = ProbedShell($0)
            (transport.repeats, typing) = (true, transport)
            return transport
        }
        defer { session.close() }
        typing?.repeats = false
        try await Self.check(session, theme, home)
    }

    @Test(.needs("bash")) @IO func `read-only prompts and hooks leave the end of commands`()
        async throws
    {
        let home = try TemporaryDirectory()
        let session = try await openSession(
            .bash, home: home,
            startFile: (
                ".bash_profile", "PS1='$ '; readonly PS1\nPROMPT_COMMAND=; readonly PROMPT_COMMAND"
            ))
        defer { session.close() }
        #expect(try await session.run("false").exitCode == 1)
        #expect(try await session.run("echo $?").output == "1\n")
        _ = try await session.run("sleep 60", wait: .milliseconds(300))
        #expect(try await session.press("ctrl-c", wait: .seconds(10)).state == .aborted)
        #expect(try await session.run("echo ok").output == "ok\n")
    }

    @Test(.needs("tcsh")) @IO func `aliases with arguments work in tcsh, and marks are literal`()
        async throws
    {
        let home = try TemporaryDirectory()
        let session = try await openSession(
            .tcsh, home: home, startFile: (".tcshrc", "alias e 'echo got \\!*'"))
        defer { session.close() }
        #expect(try await session.run("e x y").output == "got x y\n")
        #expect(try await session.run("alias f 'echo one \\!:1'").state == .done)
        #expect(try await session.run("f a").output == "one a\n")
        #expect(try await session.run("if (! -e f) echo 'no!b'").output == "no!b\n")
        #expect(try await session.run("e '^x^'").output == "got ^x^\n")
    }

    @Test(.needs("bash")) @IO func `a shell that has lost its functions still ends its commands`()
        async throws
    {
        let home = try TemporaryDirectory()
        let session = try await openSession(.bash, home: home)
        defer { session.close() }
        let result = try await session.run("unset -f $(declare -F | cut -d' ' -f3)")
        #expect(result.state == .done, "\(result)")
        for _ in 1...2 {
            let next = try await session.run("echo ok; (exit 4)")
            #expect(next.exitCode == 4 && next.output == "ok\n", "\(next)")
        }
    }
}
