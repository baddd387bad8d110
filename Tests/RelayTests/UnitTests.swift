// The unit that docs/two-hosts.md gives for the relay, judged by the program that reads it.
import Foundation
import Support
import Testing

@Suite struct UnitTests {
    /// The block of the page that begins with `[Unit]`.
    private func unit() throws -> String {
        let page = try String(
            contentsOfFile: Repository.root + "/docs/two-hosts.md", encoding: .utf8)
        let blocks = page.components(separatedBy: "```")
        let block = blocks.first { $0.contains("\n[Unit]\n") }
        return try #require(block?.split(separator: "\n", maxSplits: 1).last.map(String.init))
    }

    @Test(.needs("systemd-analyze")) func `systemd takes the unit`() async throws {
        let folder = try TemporaryDirectory("unit")
        // A program and a user that are there: the unit's are not, on this machine.
        let text = try unit().replacing("/usr/local/bin/homeline-relay", with: "/bin/true")
        let file = try folder.write(
            text.replacing("User=homeline-relay\n", with: ""), to: "homeline-relay.service")
        let verify = try RunningProcess("/bin/sh", ["-c", "exec systemd-analyze verify \(file)"])
        #expect(try await verify.finished() == .exited(0), "\(verify.errors)")
        #expect(!verify.errors.contains("homeline-relay.service"), "\(verify.errors)")
    }

    @Test func `an upgrade and its drain work under the unit`() throws {
        let text = try unit()
        // MAINPID is heard; HUP reads the certificate; the old process may take 30 s.
        for line in [
            "Type=notify", "User=homeline-relay", "ExecReload=/bin/kill -HUP $MAINPID",
            "TimeoutStopSec=40", "Restart=always",
        ] { #expect(text.contains("\n\(line)\n"), "\(line)") }
    }
}
