// The admin socket and other users of the machine: who may connect, and whose socket is believed.
import Configuration
import Crypto
import Foundation
import JSON
import Loop
import Net
import Support
import Testing

@testable import homeline_relay

@IO @Suite struct AdminSocketTests {
    @Test(.needs(.root, "python3"))
    func `a socket that another user's program listens on is not believed`() async throws {
        let directory = try TemporaryDirectory("forged")
        let folder = DataFolder(try directory.folder("relay"), environment: [:])
        chmod(directory.path, 0o711)
        chmod(folder.path, 0o777)
        let script = """
            import socket, sys
            s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(); print('on', flush=True)
            while True:
                c, _ = s.accept()
                try: c.recv(9999); c.sendall(b'{"ok": {"token": "forged"}}\\n')
                except OSError: pass
            """
        let forger = try PlainUser.start("python3", ["-c", script, folder.socket])
        defer { forger.signal(SIGKILL) }
        #expect(await holds { forger.output.contains("on") })
        for (mode, reason) in [(0o777, "chmod 755"), (0o755, "another user's program")] {
            chmod(folder.path, mode_t(mode))
            var fault: AdminFault?
            do throws(AdminFault) {
                _ = try await AdminProgram.ask(folder, ["command": "tokens create", "name": "a"])
            } catch { fault = error }
            #expect(fault?.exit == ExitCode.noPermission)
            #expect(fault?.message.contains(reason) == true, "\(fault as Any)")
        }
    }

    @Test(.needs(.root, "python3"))
    func `another user gets no answer, even where the socket's mode lets it connect`() async throws
    {
        let directory = try TemporaryDirectory("admin")
        let folder = DataFolder(try directory.folder("relay"), environment: [:])
        let lock = try #require(try folder.lock())
        let store = try await Store.open(folder: folder.path)
        let administration = Administration(folder: folder, store: store)
        let server = try AdminServer(folder: folder, lock: lock, administration: administration)
        defer { server.close() }
        chmod(directory.path, 0o711)
        chmod(folder.path, 0o711)
        chmod(folder.socket, 0o666)
        let script = """
            import socket, sys
            s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])
            try:
                s.sendall(b'{"command": "status"}\\n'); print('got', s.recv(9999))
            except OSError: print("got b''")
            """
        let stranger = try PlainUser.start("python3", ["-c", script, folder.socket])
        #expect(await holds { stranger.end != nil })
        #expect(stranger.output == "got b''\n", "\(stranger.output)\(stranger.errors)")
        let own = try RunningProcess(
            "/usr/bin/env", ["python3", "-c", script, folder.socket])
        #expect(await holds { own.end != nil })
        #expect(own.output.contains("running"), "\(own.output)\(own.errors)")
    }
}
