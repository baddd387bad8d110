// The client's side of a WebSocket's beginning: one request over a connected stream, and the answer
// to it. Invariant: an answer that does not open the WebSocket is an error that says what came.
internal import Crypto
import Loop
public import Net

/// Why a server opened no WebSocket.
public enum WebSocketError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The connection ended first.
    case ended(NetError?)
    /// No answer came in time.
    case silent
    /// The answer is not HTTP/1.1.
    case notHTTP
    /// The server answered as web servers do; `place` is where it sends its client, if anywhere.
    case answered(status: Int, place: String?)
    /// It switched protocols, but not to what was asked for.
    case otherProtocol

    /// One plain line.
    public var description: String {
        switch self {
        case .ended(let error):
            "the web server ended the connection before it had answered"
                + (error.map { ": \($0)" } ?? "")
        case .silent: "the web server did not answer in time"
        case .notHTTP: "what the web server answered is not HTTP/1.1"
        case .answered(let status, let place):
            "the web server answered \(status) \(reason(of: status))"
                + (place.map { ", and to go to \($0)" } ?? "")
        case .otherProtocol: "the web server switched to another protocol than it was asked for"
        }
    }
}

extension WebSocketStream {
    /// Asks for a WebSocket over a connected stream, which is closed on failure.
    ///
    /// `host` is what a browser would show: the name, and the port if it is not the scheme's own.
    public static func connect(
        over below: any ByteStream, host: String, path: String, protocol name: String,
        deadline: Duration = .seconds(10)
    ) async throws(WebSocketError) -> WebSocketStream {
        guard !below.isClosed else { throw .ended(nil) }
        let opening = WebSocketOpening(below, name)
        let timer = LoopTimer(after: deadline) { opening.fail(.silent) }
        defer { timer.cancel() }
        below.write(
            WebSocketHandshake.request(
                host: host, path: path, key: opening.key, protocol: name))
        return try await opening.outcome.wait().get()
    }
}

/// One request for a WebSocket.
@IO private final class WebSocketOpening {
    let key = Base64.encode(Random.bytes(16))
    let outcome = Once<Result<WebSocketStream, WebSocketError>>()
    private let below: any ByteStream
    private let name: String
    private var input: [UInt8] = []
    private var parser = ResponseParser()

    /// The most characters of a place that an error shows.
    private static let placeLimit = 200

    init(_ below: any ByteStream, _ name: String) {
        (self.below, self.name) = (below, name)
        unsafe below.onData = { [self] in unsafe receive($0) }
        below.onClose = { [self] in fail(.ended($0)) }
    }

    private func receive(_ bytes: UnsafeRawBufferPointer) {
        guard outcome.value == nil else { return }
        unsafe input.append(contentsOf: bytes)
        do throws(HTTPError) {
            while outcome.value == nil {
                let bytes = input
                guard try parser.parse(bytes.span, HTTPLimits()) else { return }
                let head = parser.head
                parser = ResponseParser()
                input.removeFirst(head.size)
                // Interim answers are followed by the real one.
                if head.status < 200, head.status != 101 { continue }
                settle(HTTPResponse(head, Array(bytes[..<head.size]), body: []))
            }
        } catch {
            fail(.notHTTP)
        }
    }

    private func settle(_ response: HTTPResponse) {
        guard response.status == 101 else {
            let place = response.header("location").map {
                String($0.plain(keepsLines: false).prefix(Self.placeLimit))
            }
            return fail(.answered(status: response.status, place: place))
        }
        guard WebSocketHandshake.lists(response.header("upgrade"), "websocket"),
            WebSocketHandshake.lists(response.header("connection"), "upgrade"),
            response.header("sec-websocket-accept") == WebSocketHandshake.proof(of: key),
            response.header("sec-websocket-protocol") == name,
            response.header("sec-websocket-extensions") == nil
        else { return fail(.otherProtocol) }
        outcome.set(.success(WebSocketStream(over: below, .client, early: input)))
    }

    func fail(_ error: WebSocketError) {
        guard outcome.value == nil else { return }
        outcome.set(.failure(error))
        below.close()
    }
}
