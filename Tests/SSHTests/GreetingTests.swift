// Servers that say much before they speak SSH, or come late with it.
import Foundation
import Loop
import Support
import Testing

@testable import SSH

@Suite(.timeLimit(.minutes(1))) struct GreetingTests {
    /// A relay before a real sshd that first says something, or waits.
    private static let program = """
        import socket, sys, threading, time
        port, pause, text = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3].encode()
        listening = socket.create_server(("127.0.0.1", 0))
        print("listening", listening.getsockname()[1], flush=True)
        def pump(source, sink):
            try:
                while True:
                    data = source.recv(65536)
                    if not data: break
                    sink.sendall(data)
            except OSError: pass
            for end in (source, sink):
                try: end.shutdown(socket.SHUT_RDWR)
                except OSError: pass
        def serve(client):
            time.sleep(pause)
            for _ in range(int(sys.argv[4])): client.sendall(text + b"\\r\\n")
            server = socket.create_connection(("127.0.0.1", port))
            threading.Thread(target=pump, args=(server, client), daemon=True).start()
            pump(client, server)
        while True:
            client, _ = listening.accept()
            threading.Thread(target=serve, args=(client,), daemon=True).start()
        """

    @Test(.needs(.pythonClients), arguments: [(0, 300), (1, 0), (0, 0)])
    func `lines before the greeting and a late greeting are waited for`(
        pause: Int, lines: Int
    ) async throws {
        let server = try await SSHServer.start(SSHServer.Options(shell: .dash))
        let script = try server.directory.write(Self.program, to: "gate.py")
        let text = String(repeating: "Authorised use only. ", count: 4)
        let gate = try RunningProcess(
            try #require(Repository.python),
            [script, "\(server.port)", "\(pause)", text, "\(lines)"])
        let line = try await gate.line(containing: "listening")
        let port = try #require(UInt16(line.split(separator: " ").last ?? ""))
        let known = try server.directory.write(
            server.knownHosts.replacingOccurrences(of: ":\(server.port) ", with: ":\(port) "),
            to: "known_gate")
        let configuration = try server.link {
            $0.port = port
            $0.trust.files = [known]
        }
        let error = await IO.task { await connectError(configuration) }.value
        #expect(error == nil, "\(String(describing: error))")
        let greeting = try await IO.task { () async -> Result<String, SSHError> in
            do throws(SSHError) {
                return .success(
                    try await Greeting.read(host: "127.0.0.1", port: port, limit: .seconds(20)))
            } catch {
                return .failure(error)
            }
        }.value.get()
        #expect(greeting.hasPrefix("SSH-2.0-"))
    }

    @Test(arguments: [100, 30_000, 64_000]) func `a banner before the login is kept, or named`(
        size: Int
    ) async throws {
        let folder = try TemporaryDirectory("banner")
        let text = String(repeating: "Authorised use only.\n", count: size / 21 + 1)
        let file = try folder.write(text, to: "banner")
        let server = try await SSHServer.start(
            SSHServer.Options(shell: .dash, settings: ["Banner": file]))
        let configuration = try server.link()
        guard size < 40_000 else {
            // More than libssh2 takes as one message, and than the protocol allows.
            let error = await IO.task { await connectError(configuration) }.value
            #expect(error?.description.contains("Banner shortened") == true, "\(error as Any)")
            return
        }
        try await onLoop {
            let link = try await Link.connect(configuration)
            defer { link.close() }
            #expect(link.server.banner == String(text.prefix(16384)))
        }
    }
}
