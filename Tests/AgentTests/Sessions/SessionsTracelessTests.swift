// Nothing is written at a target: not in the home, not in a temporary folder, not in a history.
// What the shell itself writes at a login is there before; what is left after a session is held
// against that.
import Foundation
import Loop
import SSH
import Support
import Terminal
import Testing
import Wire

@testable import homeline_agent

@Suite(.serialized, .timeLimit(.minutes(3))) struct SessionsTracelessTests {
    /// Start-up files of people who keep a history.
    static let files: [(name: String, text: String)] = [
        (".bash_profile", "HISTFILE=~/.bash_history HISTSIZE=100 HISTCONTROL=; set -o history\n"),
        (".zshrc", "HISTFILE=~/.zsh_history HISTSIZE=100 SAVEHIST=100\n"),
        (".profile", "HISTFILE=~/.mksh_history\n"),
        (".tcshrc", "set history=100 savehist=100\n"),
        (".bash_history", "the user's own * line\n"), (".zsh_history", "the user's own line\n"),
    ]

    /// Every file below some folders: its kind, size and time.
    static func snapshot(_ folders: [String]) throws -> [String: String] {
        var found: [String: String] = [:]
        for folder in folders {
            let names = FileManager.default.enumerator(atPath: folder)?.allObjects as? [String]
            for name in [""] + (names ?? []) {
                let path = name.isEmpty ? folder : "\(folder)/\(name)"
                var status = stat()
                guard lstat(path, &status) == 0 else { continue }
                let time = status.st_mtim
                found[path] =
                    "\(status.st_mode) \(status.st_size) \(time.tv_sec).\(time.tv_nsec)"
            }
        }
        return found
    }

    /// What an account has in the folders that all may write to.
    static func owned(by account: Account?) -> Set<String> {
        guard let account, let user = getpwnam(account.name)?.pointee.pw_uid else { return [] }
        var found: Set<String> = []
        for folder in ["/tmp", "/var/tmp", "/dev/shm"] {
            for name in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [] {
                var status = stat()
                if lstat("\(folder)/\(name)", &status) == 0, status.st_uid == user {
                    found.insert("\(folder)/\(name)")
                }
            }
        }
        return found
    }

    /// fish's own.
    static func history(_ folder: String) throws -> String {
        try String(contentsOfFile: "\(folder)/fish_history", encoding: .utf8)
    }

    /// A person's login: the shell writes what it writes for anybody.
    @IO static func visit(_ server: SSHServer) async throws {
        let (session, link) = try await SessionsOverSSHTests.open(server, shell: .raw)
        defer { link.close() }
        _ = try await session.send(
            text: "exit", keys: [], enter: true, wait: .seconds(1), maxBytes: 1000)
        #expect(await holds(within: .seconds(60)) { session.end != nil })
    }

    /// All that a session does: commands of every size, a question, a shell inside, both ends.
    @IO static func work(_ server: SSHServer, leaves: Bool) async throws {
        let (session, link) = try await SessionsOverSSHTests.open(server)
        defer { link.close() }
        #expect(try await session.run("echo hi").output == "hi\n")
        #expect(try await session.run("printf 'é'").output == "é")
        let text = String(repeating: "0123456789", count: 500)
        #expect(try await session.run("printf %s '\(text)'").output == text)
        _ = try await session.run("echo 'open")
        #expect(
            try await session.run(session.console.shell.profile.exporting("HL_X", "canary")).state
                == .done)
        #expect(await holds { session.console.exports.known?.values["HL_X"] == "canary" })
        #expect(try await session.run("cat").state == .lineInput)
        let stopped = try await session.press("ctrl-c")
        #expect(stopped.state == .aborted || stopped.state == .done, "\(stopped)")
        let inner = try await session.run("sh")
        #expect(inner.hasLostMarks, "\(inner)")
        #expect(try await session.adopt().depth == 1)
        #expect(try await session.run("echo in").output == "in\n")
        #expect(try await session.run("exit").depth == 0)
        if leaves { #expect(try await session.run("exit").state == .shellExited) }
        link.close()
        // The shell has written what it writes when it ends.
        #expect(await holds { server.sessions().isEmpty }, "\(server.sessions())")
    }

    @Test(arguments: Shell.allCases.filter { $0.command != nil })
    @IO func `a session leaves nothing at its target, and no line in a history`(shell: Shell)
        async throws
    {
        let folder = try TemporaryDirectory("traceless")
        let account = Need.account.isMet ? try await Account(usesOwnTerminal: false) : nil
        let failure: (any Error)?
        do {
            try await Self.compare(shell, folder, account)
            failure = nil
        } catch { failure = error }
        await account?.remove()
        if let failure { throw failure }
    }

    @IO private static func compare(
        _ shell: Shell, _ folder: TemporaryDirectory, _ account: Account?
    ) async throws {
        var options = SSHServer.Options(shell: shell)
        (options.environment, options.account) = (["TMPDIR": folder.path], account)
        let server = try await SSHServer.start(options)
        let home = server.directory.file("home")
        for file in files { try server.directory.write(file.text, to: "home/\(file.name)") }
        if shell == .fish {
            let chosen = "# VERSION: 3.0\nSETUVAR fish_key_bindings:fish_vi_key_bindings\n"
            try server.directory.folder("home/.config/fish")
            try server.directory.write(chosen, to: "home/.config/fish/fish_variables")
        }
        if let account {
            for path in try snapshot([home, folder.path]).keys {
                try FileManager.default.setAttributes(
                    [.ownerAccountName: account.name], ofItemAtPath: path)
            }
        }
        try await visit(server)
        let before = try snapshot([home, folder.path])
        let historyBefore = shell == .fish ? try history("\(home)/.local/share/fish") : nil
        let outside = owned(by: account)
        for leaves in [true, false] { try await work(server, leaves: leaves) }
        var after = try snapshot([home, folder.path])
        // zsh makes and removes a lock beside its history when it reads that.
        if shell == .zsh { after[home] = before[home] }
        // fish writes its history anew now and then (each 25th time, from a random one on), as it
        // was.
        if shell == .fish {
            let place = "\(home)/.local/share/fish"
            for path in [place, "\(place)/fish_history"] { after[path] = before[path] }
            #expect(try history(place) == historyBefore, "fish_history")
        }
        for path in Set(before.keys).union(after.keys).sorted() {
            #expect(before[path] == after[path], "\(shell): \(path)")
        }
        #expect(owned(by: account).subtracting(outside) == [], "\(shell)")
        // Nor is a line of ours listed where the user's own are.
        guard shell == .bash else { return }
        let (session, link) = try await SessionsOverSSHTests.open(server)
        defer { link.close() }
        let listed = try await session.run("history")
        #expect(listed.output.contains("the user's own * line"))
        #expect(!listed.output.contains("133;"), "\(listed.output)")
    }
}
