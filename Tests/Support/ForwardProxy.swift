// Proxies that sites have between them and the world, as Debian packages them: tinyproxy for HTTP
// CONNECT, microsocks for SOCKS 5, and haproxy as one that opens TLS to look inside.
// Invariant: each listens on a free loopback port and ends with its last reference.
import Foundation

/// A running proxy.
public final class ForwardProxy: Sendable {
    /// What it is.
    public enum Kind: Sendable {
        /// HTTP CONNECT, perhaps with Basic.
        case tinyproxy
        /// SOCKS 5, perhaps with user and password.
        case microsocks
        /// Ends TLS with a certificate of its own (a file of chain and key), and begins it anew to
        /// a port, with an application protocol.
        case inspector(certificate: String, to: UInt16, protocol: String)

        /// The program of its package.
        var program: String {
            switch self {
            case .tinyproxy: "tinyproxy"
            case .microsocks: "microsocks"
            case .inspector: "haproxy"
            }
        }
    }

    /// The user that a proxy with a password knows.
    public static let user = "site"

    /// What it has printed, requests included where it prints those.
    public var log: String { process.output + process.errors }
    /// Where it listens on 127.0.0.1.
    public let port: UInt16
    private let folder: TemporaryDirectory
    private let process: RunningProcess

    /// Starts one, which asks for `user` and `password` if there is one.
    public static func start(_ kind: Kind, password: String? = nil) async throws -> ForwardProxy {
        for _ in 0..<5 {
            let proxy = try ForwardProxy(kind, password, try Ports.free())
            let isUp = await eventually(within: .seconds(20)) { () -> Bool? in
                if proxy.process.end != nil { return false }
                guard let socket = try? Ports.connect(to: proxy.port) else { return nil }
                close(socket)
                return true
            }
            if isUp == true { return proxy }
        }
        throw Unavailable("\(kind.program) found no free port")
    }

    deinit { process.signal(SIGKILL) }

    private init(_ kind: Kind, _ password: String?, _ port: UInt16) throws {
        self.port = port
        folder = try TemporaryDirectory("proxy")
        guard let program = Repository.find(kind.program) else {
            throw Unavailable("\(kind.program) is not there: run ./test")
        }
        let arguments: [String]
        switch kind {
        case .tinyproxy:
            let login = password.map { "BasicAuth \(Self.user) \($0)\n" } ?? ""
            let text = "Port \(port)\nListen 127.0.0.1\nTimeout 60\nMaxClients 20\n\(login)"
            arguments = ["-d", "-c", try folder.write(text, to: "config")]
        case .microsocks:
            arguments =
                ["-i", "127.0.0.1", "-p", "\(port)"]
                + (password.map { ["-u", Self.user, "-P", $0] } ?? [])
        case .inspector(let certificate, let target, let name):
            let text = """
                defaults
                    mode tcp
                    timeout connect 5s
                    timeout client 60s
                    timeout server 60s
                listen inspector
                    bind 127.0.0.1:\(port) ssl crt \(certificate) alpn \(name)
                    server relay 127.0.0.1:\(target) ssl verify none alpn \(name)

                """
            arguments = ["-db", "-f", try folder.write(text, to: "config")]
        }
        process = try RunningProcess(program, arguments, environment: Repository.libraryPath)
    }
}
