// How HTTP/1.1 becomes a WebSocket (RFC 6455 §4): what a server refuses, and how it proves that it
// understood. Pure.
internal import Crypto

/// The rules of the handshake.
enum WebSocketHandshake {
    /// What a server answers instead of 101.
    struct Refusal: Equatable {
        let status: Int
        let text: String
    }

    /// The proof for a client's key.
    static func proof(of key: String) -> String {
        Base64.encode(SHA1.hash(Array((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").utf8)))
    }

    /// Why a request becomes no WebSocket of a protocol; nil: it does.
    static func refusal(of request: HTTPRequest, protocol name: String) -> Refusal? {
        guard lists(request.header("upgrade"), "websocket"),
            lists(request.header("connection"), "upgrade"), !request.head.isHTTP10
        else {
            return Refusal(
                status: 426,
                text: "this is for WebSockets: a proxy on the way must speak HTTP/1.1 with this"
                    + " server, and pass on the headers Upgrade and Connection")
        }
        guard request.soleHeader("sec-websocket-version") == "13" else {
            return Refusal(status: 426, text: "the version of WebSocket must be 13")
        }
        guard request.method == "GET", request.head.contentLength ?? 0 == 0,
            !request.head.isChunked
        else { return Refusal(status: 400, text: "a WebSocket begins with GET, without a body") }
        guard let key = request.soleHeader("sec-websocket-key"),
            Base64.decode(key)?.count == 16
        else { return Refusal(status: 400, text: "Sec-WebSocket-Key must be 16 bytes in base64") }
        guard lists(request.header("sec-websocket-protocol"), name) else {
            return Refusal(status: 400, text: "the protocol of WebSockets here is \(name)")
        }
        return nil
    }

    /// The head that opens the WebSocket.
    static func acceptance(of request: HTTPRequest, protocol name: String) -> [UInt8] {
        let lines = [
            "HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade",
            "Sec-WebSocket-Accept: \(proof(of: request.soleHeader("sec-websocket-key") ?? ""))",
            "Sec-WebSocket-Protocol: \(name)", "", "",
        ]
        return Array(lines.joined(separator: "\r\n").utf8)
    }

    /// The request for a WebSocket.
    static func request(host: String, path: String, key: String, protocol name: String) -> [UInt8] {
        let lines = [
            "GET \(path) HTTP/1.1", "Host: \(host)", "Upgrade: websocket", "Connection: Upgrade",
            "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: \(key)",
            "Sec-WebSocket-Protocol: \(name)", "", "",
        ]
        return Array(lines.joined(separator: "\r\n").utf8)
    }

    /// Whether a list of words has one, in any case.
    static func lists(_ value: String?, _ word: String) -> Bool {
        (value ?? "").split(separator: ",").contains { member in
            member.filter { $0 != " " && $0 != "\t" }.lowercased() == word
        }
    }
}
