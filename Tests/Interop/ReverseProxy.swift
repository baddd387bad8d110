// nginx, Caddy and haproxy in front of a relay, with the configurations of docs/proxies.md as they
// stand there: only names, ports and files are replaced, and each gets a place of its own to write.
// Invariant: each listens on a free loopback port and ends with its last reference.
import Foundation
import Support

/// A running proxy.
final class ReverseProxy: Sendable {
    enum Kind: String, CaseIterable, Sendable { case nginx, caddy, haproxy }

    /// The name that the documentation gives the relay; clients use it.
    static let name = "relay.example.net"

    let port: UInt16
    private let folder: TemporaryDirectory
    private let process: RunningProcess

    /// Starts one that passes on to `relay`; `certificate` is a file with the chain and the key.
    ///
    /// `change` is what a test does to the documented text; `port`: where another one listened.
    static func start(
        _ kind: Kind, to relay: UInt16, certificate: String, at port: UInt16? = nil,
        _ change: (String) -> String = { $0 }
    ) async throws -> ReverseProxy {
        for _ in 0..<5 {
            let place = try port ?? Ports.free()
            let proxy = try ReverseProxy(kind, relay, certificate, place, change)
            if try await proxy.listens() { return proxy }
        }
        throw Unavailable("\(kind.rawValue) found no free port")
    }

    deinit { process.signal(SIGKILL) }

    /// Ends it as a crash would, with its connections.
    func kill() async {
        // nginx's worker would live on without its master.
        _ = try? await RunningProcess.run("/usr/bin/pkill", ["-KILL", "-P", "\(process.id)"])
        process.signal(SIGKILL)
        _ = try? await process.finished()
    }

    /// Has it read its configuration again (nginx).
    func reload() { process.signal(SIGHUP) }

    private init(
        _ kind: Kind, _ relay: UInt16, _ certificate: String, _ port: UInt16,
        _ change: (String) -> String
    ) throws {
        self.port = port
        folder = try TemporaryDirectory(kind.rawValue)
        guard let program = Repository.find(kind.rawValue) else {
            throw Unavailable("\(kind.rawValue) is not there: run ./test")
        }
        let texts = try Self.documented(kind).map {
            $0.replacingOccurrences(of: "127.0.0.1:8642", with: "127.0.0.1:\(relay)")
                .replacingOccurrences(of: "/etc/ssl/relay.pem", with: certificate)
                .replacingOccurrences(of: "/etc/ssl/relay.key", with: certificate)
        }
        // nginx also takes a path away, another one than the relay knows.
        let below = texts.dropFirst().joined().replacingOccurrences(of: "homeline", with: "below")
        let text = change(texts[0]).replacingOccurrences(
            of: "    location / {", with: below + "    location / {")
        let (whole, arguments) = kind.completed(text, port: port, certificate, in: folder.path)
        let file = try folder.write(whole, to: "config")
        process = try RunningProcess(
            program, arguments + [file],
            environment: Repository.libraryPath.merging([
                "HOME": folder.path, "XDG_DATA_HOME": folder.path, "XDG_CONFIG_HOME": folder.path,
            ]) { $1 })
    }

    /// Waits until it listens; false when another program has the port.
    private func listens() async throws -> Bool {
        let isUp = try await eventually(within: .seconds(20)) { () -> Bool? in
            if process.end != nil {
                let said = process.errors + process.output
                guard said.contains("ddress already in use") else { throw Unavailable(said) }
                return false
            }
            guard let socket = try? Ports.connect(to: port) else { return nil }
            close(socket)
            return true
        }
        return isUp ?? false
    }

    /// The configurations of a kind in the documentation: a whole one first.
    private static func documented(_ kind: Kind) throws -> [String] {
        let page = try String(
            contentsOfFile: "\(Repository.root)/docs/proxies.md", encoding: .utf8)
        let language = kind == .caddy ? "caddyfile" : kind.rawValue
        let parts = page.components(separatedBy: "```\(language)\n")
        guard parts.count > 1 else {
            throw Unavailable("docs/proxies.md has no configuration of \(kind.rawValue)")
        }
        return parts.dropFirst().map { $0.components(separatedBy: "```\n")[0] }
    }
}

extension ReverseProxy.Kind {
    /// The documented text as a whole configuration that listens on `port`, and the arguments
    /// before its file.
    fileprivate func completed(
        _ text: String, port: UInt16, _ certificate: String, in folder: String
    ) -> (String, [String]) {
        switch self {
        case .nginx:
            let places = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
                .map { "\($0)_temp_path \(folder)/\($0);" }.joined(separator: "\n")
            // Or its worker could not write here.
            let user = geteuid() == 0 ? "user root;" : ""
            let whole = """
                \(user) daemon off; worker_processes 1; pid \(folder)/pid; error_log stderr;
                events {}
                http {
                access_log off;
                \(places)
                \(text.replacingOccurrences(of: "listen 443", with: "listen 127.0.0.1:\(port)"))
                }
                """
            return (whole, ["-e", "stderr", "-p", folder, "-c"])
        case .caddy:
            // It gets certificates by itself; here it is given one.
            let name = ReverseProxy.name
            // Each name that the certificate has.
            let names = "\(name):\(port), localhost:\(port)"
            let site = text.replacingOccurrences(
                of: "\(name) {",
                with: "\(names) {\n    bind 127.0.0.1\n    tls \(certificate) \(certificate)"
            )
            let whole = "{\n    admin off\n    auto_https off\n}\n\(site)"
            return (whole, ["run", "--adapter", "caddyfile", "--config"])
        case .haproxy:
            let whole = text.replacingOccurrences(of: "bind :443", with: "bind 127.0.0.1:\(port)")
            return (whole, ["-db", "-f"])
        }
    }
}
