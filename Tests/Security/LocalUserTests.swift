// Other users of the machine, and other programs of the same user: neither reads what relay and
// agent keep on disk or in memory. Only root can act as another user.
import Foundation
import Support
import Testing

@Suite struct LocalUserTests {
    /// Runs a shell command as a user without rights.
    private func other(_ command: String) async throws -> (end: RunningProcess.End, text: String) {
        let child = try PlainUser.start("/bin/sh", ["-c", command])
        let end = try await child.finished()
        return (end, child.output + child.errors)
    }

    @Test(.timeLimit(.minutes(1)))
    func `what relay and agent keep is closed by its modes`() async throws {
        let home = try await Installation.start()
        try await home.join("site")
        try await home.startAgent("site", caller: try await home.caller())
        for name in ["relay", "site"] {
            let folder = home.data(name)
            let files = try FileManager.default.contentsOfDirectory(atPath: folder)
            #expect(!files.isEmpty)
            // Even where the folder is open, each file that holds a secret is closed.
            for path in [folder] + files.map({ "\(folder)/\($0)" }) {
                let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions]
                #expect(
                    (mode as? Int ?? 0o777) & 0o077 == 0, "\(path): \(String(describing: mode))")
            }
        }
        await home.stop()
    }

    @Test(.needs(.root), .timeLimit(.minutes(1)))
    func `another user reads nothing of relay and agent`() async throws {
        let home = try await Installation.start()
        try await home.join("site")
        let caller = try await home.caller()
        try await home.startAgent("site", caller: caller)
        // The folder around them may be searched: what protects is their own modes.
        chmod(home.directory.path, 0o755)
        for name in ["relay", "site"] {
            let (folder, id) = (home.data(name), try #require(home.process(name)).id)
            #expect(try await other("ls \(folder)").end != .exited(0), "\(name)")
            for file in try FileManager.default.contentsOfDirectory(atPath: folder) {
                let path = "\(folder)/\(file)"
                #expect(try await other("cat \(path)").end != .exited(0), "\(path)")
            }
            for file in ["mem", "maps", "environ", "fd/0", "root/etc/hostname"] {
                #expect(try await other("cat /proc/\(id)/\(file)").end != .exited(0), "\(file)")
            }
            let line = try String(contentsOfFile: "/proc/\(id)/cmdline", encoding: .utf8)
            #expect(!line.contains("hl1.") && !line.contains("hlt_"))
        }
        let program = Repository.program("homeline-relay")
        for words in ["status", "tokens create x --scopes admin", "invite"] {
            let (end, text) = try await other("\(program) \(words) --data \(home.data("relay"))")
            #expect(end != .exited(0), "\(words): \(text)")
            #expect(!text.contains("hlt_") && !text.contains("hl1."))
        }
        await home.stop()
    }

    @Test(.timeLimit(.minutes(1)))
    func `another program of the same user does not read their memory`() async throws {
        let folder = try TemporaryDirectory("same-user")
        try folder.folder("relay")
        PlainUser.own(folder.path)
        PlainUser.own(folder.file("relay"))
        let relay = try PlainUser.start(
            Repository.program("homeline-relay"),
            [
                "serve", "--data", folder.file("relay"), "--mcp", "127.0.0.1:0",
                "--tunnel", "127.0.0.1:0",
            ])
        let socket = folder.file("relay/admin.sock")
        #expect(
            await holds { FileManager.default.fileExists(atPath: socket) || relay.end != nil })
        try #require(relay.end == nil, "\(relay.errors)")
        for file in ["mem", "maps", "environ", "auxv"] {
            let (end, text) = try await other("head -c 100 /proc/\(relay.id)/\(file)")
            #expect(end != .exited(0) && text.contains("denied"), "\(file): \(text)")
        }
        let limit = try String(contentsOfFile: "/proc/\(relay.id)/limits", encoding: .utf8)
        let core = limit.split(separator: "\n").first { $0.hasPrefix("Max core file size") }
        #expect(core?.split(separator: " ").dropFirst(4).first == "0", "\(core ?? "")")
        await relay.stop()
    }
}
