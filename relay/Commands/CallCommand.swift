// `homeline-relay call`: one tools/call to a running relay, for operators and scripts.
// It uses the same path as every client (HTTP, token, MCP 2026-07-28), so it also tests that path.
// Invariant: the token is read from a file or the environment, never from the command line.
import Configuration
import Crypto
import HTTP
import JSON
import Loop
import Net

/// Calls one tool and prints its structured result.
enum CallCommand {
    static let url = Setting.text(
        "url", "URL", "the relay's MCP address", default: "http://127.0.0.1:8642/mcp")
    static let tokenFile = Setting.text("token-file", "FILE", "the file that holds the token")
    static let field = Setting.text(
        "field", "NAME", "print only this member of the result", flagOnly: true)
    static let deadline = Setting.duration(
        "deadline", "how long to wait for the answer", default: "70s", flagOnly: true)

    static let command = Command(
        "call", "call one tool, as an MCP client does, and print its result",
        settings: [url, tokenFile, field, deadline],
        positionals: [.required("TOOL"), .optional("ARGUMENTS")])

    /// An error before the tool has answered, with its exit code.
    private struct Refusal: Error {
        let code: Int32
        let text: String
    }

    /// Calls the tool; the exit code is 1 if the tool itself failed.
    @IO static func run(_ options: Options) async -> Outcome {
        do throws(Refusal) {
            let result = try await call(options)
            let text = result["content"]?[0]?["text"]?.stringValue ?? ""
            if result["isError"]?.boolValue == true { return Outcome(errors: text + "\n", exit: 1) }
            let content = result["structuredContent"] ?? .string(text)
            guard let field = options.string(field) else {
                return Outcome(output: content.description + "\n")
            }
            guard let value = content[field] else {
                throw Refusal(code: ExitCode.data, text: "the result has no “\(field)”: \(content)")
            }
            return Outcome(output: (value.stringValue ?? value.description) + "\n")
        } catch {
            return Outcome(errors: "homeline-relay: \(error.text)\n", exit: error.code)
        }
    }

    @IO private static func call(_ options: Options) async throws(Refusal) -> JSON {
        let endpoint = try endpoint(options.string(url) ?? "")
        let tool = options.arguments[0]
        let arguments = try arguments(options.arguments.dropFirst().first ?? "{}")
        var headers: HTTPHeaders = [
            "Content-Type": "application/json", "Accept": "application/json",
            "MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/call", "Mcp-Name": tool,
        ]
        if let token = try token(options) { headers.add("Authorization", "Bearer \(token)") }
        let client = Self.client(of: endpoint.address, isSecure: endpoint.isSecure)
        defer { client.close() }
        let answer: HTTPResponse
        do throws(HTTPError) {
            answer = try await client.post(
                endpoint.path, headers: headers, body: message(tool, arguments).encoded(),
                deadline: options.duration(deadline))
        } catch {
            throw Refusal(
                code: ExitCode.unavailable, text: "\(endpoint.address): \(error.description)")
        }
        guard let body = try? JSON(parsing: answer.body) else {
            throw Refusal(code: ExitCode.unavailable, text: status(answer))
        }
        if let result = body["result"] { return result }
        let reason = body["error"]?["message"]?.stringValue
        throw Refusal(code: ExitCode.data, text: reason ?? status(answer))
    }

    @IO private static func token(_ options: Options) throws(Refusal) -> String? {
        guard let file = options.string(tokenFile) else { return nil }
        do throws(CryptoError) {
            let text = String(decoding: try SecureFile.read(file, limit: 4096), as: UTF8.self)
            return String(text.prefix { !$0.isWhitespace })
        } catch {
            throw Refusal(code: ExitCode.noInput, text: error.description)
        }
    }

    private static func status(_ answer: HTTPResponse) -> String {
        if answer.status == 401 {
            return "the relay refuses this token; make one: homeline-relay tokens create NAME"
        }
        let reason = sentence(answer).map { ": \($0)" } ?? " and no result"
        return "the answer is HTTP status \(answer.status)" + reason
    }

    /// The most characters shown of a refusal: the relay's own are shorter.
    private static let sentenceLimit = 300

    /// Why a request was refused, in the server's words; nil for a page, as proxies send.
    private static func sentence(_ answer: HTTPResponse) -> String? {
        let text = String(decoding: answer.body, as: UTF8.self)
        let described = (try? JSON(parsing: answer.body))?["error_description"]?.stringValue
        guard
            let line = described ?? text.split(whereSeparator: \.isNewline).first.map(String.init),
            described != nil || answer.header("content-type")?.hasPrefix("text/plain") == true
        else { return nil }
        return String(line.prefix(sentenceLimit)).plain(keepsLines: false)
    }

    private static func message(_ tool: String, _ arguments: JSON) -> JSON {
        [
            "jsonrpc": "2.0", "id": 1, "method": "tools/call",
            "params": [
                "name": .string(tool), "arguments": arguments,
                "_meta": [
                    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                    "io.modelcontextprotocol/clientCapabilities": [:],
                ],
            ],
        ]
    }

    private static func arguments(_ text: String) throws(Refusal) -> JSON {
        guard let value = try? JSON(parsing: text), value.objectValue != nil else {
            throw Refusal(
                code: ExitCode.usage,
                text: "ARGUMENTS must be a JSON object, such as '{\"target\":\"site/db1\"}'")
        }
        return value
    }

    @IO private static func client(of address: Address, isSecure: Bool) -> HTTPClient {
        guard isSecure else { return HTTPClient(host: address.host, port: address.port) }
        return HTTPClient(host: address.description) { () async throws(NetError) in
            try await TLSStream.handshake(
                over: try await SocketStream.connect(host: address.host, port: address.port),
                context: try TLSContext(
                    client: .authorities(extraFile: nil), alpn: ["http/1.1"]),
                serverName: address.host)
        }
    }

    /// The address and path of an `http:` or `https:` URL.
    private static func endpoint(
        _ url: String
    ) throws(Refusal) -> (address: Address, path: String, isSecure: Bool) {
        let ports: [String: UInt16] = ["http": 80, "https": 443]
        guard let endpoint = Endpoint(url), let usual = ports[endpoint.scheme] else {
            throw Refusal(
                code: ExitCode.usage,
                text: "“\(url)” is not an http(s)://HOST:PORT/PATH address; status --json prints it"
            )
        }
        return (
            Address(host: endpoint.host, port: endpoint.port ?? usual),
            endpoint.path.isEmpty ? "/" : endpoint.path, endpoint.scheme == "https"
        )
    }
}
