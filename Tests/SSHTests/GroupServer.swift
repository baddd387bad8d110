// An SSH server that offers only a group exchange, and chooses its groups: paramiko. It exchanges
// keys again when a command is asked for, and ends the command with 7 after that. Its password is
// `x`.
import Crypto
import Foundation
import Support

@testable import SSH

/// A running paramiko server for one test.
final class GroupServer: Sendable {
    let address: String
    private let port: UInt16
    private let knownHosts: String
    private let directory: TemporaryDirectory
    private let process: RunningProcess

    /// Starts a server whose first group has `bits`, and those of later exchanges `later`.
    init(bits: Int, later: Int) async throws {
        guard let python = Repository.python else {
            throw Unavailable("no Python of the test set-up: run ./test")
        }
        directory = try TemporaryDirectory("groups")
        let host = try await SSHKey.make(.ecdsa, at: directory.file("host"))
        let script = try directory.write(Self.program, to: "server.py")
        process = try RunningProcess(python, [script, host.path, "\(bits)", "\(later)"])
        let line = try await process.line(containing: "listening")
        guard let port = UInt16(line.split(separator: " ").last ?? "") else {
            throw Unavailable("paramiko said \(line)")
        }
        self.port = port
        address = "127.0.0.1:\(port)"
        knownHosts = try directory.write(
            "[127.0.0.1]:\(port) \(host.publicLine)", to: "known_hosts")
    }

    func link() -> LinkConfiguration {
        LinkConfiguration(
            host: "127.0.0.1", port: port, user: "guest", knownHosts: [knownHosts],
            authentication: [.password(SecretBytes("x".utf8))])
    }

    /// The numbers need not be prime: only their size counts.
    private static let program = """
        import socket, sys, threading, time, paramiko
        host = paramiko.ECDSAKey(filename=sys.argv[1])
        first, later = int(sys.argv[2]), int(sys.argv[3])

        class Groups:
            def __init__(self): self.sizes = [first]
            def get_modulus(self, least, wanted, most):
                bits = self.sizes.pop() if self.sizes else later
                return 2, (1 << bits) - 1

        class Server(paramiko.ServerInterface):
            def __init__(self, transport): self.transport = transport
            def get_allowed_auths(self, user): return "password"
            def check_auth_password(self, user, password): return paramiko.AUTH_SUCCESSFUL
            def check_channel_request(self, kind, number): return paramiko.OPEN_SUCCEEDED
            def check_channel_exec_request(self, channel, command):
                def run():
                    time.sleep(0.2)
                    try: self.transport.renegotiate_keys()
                    except Exception: return
                    channel.send_exit_status(7)
                    channel.close()
                threading.Thread(target=run, daemon=True).start()
                return True

        paramiko.Transport._preferred_kex = ("diffie-hellman-group-exchange-sha256",)
        listening = socket.create_server(("127.0.0.1", 0))
        print("listening", listening.getsockname()[1], flush=True)
        kept = []
        def serve(client):
            transport = paramiko.Transport(client)
            paramiko.Transport._modulus_pack = Groups()
            transport.add_server_key(host)
            kept.append(transport)
            try: transport.start_server(server=Server(transport))
            except Exception: pass
        while True:
            client, _ = listening.accept()
            threading.Thread(target=serve, args=(client,), daemon=True).start()
        """
}
