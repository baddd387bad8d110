// The nonce is found nowhere but in the stream: in no output, log, file, environment or command
// line, whatever a start-up file and the commands do.
import Foundation
import Loop
import SSH
import Support
import Terminal
import Testing
import Wire

@testable import homeline_agent

@Suite(.serialized, .timeLimit(.minutes(3))) struct SessionsNonceTests {
    /// A start-up file that keeps, exports and traces as much as it can.
    static func startFile(_ shell: TestShell) -> (name: String, text: String)? {
        switch shell {
        case .bash:
            (
                ".bash_profile",
                "PATH=~:$PATH; shopt -s histappend; PROMPT_COMMAND='history -a'; HISTCONTROL=; set -a"
            )
        case .zsh:
            (
                ".zshrc",
                "HISTFILE=~/.zsh_history SAVEHIST=100; setopt inc_append_history share_history; set -a"
            )
        case .mksh: (".mkshrc", "HISTFILE=~/.mksh_history; set -a")
        case .dash, .ash: (".shrc", "set -a")
        case .fish: (".config/fish/config.fish", "set -g fish_trace 0")
        case .tcsh: (".tcshrc", "set history=100 savehist=(100 merge)")
        }
    }

    /// Commands that show, keep and pass on what a shell has.
    static func codes(_ shell: TestShell) -> [String] {
        let (on, off) =
            switch shell {
            case .fish: ("set -g fish_trace 1", "set -e fish_trace")
            case .tcsh: ("set echo verbose", "unset echo verbose")
            default: ("set -xv", "set +xv")
            }
        let list =
            switch shell {
            case .bash: "declare -p; declare -f; set -o history; history; history -w ~/kept"
            case .zsh, .mksh: "typeset; typeset -f; fc -l -100 || :"
            case .dash, .ash: "export -p"
            case .fish: "set; functions __b; history"
            case .tcsh: "alias; history; history -S ~/kept"
            }
        let traced =
            shell == .bash ? ["exec 7>~/traced; BASH_XTRACEFD=7; set -x; echo hi; set +x"] : []
        return ["echo one", list, "set > ~/listed; set", on, "echo hi", off] + traced
            + ["env > ~/exported; env"]
            + [shell == .tcsh || shell == .fish ? "sleep 60 &" : "set -a; sleep 60 & set +a"]
    }

    @Test(arguments: TestShell.installed)
    @IO func `the nonce is nowhere but in the stream`(shell: TestShell) async throws {
        let home = try TemporaryDirectory()
        _ = try home.folder(".config/fish")
        // The question what is exported takes a while, so that the scan meets its processes.
        let slow = try home.write("#!/bin/sh\nsleep 0.3\nexec /usr/bin/env \"$@\"\n", to: "env")
        chmod(slow, 0o700)
        let session = try await openSession(
            shell, home: home,
            environment: [
                "ENV": home.file(shell == .mksh ? ".mkshrc" : ".shrc"),
                "PATH": "\(home.path):/usr/bin:/bin",
            ],
            startFile: Self.startFile(shell))
        defer { session.close() }
        let nonce = session.console.shell.nonce
        let halves = nonce.halves.map { String(decoding: $0, as: UTF8.self) }
        if TestShell.known.contains(shell) {
            let kept = try await session.run("case $- in *a*) echo kept; esac")
            #expect(kept.output == "kept\n", "set -a in a start-up file stays: \(kept)")
        }
        for code in Self.codes(shell) {
            let result = try await session.run(code)
            #expect(result.state == .done, "\(code): \(result)")
            for half in halves { #expect(!result.output.contains(half), "\(code)") }
            // The filter would hide what is exported.
            if code.hasSuffix("env") { #expect(!result.output.contains("[nonce]"), "\(code)") }
        }
        var (places, count) = (Set<String>(), 0)
        _ = try await session.run(session.console.shell.profile.exporting("A", "1"))
        #expect(
            await holds {
                count = max(count, Self.findProcesses(of: "HOME=\(home.path)", halves, &places))
                return session.console.exports.known?.values["A"] == "1"
            })
        #expect(count > 2)
        let log = session.log.bytes(session.log.start..<session.log.end)
        if halves.contains(where: { String(decoding: log, as: UTF8.self).contains($0) }) {
            places.insert("the log")
        }
        _ = try await session.run("exit")
        Self.findFiles(in: home.path, halves, &places)
        // What the shell's own list of its variables has was written by the commands.
        #expect(places.subtracting(["listed", "kept"]).isEmpty, "\(places)")
    }

    @Test(arguments: Shell.allCases.filter { $0.command != nil })
    @IO func `over SSH, no process of the target shows the nonce`(shell: Shell) async throws {
        let server = try await SSHServer.start(SSHServer.Options(shell: shell))
        let (session, link) = try await SessionsOverSSHTests.open(server)
        defer { link.close() }
        let halves = session.console.shell.nonce.halves.map { String(decoding: $0, as: UTF8.self) }
        let sign = Nonce().text
        let profile = session.console.shell.profile
        _ = try await session.run(profile.exporting("HL_SIGN", sign))
        for code in ["set", "env", "sleep 60 &"] {
            let result = try await session.run(code)
            #expect(
                result.state == .done && !Self.shows(result.output, halves), "\(code): \(result)")
        }
        var places: Set<String> = []
        #expect(await holds { Self.findProcesses(of: "HL_SIGN=\(sign)", halves, &places) > 0 })
        #expect(places.isEmpty, "\(places)")
    }

    /// Adds the processes whose command line or environment has one of these texts.
    ///
    /// Answers how many have `sign` in their environment.
    private static func findProcesses(
        of sign: String, _ texts: [String], _ places: inout Set<String>
    ) -> Int {
        let files = FileManager.default
        var count = 0
        for process in (try? files.contentsOfDirectory(atPath: "/proc")) ?? []
        where Int(process) != nil && Int(process) != Int(getpid()) {
            let folder = "/proc/\(process)"
            let environment = read(folder + "/environ")
            if environment.contains(sign) { count += 1 }
            if shows(environment, texts) { places.insert("the environment of \(process)") }
            let line = read(folder + "/cmdline")
            if shows(line, texts) { places.insert("the command line \(line)") }
        }
        return count
    }

    private static func findFiles(in home: String, _ texts: [String], _ places: inout Set<String>) {
        let paths = FileManager.default.enumerator(atPath: home)
        while let path = paths?.nextObject() as? String {
            if shows(read(home + "/" + path), texts) { places.insert(path) }
        }
    }

    private static func shows(_ text: String, _ texts: [String]) -> Bool {
        texts.contains(where: text.contains)
    }

    private static func read(_ path: String) -> String {
        String(decoding: FileManager.default.contents(atPath: path) ?? Data(), as: UTF8.self)
    }

    @Test @IO func `the scan finds a nonce`() async throws {
        let home = try TemporaryDirectory()
        let session = try await openSession(.dash, home: home)
        defer { session.close() }
        let text = session.console.shell.nonce.text
        _ = try await session.run(
            "K=\(text) sleep 60 & sh -c 'read x; : \(text)' < /dev/tty & sh -c 'sleep 60; : \(text)' &"
        )
        _ = try await session.run("echo \(text) > ~/kept")
        var places: Set<String> = []
        #expect(
            await holds {
                _ = Self.findProcesses(of: "HOME=\(home.path)", [text], &places)
                return places.count >= 2
            })
        Self.findFiles(in: home.path, [text], &places)
        #expect(places.contains("kept") && places.count >= 3, "\(places)")
    }
}
