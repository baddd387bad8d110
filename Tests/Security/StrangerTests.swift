// Strangers on the network, for a second each: memory, a joining agent and `status` stay in bounds.
// CPU time is judged by `make attack`, with the programs as they are shipped.
import Foundation
import Support
import Testing

@Suite struct StrangerTests {
    @Test(.needs("python3"), .timeLimit(.minutes(5)))
    func `a stranger fills no memory and keeps nobody out`() async throws {
        let python = try #require(Repository.find("python3"))
        let folder = URL(fileURLWithPath: Repository.program("homeline-relay"))
            .deletingLastPathComponent().path
        let attack = try RunningProcess(
            python,
            [
                "\(Repository.root)/Tests/Security/python/attack.py", folder, "--seconds", "1",
                // Debug builds on a busy machine: ten times what is measured with the shipped ones,
                // and a tenth of what an open door costs. CPU time says nothing there.
                "--cpu", "inf", "--memory", "96", "--join", "20", "--status", "20", "--only",
                "connects, tunnel;idle sockets, tunnel;hellos, many;frames: PING;bodies;slow readers",
            ])
        let end = try await attack.finished(within: .seconds(200))
        print(attack.output)
        #expect(end == .exited(0), "\(attack.output)\(attack.errors)")
    }
}
