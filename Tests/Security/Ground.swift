// What the access matrix is walked on: a relay, its agent `site`, and two SSH servers on one
// address,
// `web` (also called `twin`) and `vault`. Each place has a home with a canary of its own.
// Invariant: every name in any spelling reaches a server when rights allow it, so that a refusal is
// a refusal.
import Foundation
import JSON
import Support

/// A running installation with a canary in each place.
struct Ground: Sendable {
    let home: Installation
    let web: SSHServer
    let vault: SSHServer
    let admin: MCPCaller
    private let canaries: [String: String]

    static func start() async throws -> Ground {
        let home = try await Installation.start()
        let web = try await SSHServer.start(.init(shell: .dash))
        let vault = try await SSHServer.start(.init(shell: .dash))
        try vault.authorize(web.key.publicLine)
        let config = """
            Host web twin
                Port \(web.port)
            Host vault
                Port \(vault.port)
            Host web twin vault
                HostName 127.0.0.1
            Host *
                IdentityFile \(web.key.path)
                IdentitiesOnly yes
                ConnectTimeout 5

            """
        let file = try home.directory.write(config, to: "ssh_config")
        let known = home.directory.file("known_hosts")
        try await home.join(
            "site", settings: "SshConfig \(file)\nKnownHosts \(known)\nAcceptNew yes\n")
        let admin = try await home.caller()
        try await home.startAgent("site", caller: admin)
        let folders = [
            "web": web.directory.file("home"), "vault": vault.directory.file("home"),
            "local": home.directory.file("home"),
        ]
        var canaries: [String: String] = [:]
        for (place, folder) in folders {
            let canary = "canary-\(place)-\(UInt32.random(in: 0 ... .max))"
            canaries[place] = canary
            for name in ["canary", canary] {
                try canary.write(toFile: "\(folder)/\(name)", atomically: true, encoding: .utf8)
            }
        }
        return Ground(home: home, web: web, vault: vault, admin: admin, canaries: canaries)
    }

    /// The places whose canaries a text shows.
    func places(in text: String) -> [String] {
        canaries.filter { text.contains($0.value) }.map(\.key).sorted()
    }

    /// The place whose home holds a file that a test wrote.
    func places(holding name: String) -> [String] {
        [
            "web": web.directory.file("home"), "vault": vault.directory.file("home"),
            "local": home.directory.file("home"),
        ].filter { FileManager.default.fileExists(atPath: "\($0.value)/\(name)") }.map(\.key)
            .sorted()
    }

    /// A cell's text with this run's user and ports.
    func filled(_ text: String) -> String {
        text.replacing("%USER", with: web.user).replacing("%WEB", with: "\(web.port)")
            .replacing("%VAULT", with: "\(vault.port)")
    }

    /// The number of connections that the two servers have had.
    var connections: Int {
        (web.log + vault.log).split(separator: "\n").count { $0.contains("Connection from") }
    }
}
