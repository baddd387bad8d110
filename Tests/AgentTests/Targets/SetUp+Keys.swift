// The parts of a generated set-up that are about keys: those to log in with, and those of the host.
import Foundation
import Support

extension SetUp {
    /// The keys to log in with.
    static func identity(_ me: inout SetUp) {
        let up = String(repeating: "../", count: 12)
        func file(_ written: String, _ real: String) -> (inout SetUp) -> Void {
            { me in
                me.set("IdentityFile", written.replacing("DIR", with: me.folder))
                me.keys[real] = me.scene.good[0]
            }
        }
        let short = String(Self.machine.prefix { $0 != "." })
        me.pick(
            "identity", usual: 50,
            [
                ("quoted, with a space", file("\"DIR/my key\"", "my key")),
                ("single quotes", file("'DIR/my key'", "my key")),
                ("from ~", file("~/\(up)DIR/good", "good")),
                ("from ~user", file("~\(NSUserName())/\(up)DIR/good", "good")),
                ("from ~nobody-here", file("~nobody-here/x", "good")),
                ("%d", file("%d/\(up)DIR/good", "good")),
                ("%p", file("DIR/k-%p", "k-\(me.scene.server.port)")),
                ("%r", file("DIR/k-%r", "k-\(me.scene.server.user)")),
                ("%u", file("DIR/k-%u", "k-\(NSUserName())")),
                ("%i", file("DIR/k-%i", "k-\(geteuid())")),
                ("%L", file("DIR/k-%L", "k-\(short)")),
                ("%l", file("DIR/k-%l", "k-\(Self.machine)")),
                ("%%", file("DIR/k-%%", "k-%")),
                ("%n", { $0.token("%n", $0.name) }),
                ("%k", { $0.token("%k", $0.name) }),
                (
                    "%h",
                    {
                        $0.token(
                            "%h", $0.block["HostName"]?.first == "127.0.0.1" ? "127.0.0.1" : $0.name
                        )
                    }
                ),
                ("%C missing", file("DIR/k-%C", "unused")),
                ("unknown token", file("DIR/k-%z", "k-z")),
                (
                    "variable",
                    { me in
                        file("${HL_KEYS}/good", "good")(&me)
                        me.environment["HL_KEYS"] = me.folder
                    }
                ),
                ("variable that is not set", file("${HL_NOT_SET}/good", "good")),
                ("missing", file("DIR/nothing", "unused")),
                ("stranger", { $0.identities($0.scene.stranger) }),
                ("stranger, then good", { $0.identities($0.scene.stranger, $0.scene.good[0]) }),
                (
                    "missing, then good",
                    { me in
                        file("DIR/good", "good")(&me)
                        me.set("IdentityFile", "\(me.folder)/nothing", "\(me.folder)/good")
                    }
                ),
                ("ecdsa", { $0.identities($0.scene.good[1]) }),
                ("rsa", { $0.identities($0.scene.good[2]) }),
                ("only", { $0.set("IdentitiesOnly", "yes") }),
                ("agent", { $0.agent(0) }),
                (
                    "agent, only",
                    {
                        $0.agent(0); $0.set("IdentitiesOnly", "yes")
                    }
                ),
                (
                    "agent with a stranger's, and the file",
                    { me in
                        file("DIR/good", "good")(&me)
                        me.environment["SSH_AUTH_SOCK"] = me.scene.agents[1].socket
                    }
                ),
                ("agent by IdentityAgent", { $0.agent(0, "IdentityAgent") }),
                (
                    "agent by variable",
                    { me in
                        me.agent(0, "IdentityAgent")
                        me.set("IdentityAgent", "$HL_AGENT")
                        me.environment["HL_AGENT"] = me.scene.agents[0].socket
                    }
                ),
                (
                    "agent none",
                    {
                        $0.agent(0); $0.set("IdentityAgent", "none")
                    }
                ),
                (
                    "none",
                    {
                        $0.set("IdentityFile", "none"); $0.set("IdentitiesOnly", "yes")
                    }
                ),
                ("certificate missing", { $0.set("CertificateFile", "\($0.folder)/no-cert.pub") }),
                (
                    "public half, key in the agent",
                    { me in
                        me.agent(0)
                        me.set("IdentityFile", "\(me.folder)/half")
                        me.set("IdentitiesOnly", "yes")
                        me.publicKeys["half"] = me.scene.good[0]
                    }
                ),
                (
                    "public half of a stranger, key in the agent",
                    { me in
                        me.agent(0)
                        me.set("IdentityFile", "\(me.folder)/half")
                        me.set("IdentitiesOnly", "yes")
                        me.publicKeys["half"] = me.scene.stranger
                    }
                ),
                (
                    "in the agent and in a file",
                    { $0.environment["SSH_AUTH_SOCK"] = $0.scene.agents[0].socket }
                ),
                ("no keys", { $0.set("PubkeyAuthentication", "no") }),
                ("password first", { $0.set("PreferredAuthentications", "password,publickey") }),
                ("password alone", { $0.set("PreferredAuthentications", "password") }),
                ("no passwords", { $0.set("PasswordAuthentication", "no") }),
                ("algorithms", { $0.set("PubkeyAcceptedAlgorithms", "ssh-ed25519") }),
                ("other algorithms", { $0.set("PubkeyAcceptedAlgorithms", "rsa-sha2-512") }),
            ])
    }

    private static let machine = ProcessInfo.processInfo.hostName

    private mutating func token(_ token: String, _ value: String) {
        set("IdentityFile", "\(folder)/k-\(token)")
        keys["k-\(value)"] = scene.good[0]
    }

    private mutating func identities(_ list: SSHKey...) {
        block["IdentityFile"] = list.indices.map { "\(folder)/id\($0)" }
        for (index, key) in list.enumerated() { keys["id\(index)"] = key }
    }

    private mutating func agent(_ number: Int, _ keyword: String? = nil) {
        set("IdentityFile", "\(folder)/nothing")
        if let keyword {
            set(keyword, scene.agents[number].socket)
        } else {
            environment["SSH_AUTH_SOCK"] = scene.agents[number].socket
        }
    }

    /// The files of the host's keys.
    static func store(_ me: inout SetUp) {
        func at(_ written: String, _ real: String) -> (inout SetUp) -> Void {
            { me in
                me.set("UserKnownHostsFile", written.replacing("DIR", with: me.folder))
                me.files[real] = me.known
                me.files["known"] = ""
            }
        }
        me.pick(
            "store", usual: 75,
            [
                ("quoted, with a space", at("\"DIR/my hosts\"", "my hosts")),
                ("quoted second", at("DIR/nothing \"DIR/my hosts\"", "my hosts")),
                ("%p", at("DIR/known-%p", "known-\(me.scene.server.port)")),
                ("%r", at("\"DIR/known-%r\"", "known-\(me.scene.server.user)")),
                (
                    "variable",
                    { me in
                        at("${HL_HOSTS}/hosts", "hosts")(&me)
                        me.environment["HL_HOSTS"] = me.folder
                    }
                ),
                ("second of two", at("DIR/known DIR/second", "second")),
                ("first is a folder", at("\(me.folder) DIR/second", "second")),
                (
                    "global",
                    { me in
                        me.set("GlobalKnownHostsFile", "\(me.folder)/global")
                        me.files["global"] = me.known
                        me.files["known"] = ""
                    }
                ),
                (
                    "global alone",
                    { me in
                        me.set("GlobalKnownHostsFile", "\(me.folder)/global")
                        me.set("UserKnownHostsFile", "none")
                        me.files["global"] = me.known
                    }
                ),
                ("nowhere", { $0.set("UserKnownHostsFile", "/dev/null") }),
                ("unwritable", { $0.set("UserKnownHostsFile", "/proc/nothing/known") }),
                ("none", { $0.set("UserKnownHostsFile", "none") }),
                ("missing", { $0.set("UserKnownHostsFile", "\($0.folder)/new/known") }),
            ])
    }

    /// What the files say of the host.
    static func knownHosts(_ me: inout SetUp) {
        let (address, one, two) = (me.scene.address, me.scene.key(0), me.scene.key(1))
        let other = me.scene.otherKey
        func text(_ text: String) -> (inout SetUp) -> Void {
            { me in
                for (name, content) in me.files where content == me.known { me.files[name] = text }
                me.known = text
            }
        }
        me.pick(
            "known", usual: 55,
            [
                ("nothing", text("")),
                ("the first", text("\(address) \(one)\n")),
                ("the second", text("\(address) \(two)\n")),
                ("another", text("\(address) \(other)\n")),
                ("another and the second", text("\(address) \(other)\n\(address) \(two)\n")),
                ("the second and another", text("\(address) \(two)\n\(address) \(other)\n")),
                ("the first and another", text("\(address) \(one)\n\(address) \(other)\n")),
                ("without a port", text("127.0.0.1 \(one)\n")),
                ("another without a port", text("127.0.0.1 \(other)\n")),
                (
                    "one without a port, the second with",
                    text("127.0.0.1 \(one)\n\(address) \(two)\n")
                ),
                (
                    "another without a port, one with",
                    text("127.0.0.1 \(other)\n\(address) \(one)\n")
                ),
                ("of another host", text("elsewhere,192.0.2.1 \(one)\n")),
                ("wildcard", text("[127.0.0.*]:* \(one)\n")),
                ("question mark", text("[127.0.0.?]:\(me.scene.server.port) \(one)\n")),
                ("negated", text("*,!\(address) \(one)\n")),
                ("star", text("* \(one)\n")),
                ("list", text("web,\(address),db \(one)\n")),
                ("revoked", text("@revoked * \(one)\n\(address) \(one)\n")),
                ("another revoked", text("@revoked * \(other)\n\(address) \(one)\n")),
                ("authority", text("@cert-authority * \(other)\n\(address) \(one)\n")),
                ("garbage first", text("garbage\n\(address) ssh-rsa AAAA\n\(address) \(one)\n")),
                ("comments", text("# ours\n\n  \(address) \(one) a comment\n")),
                ("CRLF", text("\(address) \(one)\r\n\(address) \(two)\r\n")),
                ("no end of line", text("\(address) \(one)")),
                ("tabs", text("\(address)\t\(one)\n")),
                ("unknown marker", text("@new \(address) \(one)\n\(address) \(one)\n")),
                (
                    "alias",
                    { me in
                        text("backend \(one)\n")(&me)
                        me.set("HostKeyAlias", "backend")
                    }
                ),
                (
                    "alias of another",
                    { me in
                        text("backend \(other)\n\(address) \(one)\n")(&me)
                        me.set("HostKeyAlias", "backend")
                    }
                ),
                ("alias unknown", { $0.set("HostKeyAlias", "backend") }),
            ])
    }

    static func strictness(_ me: inout SetUp) {
        me.pick(
            "strict", usual: 50,
            [
                ("yes", { $0.set("StrictHostKeyChecking", "yes") }),
                ("ask", { $0.set("StrictHostKeyChecking", "ask") }),
                ("accept-new", { $0.set("StrictHostKeyChecking", "accept-new") }),
                (
                    "accept-new, hashed",
                    {
                        $0.set("StrictHostKeyChecking", "accept-new")
                        $0.set("HashKnownHosts", "yes")
                    }
                ),
                ("no", { $0.set("StrictHostKeyChecking", "no") }),
            ])
    }

    static func revoked(_ me: inout SetUp) {
        func list(_ text: String, _ written: String = "DIR/revoked") -> (inout SetUp) -> Void {
            { me in
                me.set("RevokedHostKeys", written.replacing("DIR", with: me.folder))
                me.files["revoked"] = text
            }
        }
        let (one, other) = (me.scene.key(0), me.scene.otherKey)
        me.pick(
            "revoked", usual: 85,
            [
                ("this", list("\(one)\n")),
                ("this, after a comment", list("# old\n\n\(other) x\n\(one) y\n")),
                ("another", list("\(other)\n")),
                ("empty", list("")),
                ("garbage", list("garbage\n\(other)\n")),
                ("missing", { $0.set("RevokedHostKeys", "\($0.folder)/no-list") }),
                ("misnamed", list("\(one)\n", "DIR/rev%%x")),
                ("quoted", list("\(one)\n", "\"DIR/revoked\"")),
                ("none", { $0.set("RevokedHostKeys", "none") }),
            ])
    }
}
