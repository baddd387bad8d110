// An SSH server that wants a login in steps (RFC 4252 §5.1, partial success), which sshd does only
// with PAM of its own: paramiko. Its user is `guest`, the password `right horse`, the code 424242.
import Foundation
import SSH
import Support

/// A running paramiko server for one test.
final class StepServer: Sendable {
    let key: SSHKey
    private let port: UInt16
    private let knownHosts: String
    private let directory: TemporaryDirectory
    private let process: RunningProcess

    /// The rounds of prompts that a client has answered, as Python prints them.
    var answers: [String] {
        process.output.split(separator: "\n").filter { $0.hasPrefix("answered") }.map(String.init)
    }

    /// Starts a server that wants `steps`, one after the other: `publickey`, `password`, `code`
    /// (a prompt that echoes), `both` (a password and a code in one round of prompts), `push` (no
    /// prompt, and a moment until somebody confirms) or `expired` (a password, then a new one).
    init(_ steps: [String]) async throws {
        guard let python = Repository.python else {
            throw Unavailable("no Python of the test set-up: run ./test")
        }
        directory = try TemporaryDirectory("steps")
        let host = try await SSHKey.make(.ecdsa, at: directory.file("host"))
        key = try await SSHKey.make(.ecdsa, at: directory.file("user"))
        let script = try directory.write(Self.program, to: "server.py")
        process = try RunningProcess(
            python,
            [script, host.path, key.publicLine.split(separator: " ")[1].description] + steps)
        let line = try await process.line(containing: "listening")
        guard let port = UInt16(line.split(separator: " ").last ?? "") else {
            throw Unavailable("paramiko said \(line)")
        }
        self.port = port
        knownHosts = try directory.write(
            "[127.0.0.1]:\(port) \(host.publicLine)", to: "known_hosts")
    }

    func link(_ ways: [Authentication]) -> LinkConfiguration {
        LinkConfiguration(
            host: "127.0.0.1", port: port, user: "guest", knownHosts: [knownHosts],
            authentication: ways)
    }

    private static let program = """
        import socket, sys, threading, time, paramiko
        host = paramiko.ECDSAKey(filename=sys.argv[1])
        public, steps = sys.argv[2], sys.argv[3:]
        METHODS = dict.fromkeys(["code", "both", "push", "expired"], "keyboard-interactive")
        PROMPTS = {"code": [("Verification code: ", True)], "push": [],
                   "expired": [("Password: ", False)],
                   "both": [("Password: ", False), ("One-time token: ", False)]}
        ANSWERS = {"code": ["424242"], "both": ["right horse", "424242"], "push": [], "expired": None}
        NOTICES = {"push": "Pushed to +XX XXX-42", "expired": ""}

        class Server(paramiko.ServerInterface):
            def __init__(self): self.left, self.last = list(steps), None
            def get_allowed_auths(self, user):
                return METHODS.get(self.left[0], self.left[0])
            def passed(self, step, right):
                # paramiko asks twice about a key: before and after its signature.
                if right and step == "publickey" == self.last: return self.result
                self.last, self.result = step, self.judge(step, right)
                return self.result
            def judge(self, step, right):
                if not right or self.left[0] != step: return paramiko.AUTH_FAILED
                if len(self.left) == 1: return paramiko.AUTH_SUCCESSFUL
                self.left.pop(0)
                return paramiko.AUTH_PARTIALLY_SUCCESSFUL
            def check_auth_publickey(self, user, key):
                return self.passed("publickey", key.get_base64() == public)
            def check_auth_password(self, user, password):
                return self.passed("password", password == "right horse")
            def check_auth_interactive(self, user, submethods):
                if self.left[0] not in PROMPTS: return paramiko.AUTH_FAILED
                notice = NOTICES.get(self.left[0], "")
                return paramiko.InteractiveQuery("", notice, *PROMPTS[self.left[0]])
            def check_auth_interactive_response(self, responses):
                print("answered", list(responses), flush=True)
                if self.left[0] == "push": time.sleep(0.5)
                if self.left[0] == "expired" and list(responses) == ["right horse"]:
                    return paramiko.InteractiveQuery(
                        "", "You are required to change your password immediately",
                        ("New password: ", False))
                return self.passed(self.left[0], list(responses) == ANSWERS[self.left[0]])

        listening = socket.create_server(("127.0.0.1", 0))
        print("listening", listening.getsockname()[1], flush=True)
        kept = []
        def serve(client):
            transport = paramiko.Transport(client)
            transport.add_server_key(host)
            kept.append(transport)
            try: transport.start_server(server=Server())
            except Exception: pass
        while True:
            client, _ = listening.accept()
            threading.Thread(target=serve, args=(client,), daemon=True).start()
        """
}
