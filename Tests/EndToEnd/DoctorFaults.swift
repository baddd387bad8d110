// The faults that `doctor` must name: one row or more for each check. Each row changes a copy of a
// folder, or what one run is given.
import Foundation
import Support

extension DoctorTests {
    static let agentFaults: [Fault] = [
        Fault(name: "folder", words: "mode 777", advice: "chmod 700", exit: 77) {
            chmod($0.data, 0o777)
        },
        Fault(name: "running", verdict: "warning", words: "no agent runs", advice: "run") { _ in },
        Fault(name: "configuration", words: "Nonsense", advice: "correct the file", exit: 78) {
            try $0.write("Nonsense yes\n", "data/agent.conf")
        },
        Fault(name: "identity", words: "has not joined", advice: "join again", exit: 78) {
            unlink($0.data + "/relay.json")
        },
        Fault(name: "tcp", words: "nothing listens there", advice: "start the proxy", exit: 69) {
            let proxy = "Proxy http://user:sesame@127.0.0.1:\(try Ports.free())\n"
            try $0.write(proxy, "data/agent.conf")
        },
        Fault(name: "configuration", words: "Proxy", advice: "correct the file", exit: 78) {
            try $0.write("Proxy ftp://proxy:21\n", "data/agent.conf")
        },
        Fault(name: "configuration", words: "TunnelUrl", advice: "correct the file", exit: 78) {
            try $0.write("TunnelUrl https://relay:1\n", "data/agent.conf")
        },
        Fault(name: "tcp", verdict: "warning", words: "another address", advice: "the relay") {
            let closed = "tls://127.0.0.1:\(try Ports.free())"
            try $0.write("TunnelUrl \(closed),\($0.home.tunnel)\n", "data/agent.conf")
        },
        Fault(name: "dns", words: "", advice: "getent ahosts relay.invalid", exit: 69) {
            try $0.relay("relay", "tls://relay.invalid:8643")
        },
        Fault(name: "tcp", words: "nothing listens there", advice: "start the relay", exit: 69) {
            let port = try Ports.free()
            try $0.relay("relay", "tls://127.0.0.1:\(port)")
        },
        Fault(name: "tls", words: "took too long", advice: "a firewall, a proxy", exit: 69) {
            let port = URL(string: $0.home.tunnel)?.port.flatMap(UInt16.init(exactly:)) ?? 0
            let link = try SlowLink(to: port)
            link.stall()
            try $0.relay("relay", "tls://127.0.0.1:\(link.port)")
            $0.kept.withLock { $0.append(link) }
        },
        Fault(name: "tls", words: "is not the pinned", advice: "somebody is in between", exit: 69) {
            try $0.relay("pin", String(repeating: "A", count: 43))
        },
        Fault(name: "ssh", verdict: "warning", words: "ssh", advice: "install") {
            $0.environment.withLock { $0["PATH"] = "/nonexistent" }
        },
        Fault(name: "ssh_config", verdict: "warning", words: "/gone", advice: "Include") {
            try $0.write("Include \($0.folder.file("gone"))\nHost db\n", "config")
            try $0.write("SshConfig \($0.folder.file("config"))\n", "data/agent.conf")
        },
        Fault(name: "ssh_config", words: "Bad port", advice: "correct the file", exit: 78) {
            try $0.write("Host db\n  Port none\n", "config")
            try $0.write("SshConfig \($0.folder.file("config"))\n", "data/agent.conf")
        },
        Fault(name: "known_hosts", verdict: "warning", words: "cannot be made", advice: "make") {
            $0.more.withLock { $0 += ["--known-hosts", "/nonexistent/known_hosts"] }
        },
        Fault(name: "ssh-agent", verdict: "warning", words: "/nonexistent", advice: "unset") {
            $0.environment.withLock { $0["SSH_AUTH_SOCK"] = "/nonexistent" }
        },
        Fault(name: "temporary", words: "cannot be written", advice: "TMPDIR", exit: 74) {
            $0.environment.withLock { $0["TMPDIR"] = "/nonexistent" }
        },
        Fault(name: "open-files", verdict: "warning", words: "128", advice: "ulimit -n") {
            $0.files.withLock { $0 = 128 }
        },
    ]

    static let relayFaults: [Fault] = [
        Fault(name: "folder", words: "mode 777", advice: "chmod 700", exit: 77) {
            chmod($0.data, 0o777)
        },
        Fault(name: "configuration", words: "Nonsense", advice: "correct the file", exit: 78) {
            try $0.write("Nonsense yes\n", "data/relay.conf")
        },
        Fault(name: "running", words: "no relay runs", advice: "homeline-relay serve", exit: 69) {
            _ in
        },
        Fault(name: "store", words: "", advice: "restore a copy", exit: 69) {
            try $0.write(String(repeating: "damage ", count: 1000), "data/relay.db")
            unlink($0.data + "/relay.db-wal")
        },
        Fault(name: "identity", words: "mode", advice: "every agent must join again", exit: 69) {
            chmod($0.data + "/tunnel.key", 0o644)
        },
        Fault(name: "mcp-port", words: "another program listens", advice: "port", exit: 69) {
            let address = URL(string: $0.home.url)?.port ?? 0
            $0.more.withLock { $0 += ["--mcp", "127.0.0.1:\(address)"] }
        },
        Fault(name: "tunnel-port", words: "assign", advice: "this machine has", exit: 69) {
            $0.more.withLock { $0 += ["--tunnel", "192.0.2.1:8643"] }
        },
        Fault(name: "certificate", words: "expired on", advice: "renew", exit: 69) {
            try await $0.certificate(days: -1)
        },
        Fault(
            name: "certificate", verdict: "warning", words: "expires on", advice: "renew", exit: 69
        ) { try await $0.certificate(days: 3) },
        Fault(name: "certificate", words: "does not belong", advice: "--tls-key", exit: 69) {
            try await $0.certificate(days: 30)
            let other = $0.data + "/tunnel.key"
            $0.more.withLock { $0 += ["--tls-key", other] }
        },
        Fault(name: "open-files", verdict: "warning", words: "256", advice: "LimitNOFILE", exit: 69)
        { $0.files.withLock { $0 = 256 } },
    ]
}

extension DoctorTests.Scene {
    /// Makes a certificate that ends in some days, or ended before, and names it.
    func certificate(days: Int) async throws {
        let end = DateFormatter()
        end.locale = Locale(identifier: "en_US_POSIX")
        end.timeZone = TimeZone(identifier: "UTC")
        end.dateFormat = "yyyyMMddHHmmss'Z'"
        let settings = """
            [ca]
            default_ca = own
            [own]
            database = index
            new_certs_dir = .
            default_md = sha256
            policy = any
            rand_serial = yes
            [any]
            commonName = supplied
            """
        try write(settings, "ca.conf")
        let script = """
            : >index
            openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
                -subj /CN=localhost -keyout site.key -out site.csr
            openssl ca -config ca.conf -batch -notext -selfsign -keyfile site.key -in site.csr \
                -startdate 20200101000000Z -enddate "$0" -out site.crt
            chmod 600 site.key
            """
        try await RunningProcess.run(
            "/bin/sh",
            ["-ec", script, end.string(from: Date(timeIntervalSinceNow: Double(days) * 86_400))],
            directory: folder.path)
        more.withLock {
            $0 += ["--tls-certificate", folder.file("site.crt")]
            $0 += ["--tls-key", folder.file("site.key")]
        }
    }
}
