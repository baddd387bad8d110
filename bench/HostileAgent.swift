// An agent that answers every call with the worst reply that its method allows: for the rows of
// peers/fairness.py, which measure what other principals and agents notice of it.
// `homeline-bench hostile-agent INVITATION FILE`: FILE names the kind of reply, read at each call.
import Crypto
import Glibc
import JSON
import Loop
import Net
import Tunnel
import Wire

enum HostileAgent {
    static let word = "hostile-agent"

    /// Serves until the relay ends the tunnel; the exit code.
    @IO static func run(_ arguments: [String]) async -> Int32 {
        do {
            guard arguments.count == 2 else { throw BenchError("give INVITATION FILE") }
            try await serve(try Invitation(arguments[0]), kind: arguments[1])
            return 0
        } catch {
            LineProtocol.complain(error)
            return 70
        }
    }

    @IO private static func serve(_ invitation: Invitation, kind file: String) async throws {
        guard let port = invitation.urls[0].split(separator: ":").last.flatMap({ UInt16($0) }),
            let pin = invitation.pin.flatMap({ PublicKeyPin(bytes: $0) })
        else { throw BenchError("cannot dial \(invitation.urls[0])") }
        let replies = Replies()
        let key = try Ed25519PrivateKey.generate()
        let socket = try await SocketStream.connect(host: "127.0.0.1", port: port)
        let stream = try await TLSStream.handshake(
            over: socket,
            context: try TLSContext(client: .pin(pin), alpn: [Contract.applicationProtocol]),
            serverName: "relay")
        let binding =
            stream.exportKeyingMaterial(
                label: Contract.exporterLabel, count: Contract.bindingBytes) ?? []
        let ended = Once<Void>()
        let tunnel = Tunnel(
            over: stream, role: .responder, limits: TunnelLimits(bodyBytes: Contract.callBytes))
        tunnel.onClose = { _ in ended.set(()) }
        tunnel.onCall = { bytes in
            do {
                let request = try Request(decoding: bytes)
                switch Wire.Method(rawValue: request.method) {
                case .hello:
                    let challenge = try Challenge(Fields(request.arguments))
                    guard let nonce = Base64.decodeURL(challenge.nonce) else { return [] }
                    var hello = Hello(
                        publicKey: Base64.encodeURL(key.publicKey.bytes),
                        signature: Base64.encodeURL(
                            try key.sign(Contract.helloMessage(binding: binding, nonce: nonce))),
                        epoch: .init(boot: 1, connection: 1))
                    hello.invitation = Base64.encodeURL(invitation.secret)
                    hello.name = "bad"
                    return Reply.result(RawJSON(hello.json)).encoded()
                case .welcome, .refuse, nil: return Reply.result(RawJSON([:])).encoded()
                case let method?: return replies.reply(to: method, kind: read(file))
                }
            } catch {
                return Reply.fault(Fault(.internal, "\(error)")).encoded()
            }
        }
        await ended.wait()
    }

    private static func read(_ path: String) -> String {
        guard let file = fopen(path, "r") else { return "" }
        defer { fclose(file) }
        var text = [CChar](repeating: 0, count: 64)
        guard fgets(&text, 63, file) != nil else { return "" }
        return String(decoding: text.prefix { $0 > 32 }.map { UInt8($0) }, as: UTF8.self)
    }

    /// The replies, made once for each kind and size.
    @IO private final class Replies {
        private var made: [String: [UInt8]] = [:]

        func reply(to method: Wire.Method, kind: String) -> [UInt8] {
            // 200 bytes for the envelope.
            let size = method.row.replyLimit - 200
            let name = "\(kind) \(size)"
            if let known = made[name] { return known }
            let bytes = Self.json(kind, size)
            let reply =
                (try? RawJSON(parsing: bytes)).map { Reply.result($0).encoded() }
                ?? Reply.fault(Fault(.internal, "the kind \(kind) is not JSON")).encoded()
            made[name] = reply
            return reply
        }

        /// An object of at most so many bytes.
        private static func json(_ kind: String, _ size: Int) -> [UInt8] {
            switch kind {
            case "members":
                return list(size, "{", "}") { "\"a\($0)\":1" }
            case "entries":
                return lists(size) {
                    "{\"target\":\"bad/\($0)\",\"session_id\":null,\"command_id\":null,\"a\":[]}"
                }
            case "strings": return lists(size) { _ in "\"a\"" }
            case "lists": return lists(size) { _ in "[]" }
            case "nested":
                let deep = String(repeating: "[", count: 120) + String(repeating: "]", count: 120)
                return lists(size) { _ in deep }
            case "escapes": return text(size, "\\u0001")
            case "blob": return text(size, "x")
            default: return Array("{}".utf8)
            }
        }

        private static func text(_ size: Int, _ piece: String) -> [UInt8] {
            let pieces = (size - 20) / piece.utf8.count
            return Array("{\"output\":\"\(String(repeating: piece, count: pieces))\"}".utf8)
        }

        /// The member that each listing method joins, and one that no method knows.
        private static func lists(_ size: Int, _ element: (Int) -> String) -> [UInt8] {
            let names = ["targets", "sessions", "commands", "links"]
            let parts = names.map { name in
                Array("\"\(name)\":".utf8) + list(size / names.count - 20, "[", "]", element)
            }
            return Array("{".utf8) + parts.joined(separator: Array(",".utf8)) + Array("}".utf8)
        }

        private static func list(
            _ size: Int, _ open: String, _ close: String, _ element: (Int) -> String
        ) -> [UInt8] {
            var bytes = Array(open.utf8)
            var number = 0
            while true {
                let next = Array(element(number).utf8)
                guard bytes.count + next.count + 2 < size else { break }
                if number > 0 { bytes.append(0x2C) }
                bytes += next
                number += 1
            }
            return bytes + Array(close.utf8)
        }
    }
}
