// How a connection is made, and what its programs are given: as ssh_config has it, beside ssh.
import Foundation
import Loop
import Net
import SSH
import Support
import Testing

@Suite(.timeLimit(.minutes(1))) struct DiallingTests {
    /// What a program sees of its connection and its variables.
    private static let question = "echo \"${SSH_CONNECTION%% *} ${LC_A-none} ${HIDDEN-none}\""

    private struct Way: Sendable, CustomStringConvertible {
        let lines: String
        let set: @Sendable (inout LinkConfiguration) -> Void
        /// The answer; nil: no connection.
        let answer: String?
        var description: String { lines }

        init(
            _ lines: String, _ answer: String?,
            _ set: @escaping @Sendable (inout LinkConfiguration) -> Void
        ) {
            (self.lines, self.answer, self.set) = (lines, answer, set)
        }
    }

    private static let ways = [
        Way("BindAddress 127.0.0.9", "127.0.0.9 none none") { $0.dialling.from = "127.0.0.9" },
        Way("BindAddress localhost\n AddressFamily inet", "127.0.0.1 none none") {
            $0.dialling.from = "localhost"
            $0.dialling.family = .ipv4
        },
        Way("BindAddress 192.0.2.1", nil) { $0.dialling.from = "192.0.2.1" },
        Way("BindAddress ::1", nil) { $0.dialling.from = "::1" },
        Way("BindInterface lo", "127.0.0.1 none none") { $0.dialling.interface = "lo" },
        Way("BindInterface nope0", nil) { $0.dialling.interface = "nope0" },
        Way("AddressFamily inet", "127.0.0.1 none none") { $0.dialling.family = .ipv4 },
        Way("AddressFamily inet6", nil) { $0.dialling.family = .ipv6 },
        Way("SetEnv LC_A=\"a b\" HIDDEN=x", "127.0.0.1 a b none") {
            $0.environment = [
                Variable(name: "HIDDEN", value: "x"), Variable(name: "LC_A", value: "a b"),
            ]
        },
    ]

    @Test(.needs("ssh"), arguments: ways)
    private func `a connection is made from where ssh makes it`(way: Way) async throws {
        let server = try await SSHServer.start(
            SSHServer.Options(shell: .dash, settings: ["AcceptEnv": "LC_*"]))
        let config = try server.directory.write(
            try server.configuration(alias: "h") + " \(way.lines)\n", to: "config")
        let ssh = try RunningProcess(
            try #require(OpenSSH.chosen.program("ssh")),
            ["-F", config, "-o", "BatchMode=yes", "h", Self.question])
        _ = try await ssh.finished()
        #expect(ssh.output == (way.answer.map { $0 + "\n" } ?? ""), "\(ssh.errors)")
        let configuration = try server.link(way.set)
        guard let answer = way.answer else {
            let error = await IO.task { await connectError(configuration) }.value
            guard case .unreachable? = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            return
        }
        try await onLoop {
            let link = try await Link.connect(configuration)
            defer { link.close() }
            // A second program: the variable that was refused is not sent again.
            for _ in 0..<2 {
                #expect(try await link.run(Self.question).text == answer + "\n")
            }
        }
    }

    @Test @IO func `connecting is tried as often as is configured`() async throws {
        let port = try Ports.free()
        var configuration = LinkConfiguration(
            host: "127.0.0.1", port: port, user: "u", knownHosts: [], authentication: [])
        for (attempts, pause) in [(1, 0.0), (2, 1.0)] {
            configuration.dialling.attempts = attempts
            let begin = IO.now
            guard case .connectionRefused? = await connectError(configuration) else {
                Issue.record("connected")
                return
            }
            let time = IO.now - begin
            #expect(time >= .seconds(pause) && time < .seconds(pause + 0.9))
        }
    }
}
