// Generated set-ups for the differential test: an ssh_config with what belongs to it, made from a
// seed. Each part of a set-up (where it leads, keys, known hosts …) is the usual one or one of the
// ways that people write it. Invariant: equal seeds give equal set-ups on one machine.
import Foundation
import Support

/// What the set-ups are about: one server, its keys, and keys that it does not know.
struct Scenery: Sendable {
    /// Whose client and server these are.
    let release: OpenSSH
    let server: SSHServer
    /// Keys that the server lets in, and one that it does not.
    let good: [SSHKey]
    let stranger: SSHKey
    /// Two ssh-agents: with a good key, with a stranger's.
    let agents: [KeyAgent]
    /// The home of the user who runs the tests, as ssh finds it.
    let home: String

    var address: String { "[127.0.0.1]:\(server.port)" }

    /// The server's key of a kind, as known_hosts writes it.
    func key(_ index: Int) -> String { Self.line(server.hostKeys[index]) }
    var otherKey: String { Self.line(stranger) }

    static func line(_ key: SSHKey) -> String {
        key.publicLine.split(separator: " ").prefix(2).joined(separator: " ")
    }
}

/// One set-up.
struct SetUp: Sendable {
    /// The name that is connected to.
    var name = "t1"
    /// What was chosen, for people.
    private(set) var choices: [String] = []
    /// Files to write below the folder, and links and copies of keys.
    var files: [String: String] = [:]
    var keys: [String: SSHKey] = [:]
    /// Keys of which only the public half is there.
    var publicKeys: [String: SSHKey] = [:]
    var environment: [String: String] = [:]

    let scene: Scenery
    let folder: String
    var block: [String: [String]] = [:]
    var known: String
    private var head = "Host NAME"
    private var before = ""
    private var after = ""
    private var random: Seeded

    /// A set-up in a folder.
    init(seed: UInt64, _ scene: Scenery, folder: String) {
        (self.scene, self.folder, random) = (scene, folder, Seeded(state: seed))
        known = "\(scene.address) \(scene.key(0))\n\(scene.address) \(scene.key(1))\n"
        block = [
            "HostName": ["127.0.0.1"], "Port": ["\(scene.server.port)"],
            "User": [scene.server.user], "IdentityFile": ["\(folder)/good"],
            "UserKnownHostsFile": ["\(folder)/known"], "GlobalKnownHostsFile": ["/dev/null"],
        ]
        keys["good"] = scene.good[0]
        for part in [
            Self.frame, Self.place, Self.network, Self.identity, Self.store, Self.knownHosts,
            Self.strictness, Self.revoked, Self.algorithms,
        ] {
            part(&self)
        }
        let lines = block.sorted { $0.key < $1.key }.flatMap { key, values in
            values.map { " \(key) \($0)" }
        }
        let body = lines.joined(separator: "\n")
        files["config"] = "\(before)\(head)\n\(body)\n\(after)"
        files["known"] = files["known"] ?? known
        for (file, text) in files { files[file] = text.replacing("NAME", with: name) }
    }

    /// The configuration, with what belongs to it, for a failure.
    var account: String {
        let texts = files.sorted { $0.key < $1.key }.map { "--- \($0)\n\($1)" }
        return "\(choices)\n\(texts.joined(separator: "\n"))\nkeys \(keys.keys.sorted())"
            + " \(environment)"
    }

    // MARK: Choosing

    /// Picks one of the ways, or none of them in `usual` of 100 cases.
    mutating func pick(
        _ part: String, usual: Int, _ ways: [(String, (inout SetUp) -> Void)]
    ) {
        guard Int.random(in: 0..<100, using: &random) >= usual else { return }
        let way = ways[Int.random(in: 0..<ways.count, using: &random)]
        choices.append("\(part): \(way.0)")
        way.1(&self)
    }

    mutating func set(_ keyword: String, _ values: String...) { block[keyword] = values }

    // MARK: The parts

    /// How the block is found: Host, Match, Include.
    private static func frame(_ me: inout SetUp) {
        me.pick(
            "frame", usual: 50,
            [
                ("wildcard", { $0.head = "Host t? web-*" }),
                ("several names", { $0.head = "Host other \"NAME\" third" }),
                ("negated elsewhere", { $0.before = "Host * !NAME\n Port 1\n" }),
                (
                    "negated here",
                    { $0.before = "Host !NAME *\n Port 1\nHost *\n User \($0.scene.server.user)\n" }
                ),
                ("Match host", { $0.head = "Match host 127.0.0.1,NAME" }),
                ("Match originalhost", { $0.head = "Match originalhost NAME" }),
                ("Match exec", { $0.head = "Match originalhost NAME exec \"test -d /\"" }),
                ("Match exec false", { $0.before = "Match exec \"exit 1\"\n Port 1\n" }),
                (
                    "Match localuser",
                    { $0.head = "Match originalhost NAME localuser \(NSUserName())" }
                ),
                ("Match all after", { $0.after = "Match all\n Port 1\n" }),
                ("Match final", { $0.after = "Match final host 127.0.0.1\n Port 1\n" }),
                ("defaults after", { $0.after = "Host *\n Port 1\n HostName 127.0.0.1\n" }),
                ("equals signs", { $0.head = "Host=NAME" }),
                ("comments", { $0.before = "# Host NAME\n  # Port 1\n\n" }),
                (
                    "slash",
                    {
                        $0.name = "prod/db1"; $0.after = "Host db1\n HostName 127.0.0.1\n Port 1\n"
                    }
                ),
                ("dots and dashes", { $0.name = "a-b.c_d" }),
                ("upper case", { $0.name = "WEB" }),
                (
                    "included",
                    {
                        $0.files["more"] = "Host NAME\n Port \($0.scene.server.port)\n"
                        $0.before = "Include \($0.folder)/mor*\n"
                        $0.block["Port"] = nil
                    }
                ),
                (
                    "included within Host",
                    {
                        $0.files["inner"] = "Port \($0.scene.server.port)\n"
                        $0.set("Port")
                        $0.after = "Host NAME\n Include \($0.folder)/inner\n"
                    }
                ),
                ("include missing", { $0.before = "Include \($0.folder)/nothing*\n" }),
                ("unknown keyword", { $0.before = "Hots x\n" }),
                ("ignored keyword", { $0.before = "IgnoreUnknown Hots*\nHots x\n" }),
                ("bad value", { $0.after = "Host NAME\n Compression perhaps\n" }),
                (
                    "other keywords",
                    { $0.after = "Host NAME\n ServerAliveInterval 5\n LogLevel ERROR\n" }
                ),
            ])
    }

    /// Where it leads.
    private static func place(_ me: inout SetUp) {
        me.pick(
            "place", usual: 75,
            [
                (
                    "%h",
                    {
                        $0.name = "127.0.0.1"; $0.set("HostName", "%h")
                    }
                ),
                (
                    "no HostName",
                    {
                        $0.name = "127.0.0.1"; $0.block["HostName"] = nil
                    }
                ),
                ("wrong port", { $0.set("Port", "1") }),
                ("other user", { $0.set("User", "no-such-user-here") }),
                ("no such name", { $0.set("HostName", "no-such-host.invalid") }),
                (
                    "jump",
                    {
                        $0.before += $0.gate(key: "good")
                        $0.set("ProxyJump", "gate")
                    }
                ),
                (
                    "jump with user and port",
                    {
                        $0.before += $0.gate(key: "good")
                        $0.set("ProxyJump", "\($0.scene.server.user)@gate:\($0.scene.server.port)")
                    }
                ),
                (
                    "jump refused",
                    {
                        $0.keys["stranger"] = $0.scene.stranger
                        $0.before += $0.gate(key: "stranger")
                        $0.set("ProxyJump", "gate")
                    }
                ),
                (
                    "jump none",
                    {
                        $0.set("ProxyJump", "none"); $0.after = "Host *\n ProxyJump nowhere\n"
                    }
                ),
                ("command", { $0.set("ProxyCommand", $0.inetd) }),
                (
                    "command with tokens",
                    {
                        let test = "test %h:%p = 127.0.0.1:\($0.scene.server.port)"
                        $0.set("ProxyCommand", "/bin/sh -c '\(test) && exec \($0.inetd)'")
                    }
                ),
                ("command with a bad token", { $0.set("ProxyCommand", "\($0.inetd) %z") }),
                ("command that ends", { $0.set("ProxyCommand", "false") }),
                ("command none", { $0.set("ProxyCommand", "none") }),
            ])
    }

    private func gate(key: String) -> String {
        """
        Host gate
         HostName 127.0.0.1
         Port \(scene.server.port)
         User \(scene.server.user)
         IdentityFile \(folder)/\(key)
         IdentitiesOnly yes
         UserKnownHostsFile \(folder)/gate-known
         StrictHostKeyChecking accept-new

        """
    }

    /// An sshd on its standard streams.
    private var inetd: String {
        let program = scene.release.program("sshd") ?? "sshd"
        return "\(program) -i -f \(scene.server.directory.file("sshd_config"))"
    }

    private static func network(_ me: inout SetUp) {
        me.pick(
            "network", usual: 80,
            [
                ("inet", { $0.set("AddressFamily", "inet") }),
                ("inet6", { $0.set("AddressFamily", "inet6") }),
                ("any", { $0.set("AddressFamily", "any") }),
                ("from loopback", { $0.set("BindAddress", "127.0.0.9") }),
                ("from elsewhere", { $0.set("BindAddress", "192.0.2.1") }),
                ("from a name that is none", { $0.set("BindAddress", "no-such-host.invalid") }),
                ("interface", { $0.set("BindInterface", "lo") }),
                ("no interface", { $0.set("BindInterface", "nope0") }),
                ("attempts", { $0.set("ConnectionAttempts", "2") }),
                ("no keepalive", { $0.set("TCPKeepAlive", "no") }),
                (
                    "variables",
                    {
                        $0.set("SetEnv", "LC_A=\"b c\" D=e"); $0.set("SendEnv", "LC_* HL_*")
                    }
                ),
                ("compression", { $0.set("Compression", "yes") }),
                ("quality", { $0.set("IPQoS", "throughput") }),
                ("timeout", { $0.set("ConnectTimeout", "9") }),
            ])
    }
}
