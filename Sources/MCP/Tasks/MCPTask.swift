// A task of the extension `io.modelcontextprotocol/tasks`: a call that goes on after its reply.
// Flow: handler or TaskSource → MCPTask → the flat object that tools/call, tasks/get and
// notifications share. Invariant: the state is a picture of something of the host's; nothing here
// keeps it.
import JSON
public import Loop

/// The state of a call that goes on as a task.
public struct MCPTask: Sendable {
    /// How far it is.
    public indirect enum Status: Sendable {
        /// It runs.
        case working
        /// It waits for all of these; a key is never used again in the same task.
        case inputRequired([InputRequest])
        /// It has a result, which may be a tool's failure.
        case completed(ToolResult)
        /// The request failed, as a JSON-RPC error says; a tool's failure is `completed`.
        case failed(MCPError)
        /// It was cancelled.
        case cancelled
    }

    /// Names the task; unguessable.
    public var id: String
    /// How far it is.
    public var status: Status
    /// How far it is, in words.
    public var message: String?
    /// When it began.
    public var createdAt: UTCTime
    /// When its state changed last.
    public var updatedAt: UTCTime
    /// How long it is kept after it began; nil for ever.
    public var lifetime: Duration?
    /// How often a client should ask for it.
    public var pollInterval: Duration?

    /// The state of a task.
    public init(
        id: String, status: Status, message: String? = nil, createdAt: UTCTime,
        updatedAt: UTCTime, lifetime: Duration?, pollInterval: Duration? = nil
    ) {
        self.id = id
        self.status = status
        self.message = message
        self.createdAt = createdAt
        self.updatedAt = updatedAt
        self.lifetime = lifetime
        self.pollInterval = pollInterval
    }
}

extension MCPTask {
    /// What every message about the task has.
    var summary: JSON.Object {
        var object: JSON.Object = [
            "taskId": .string(id), "status": .string(statusName),
            "createdAt": .string(createdAt.rfc3339), "lastUpdatedAt": .string(updatedAt.rfc3339),
            "ttlMs": lifetime.map { .int($0.milliseconds) } ?? .null,
        ]
        object["statusMessage"] = message.map(JSON.string)
        object["pollIntervalMs"] = pollInterval.map { .int($0.milliseconds) }
        return object
    }

    /// The same with its result, its error or its open requests; `server` is the member of `_meta`
    /// that names the server.
    func detail(server: [UInt8]) -> JSON.Object {
        var object = summary
        switch status {
        case .working, .cancelled: break
        case .inputRequired(let requests): object["inputRequests"] = requests.json(in: .newest)
        case .completed(let result):
            var bytes: [UInt8] = []
            result.write(into: &bytes, in: .newest, server: server)
            object["result"] = (try? RawJSON(parsing: bytes)).map(JSON.raw)
        case .failed(let error):
            if message == nil { object["statusMessage"] = .string(error.description) }
            object["error"] = error.json(in: .newest)
        }
        return object
    }

    private var statusName: String {
        switch status {
        case .working: "working"
        case .inputRequired: "input_required"
        case .completed: "completed"
        case .failed: "failed"
        case .cancelled: "cancelled"
        }
    }
}

extension Duration {
    /// Whole milliseconds, not below zero, and of a longer time than an `Int64` can count (292
    /// million years) about as many as it can.
    var milliseconds: Int64 {
        let (seconds, attoseconds) = components
        // One second less than fits leaves room for the milliseconds of the fraction.
        let counted = min(max(0, seconds), Int64.max / 1000 - 1)
        return max(0, counted * 1000 + attoseconds / 1_000_000_000_000_000)
    }
}
