// The memory of the programs is closed to other processes of the same user, and they leave no core
// file: keys and secrets are in it.
import Foundation
import Support
import Testing

@Suite struct ClosedMemoryTests {
    /// The owner of a process's memory file: root, where the kernel keeps its own user out.
    private func owner(of process: RunningProcess) -> uid_t? {
        var found = stat()
        return stat("/proc/\(process.id)/mem", &found) == 0 ? found.st_uid : nil
    }

    @Test func `a relay's memory is closed to its own user, and it leaves no core`() async throws {
        let folder = try TemporaryDirectory("closed")
        chmod(folder.path, 0o711)
        let program = folder.file("homeline-relay")
        // By another process: a program that a fork of this one has open for writing cannot run.
        try await RunningProcess.run(
            "/bin/cp", [Repository.program("homeline-relay"), program])
        chmod(program, 0o755)
        let state = try folder.folder("state")
        PlainUser.own(state)
        let relay = try PlainUser.start(
            program,
            [
                "serve", "--data", state, "--mcp", "127.0.0.1:0", "--tunnel", "127.0.0.1:0",
            ])
        #expect(await holds { relay.output.contains("MCP clients:") }, "\(relay.errors)")
        let other = try PlainUser.start("sh", ["-c", "echo on; cat"])
        #expect(await holds { other.output.contains("on") })
        #expect(owner(of: other) == PlainUser.id)
        #expect(owner(of: relay) == 0)
        let limits = try String(contentsOfFile: "/proc/\(relay.id)/limits", encoding: .utf8)
        let core = limits.split(separator: "\n").first { $0.hasPrefix("Max core file size") }
        #expect(core?.split(whereSeparator: \.isWhitespace).dropFirst(4).first == "0", "\(limits)")
        _ = await (relay.stop(), other.stop())
    }
}
