// Module SSH alone, as the agent uses it, without relay, tunnel and MCP: shows the link's share of
// a command.
import Loop
import Programs
import SSH

enum LinkRows {
    static let names = ["link-exec", "link-cold"]

    /// Answers counts until the input ends; the exit code.
    @IO static func measure(_ row: String) async -> Int32 {
        do {
            let configuration = try configuration()
            let warm = row == "link-exec" ? try await Link.connect(configuration) : nil
            try await LineProtocol.serveOnLoop { () async throws -> Void in
                if let warm { return try await runTrue(on: warm) }
                let link = try await Link.connect(configuration)
                try await runTrue(on: link)
                link.close()
            }
            return 0
        } catch {
            LineProtocol.complain(error)
            return 70
        }
    }

    /// The link that the environment asks for.
    @IO static func configuration() throws -> LinkConfiguration {
        let setting = LineProtocol.setting
        return LinkConfiguration(
            host: try setting("PEER_HOST"), port: UInt16(try setting("PEER_PORT")) ?? 22,
            user: try setting("PEER_USER"), knownHosts: [try setting("PEER_KNOWN_HOSTS")],
            authentication: [.keyFile(path: try setting("PEER_KEY"), passphrase: nil)])
    }

    @IO private static func runTrue(on link: Link) async throws {
        let channel = try await link.execute("true")
        let ended = Once<ProgramEnd>()
        channel.onEnd = { ended.set($0) }
        channel.resume()
        guard await ended.wait() == .exited(0) else { throw BenchError("true has failed") }
    }
}
