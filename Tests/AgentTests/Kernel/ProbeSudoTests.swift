// What runs behind sudo, seen by root. sudo itself, in every shell: rows of SessionLab. A
// throw-away user is made for the test and removed after it; needs root.
import Glibc
import Loop
import Support
import Terminal
import Testing
import Wire

@testable import homeline_agent

@Suite(.serialized, .timeLimit(.minutes(3))) struct ProbeSudoTests {
    /// A user with a password, who may use sudo; gone with the object.
    @IO final class User {
        let name = "hlprobe\(getpid())"
        let password = "canary-\(UInt64.random(in: 0...UInt64.max))"
        private let rule: String

        init(usesOwnTerminal: Bool) async throws {
            rule = "/etc/sudoers.d/\(name)"
            _ = try await Self.run("useradd", ["-m", "-s", "/bin/bash", name])
            _ = try await Self.run("chpasswd", [], input: "\(name):\(password)\n")
            let flag = usesOwnTerminal ? "" : "!"
            let text = "Defaults:\(name) \(flag)use_pty, passwd_tries=2\n\(name) ALL=(ALL) ALL\n"
            let descriptor = open(rule, O_CREAT | O_WRONLY | O_TRUNC, 0o440)
            _ = Array(text.utf8).withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            close(descriptor)
        }

        func remove() async {
            unlink(rule)
            _ = try? await Self.run("userdel", ["-r", "-f", name])
        }

        private static func run(_ name: String, _ arguments: [String], input: String = "")
            async throws -> Bool
        {
            let path = try #require(Repository.find(name))
            let result = try await Child.run(
                path, arguments, input: Array(input.utf8), deadline: .seconds(20))
            return result.exitCode == 0
        }

        /// A shell of this user, and a probe with this user's rights alone.
        func session() async throws -> (Session, ProbedShell) {
            let setpriv = try #require(Repository.find("setpriv"))
            let become = ["--reuid", name, "--regid", name, "--init-groups"]
            let local = try LocalHost.shell(
                path: setpriv,
                arguments: ["setpriv"] + become + ["bash", "--norc", "--noprofile", "-i"],
                environment: [
                    "HOME": "/home/\(name)", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
                    "LANG": "C", "TERM": "xterm", "USER": name,
                ], directory: "/home/\(name)")
            let nonce = Nonce()
            // The kernel is asked as its user.
            let shell = ProbedShell(local)
            shell.asker = { [setpriv, become] question in
                try? await Child.run(
                    setpriv, become + ["/bin/sh"],
                    input: Array((Probe.definitions + question.line).utf8), deadline: .seconds(5)
                ).output
            }
            let session = Session(
                id: "s1", owner: "me", target: "agent/local", nonce: nonce, transport: shell,
                log: OutputLog(of: "test"), isPersistent: false, idleTimeout: .seconds(60))
            try await session.open(within: .seconds(20))
            // The terminal was root's when it was made.
            let terminal = try #require(session.console.shell.terminal)
            let account = try #require(unsafe getpwnam(name))
            chown(terminal, unsafe account.pointee.pw_uid, unsafe account.pointee.pw_gid)
            return (session, shell)
        }
    }

    @Test(.needs(.account, "setpriv"))
    @IO func `root sees what waits on sudo's own terminal`() async throws {
        let user = try await User(usesOwnTerminal: true)
        let failure: (any Error)?
        do {
            try await Self.askSudo(user)
            failure = nil
        } catch { failure = error }
        await user.remove()
        if let failure { throw failure }
    }

    @IO private static func askSudo(_ user: User) async throws {
        let (session, shell) = try await user.session()
        defer { session.close() }
        var result = try await session.run("sudo -k; sudo id -u")
        #expect(result.state == .secret)
        #expect(try await session.type(user.password).state == .done)
        shell.asker = nil
        result = try await session.run("sudo cat")
        #expect(result.state == .lineInput, "\(result)")
        #expect(result.foreground == "cat")
        result = try await session.type("line")
        #expect(result.state == .lineInput)
        result = try await session.press("ctrl-d")
        #expect(result.state == .done)
    }
}
