// The rows through Homeline's MCP endpoint: each is a tools/call on one kept-alive HTTP connection.
// The client is as thin as possible (a blocking socket), so that the figure is the product's.
import JSON

/// One connection to the endpoint.
final class Endpoint {
    private let socket: LoopbackSocket
    private let head: String
    private var input: [UInt8] = []

    init() throws {
        let url = try LineProtocol.setting("PEER_URL")
        let rest = url.dropFirst("http://".count)
        let slash = rest.firstIndex(of: "/") ?? rest.endIndex
        let host = rest[..<slash]
        guard let port = host.split(separator: ":").last.flatMap({ UInt16($0) }) else {
            throw BenchError("PEER_URL has no port: \(url)")
        }
        socket = try LoopbackSocket(port: port)
        head = """
            POST \(rest[slash...]) HTTP/1.1\r
            Host: \(host)\r
            Authorization: Bearer \(try LineProtocol.setting("PEER_TOKEN"))\r
            Content-Type: application/json\r
            Accept: application/json, text/event-stream\r
            MCP-Protocol-Version: 2026-07-28\r

            """
    }

    /// The bytes of a call.
    func request(_ tool: String, _ arguments: JSON) -> [UInt8] {
        request(
            "tools/call", ["name": .string(tool), "arguments": arguments],
            headers: "Mcp-Name: \(tool)\r\n")
    }

    /// The bytes of a request for the list of tools.
    func listRequest() -> [UInt8] { request("tools/list", [:], headers: "") }

    private func request(
        _ method: String, _ params: JSON.Object, headers: String
    ) -> [UInt8] {
        var params = params
        params["_meta"] = [
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": [:],
        ]
        let message: JSON = [
            "jsonrpc": "2.0", "id": 1, "method": .string(method), "params": .object(params),
        ]
        let body = message.encoded()
        let rest = "Mcp-Method: \(method)\r\n\(headers)Content-Length: \(body.count)\r\n\r\n"
        return Array((head + rest).utf8) + body
    }

    /// Sends a call and waits for the body of its answer.
    @discardableResult
    func send(_ request: [UInt8]) throws -> ArraySlice<UInt8> {
        try post(request)
        return try answer()
    }

    /// Sends a call.
    func post(_ request: [UInt8]) throws {
        input.removeAll(keepingCapacity: true)
        try socket.send(request)
    }

    /// Waits for the body of an answer.
    @discardableResult
    func answer() throws -> ArraySlice<UInt8> {
        while true {
            try socket.receive(into: &input)
            guard let end = Self.position(of: [13, 10, 13, 10], in: input) else { continue }
            let places = Self.lengthFields.compactMap { [input] in Self.position(of: $0, in: input)
            }
            guard let start = places.first else {
                throw BenchError(
                    "no Content-Length: \(String(decoding: input[..<end], as: UTF8.self))")
            }
            let digits = input[(start + Self.lengthFields[0].count)...].prefix { $0 != 13 }
            let size = digits.reduce(0) { $0 * 10 + Int($1 & 15) }
            while input.count < end + 4 + size { try socket.receive(into: &input) }
            return input[(end + 4)...]
        }
    }

    /// Calls a tool and gives its structured content.
    func call(_ tool: String, _ arguments: JSON) throws -> JSON {
        let body = Array(try send(request(tool, arguments)))
        let answer = try JSON(parsing: body)
        guard let result = answer["result"], result["isError"]?.boolValue != true,
            let content = result["structuredContent"]
        else { throw BenchError("\(tool): \(answer)") }
        return content
    }

    private static let lengthFields = ["Content-Length: ", "content-length: "].map {
        Array($0.utf8)
    }

    private static func position(of needle: [UInt8], in bytes: [UInt8]) -> Int? {
        guard bytes.count >= needle.count else { return nil }
        return (0...(bytes.count - needle.count)).first {
            bytes[$0..<($0 + needle.count)].elementsEqual(needle)
        }
    }
}

enum EndpointRows {
    /// The shells with their own target.
    static let shells = ["bash", "dash", "zsh", "fish"]

    static func session() throws -> Operation {
        try session(at: try LineProtocol.setting("PEER_TARGET"))
    }

    /// A command in a session of one shell.
    static func session(shell: String) throws -> Operation {
        try session(at: "\(try agent())/shell-\(shell)")
    }

    /// Programs that write to their terminal without end, each with another kind of cost for the
    /// agent.
    static let floods = [
        ("lines", "yes"), ("drawn", #"yes "$(printf '\033[2Ahello\033[K')""#),
        ("screens", #"yes "$(printf '\033[?1049h\033[Hx')""#), ("random", "cat /dev/urandom"),
    ]

    /// A session on the link of another one, in which a command floods its terminal.
    static func session(beside flood: String) throws -> Operation {
        let target = try LineProtocol.setting("PEER_TARGET")
        let loud = try Flood(at: target)
        let echo = try session(at: target)
        try loud.begin(flood)
        return { try withExtendedLifetime(loud) { try echo() } }
    }

    /// A session with a flood, which ends with the row: the next one is measured without it.
    private final class Flood {
        private let endpoint: Endpoint
        private let id: JSON

        init(at target: String) throws {
            endpoint = try Endpoint()
            let opened = try endpoint.call("ssh_session_open", ["target": .string(target)])
            id = opened["session_id"] ?? .null
        }

        deinit { _ = try? endpoint.call("ssh_session_close", ["session_id": id]) }

        func begin(_ command: String) throws {
            _ = try endpoint.call(
                "ssh_session_command",
                [
                    "session_id": id, "command": .string(command), "wait_s": 0.2,
                    "max_bytes": 100,
                ])
        }
    }

    private static func session(at target: String) throws -> Operation {
        let endpoint = try Endpoint()
        let opened = try endpoint.call("ssh_session_open", ["target": .string(target)])
        let arguments: JSON = ["session_id": opened["session_id"] ?? .null, "command": "echo hi"]
        let first = try endpoint.call("ssh_session_command", arguments)
        guard first["exit_code"] == 0 else { throw BenchError("the session says \(first)") }
        let request = endpoint.request("ssh_session_command", arguments)
        return { try endpoint.send(request) }
    }

    /// The list of tools.
    static func list() throws -> Operation {
        let endpoint = try Endpoint()
        let request = endpoint.listRequest()
        let answer = try JSON(parsing: Array(try endpoint.send(request)))
        guard answer["result"]?["tools"]?[0] != nil else { throw BenchError("no tools: \(answer)") }
        return { try endpoint.send(request) }
    }

    /// A call that the relay answers by itself.
    static func agents() throws -> Operation {
        let endpoint = try Endpoint()
        _ = try endpoint.call("agent_list", [:])
        let request = endpoint.request("agent_list", [:])
        return { try endpoint.send(request) }
    }

    static func exec() throws -> Operation {
        let (endpoint, request) = try command(on: try LineProtocol.setting("PEER_TARGET"))
        return { try endpoint.send(request) }
    }

    /// A one-shot command on a target behind a jump host.
    static func jump() throws -> Operation {
        let (endpoint, request) = try command(on: "\(try agent())/jumped")
        return { try endpoint.send(request) }
    }

    /// Eight clients at once, on one link.
    static func channels() throws -> Operation {
        let target = try LineProtocol.setting("PEER_TARGET")
        let clients = try (0..<8).map { _ in try command(on: target) }
        return {
            for (endpoint, request) in clients { try endpoint.post(request) }
            for (endpoint, _) in clients { try endpoint.answer() }
        }
    }

    /// A connection and the call that runs `true`, which has run once.
    private static func command(on target: String) throws -> (Endpoint, [UInt8]) {
        let endpoint = try Endpoint()
        let arguments: JSON = ["target": .string(target), "command": "true"]
        let first = try endpoint.call("ssh_execute", arguments)
        guard first["succeeded"] == 1 else { throw BenchError("the command says \(first)") }
        return (endpoint, endpoint.request("ssh_execute", arguments))
    }

    private static func agent() throws -> Substring {
        try LineProtocol.setting("PEER_TARGET").prefix { $0 != "/" }
    }

    /// Each sample goes through another alias of the same server, so each makes its own link.
    ///
    /// The agent already knows the aliases, as a client has asked for the list of targets; the
    /// other peers get their host without an ssh_config, too.
    static func cold() throws -> Operation {
        let endpoint = try Endpoint()
        let agent = try agent()
        _ = try endpoint.call("target_list", ["agent": .string(String(agent))])
        var number = 0
        return {
            let arguments: JSON = ["target": .string("\(agent)/cold\(number)"), "command": "true"]
            number += 1
            let answer = try endpoint.call("ssh_execute", arguments)
            guard answer["succeeded"] == 1 else { throw BenchError("the command says \(answer)") }
        }
    }

    /// A hundred aliases of the same server in one call.
    static func many() throws -> Operation {
        let endpoint = try Endpoint()
        let agent = try agent()
        _ = try endpoint.call("target_list", ["agent": .string(String(agent))])
        var number = 0
        return {
            let targets = (number..<(number + 100)).map { JSON.string("\(agent)/many\($0)") }
            number += 100
            let arguments: JSON = ["targets": .array(targets), "command": "true", "wait_s": 50]
            let answer = try endpoint.call("ssh_execute", arguments)
            guard answer["succeeded"] == 100 else {
                throw BenchError("the command says \(answer)")
            }
        }
    }
}
