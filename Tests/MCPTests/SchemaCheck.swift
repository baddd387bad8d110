// Validates what the server sends against the JSON Schema of the revision in use. One Python
// process serves the whole test run; without it (or the schemas) nothing is checked, and the
// suite that says so is skipped with the reason.
import Foundation
import JSON
import Support
import Testing

@testable import MCP

enum SchemaCheck {
    /// The folder with `<revision>/schema.json`, beside the checkout.
    static let folder: String? = {
        let path = "\(Repository.root)/../shared/data/mcp-schema"
        return FileManager.default.fileExists(atPath: "\(path)/2026-07-28/schema.json") ? path : nil
    }()

    static var isAvailable: Bool { folder != nil && Repository.python != nil }

    private static let checker = Mutexed(Checker())

    /// Records an issue when a reply or notification is not what the schema of `revision` says.
    static func check(
        _ message: JSON, method: String, in revision: Revision,
        at location: SourceLocation = #_sourceLocation
    ) {
        guard isAvailable, revision != .v2024_11_05 else { return }
        for (definition, value) in definitions(message, method, revision) {
            check(value, as: definition, in: revision, at: location)
        }
    }

    /// Records an issue when a value is not what a definition of the schema says.
    static func check(
        _ value: JSON, as definition: String, in revision: Revision,
        at location: SourceLocation = #_sourceLocation
    ) {
        guard isAvailable else { return }
        let verdict = checker.with {
            $0.verdict(revision: revision.rawValue, definition, value)
        }
        if verdict != "ok" {
            Issue.record(
                "\(definition) \(revision.rawValue): \(verdict)\n\(value)",
                sourceLocation: location)
        }
    }

    /// Which definitions a message must satisfy.
    private static func definitions(
        _ message: JSON, _ method: String, _ revision: Revision
    ) -> [(String, JSON)] {
        let isOld = revision < .v2025_11_25
        if let method = message["method"]?.stringValue {
            // The method names the definition; what the schema does not have is a fault too.
            let kind = calls[method] ?? "unknown: \(method)"
            let envelope = message["id"] == nil ? "JSONRPCNotification" : "JSONRPCRequest"
            return [(kind, message), (envelope, message)]
        }
        if let error = message["error"] {
            // Before 2025-11-25 the schema has no reply without an id, but JSON-RPC does.
            if message["id"] == nil, isOld { return [] }
            var all = [(isOld ? "JSONRPCError" : "JSONRPCErrorResponse", message)]
            switch error["code"]?.intValue {
            case -32021 where !isOld:
                all.append(("MissingRequiredClientCapabilityError", message))
            case -32020: all.append(("HeaderMismatchError", message))
            case -32022: all.append(("UnsupportedProtocolVersionError", message))
            default: break
            }
            return all
        }
        var name = results[method] ?? "Result"
        switch message["result"]?["resultType"]?.stringValue {
        case "input_required": name = "InputRequiredResult"
        case "task": name = "Result"
        default: break
        }
        let envelope = isOld ? "JSONRPCResponse" : "JSONRPCResultResponse"
        return [(envelope, message), (name, message["result"] ?? .null)]
    }

    private static let calls = [
        "notifications/progress": "ProgressNotification",
        "notifications/message": "LoggingMessageNotification",
        "notifications/cancelled": "CancelledNotification",
        "notifications/tools/list_changed": "ToolListChangedNotification",
        "notifications/prompts/list_changed": "PromptListChangedNotification",
        "notifications/resources/list_changed": "ResourceListChangedNotification",
        "notifications/resources/updated": "ResourceUpdatedNotification",
        "notifications/subscriptions/acknowledged": "SubscriptionsAcknowledgedNotification",
        "notifications/elicitation/complete": "ElicitationCompleteNotification",
        // The extension's own rules are TaskShape's.
        "notifications/tasks": "JSONRPCNotification",
        "elicitation/create": "ElicitRequest", "sampling/createMessage": "CreateMessageRequest",
        "roots/list": "ListRootsRequest",
    ]

    private static let results = [
        "initialize": "InitializeResult", "server/discover": "DiscoverResult",
        "subscriptions/listen": "SubscriptionsListenResult", "logging/setLevel": "EmptyResult",
        "resources/subscribe": "EmptyResult", "resources/unsubscribe": "EmptyResult",
        "ping": "EmptyResult", "tools/list": "ListToolsResult", "tools/call": "CallToolResult",
        "resources/list": "ListResourcesResult",
        "resources/templates/list": "ListResourceTemplatesResult",
        "resources/read": "ReadResourceResult", "prompts/list": "ListPromptsResult",
        "prompts/get": "GetPromptResult", "completion/complete": "CompleteResult",
    ]
}

/// The Python process and its pipes.
private final class Checker {
    private var process: Process?
    private let input = Pipe()
    private let output = Pipe()

    func verdict(revision: String, _ definition: String, _ value: JSON) -> String {
        start()
        let asked: JSON = [
            "revision": .string(revision), "definition": .string(definition), "value": value,
        ]
        input.fileHandleForWriting.write(Data(asked.encoded() + [0x0A]))
        var line: [UInt8] = []
        while line.last != 0x0A {
            let more = output.fileHandleForReading.availableData
            if more.isEmpty { return "the checker ended" }
            line.append(contentsOf: more)
        }
        return String(decoding: line.dropLast(), as: UTF8.self)
    }

    private func start() {
        guard process == nil, let python = Repository.python, let folder = SchemaCheck.folder else {
            return
        }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: python)
        let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("python/schema_check.py").path
        process.arguments = [script, folder]
        process.standardInput = input
        process.standardOutput = output
        // The checker ends with this process only if no other child has these ends.
        for handle in [input.fileHandleForWriting, output.fileHandleForReading] {
            _ = fcntl(handle.fileDescriptor, F_SETFD, FD_CLOEXEC)
        }
        try? process.run()
        self.process = process
    }
}

/// A value behind a lock, for one process shared by parallel tests.
private final class Mutexed<Value>: @unchecked Sendable {
    private let lock = NSLock()
    private let value: Value
    init(_ value: Value) { self.value = value }
    func with<T>(_ body: (Value) -> T) -> T {
        lock.lock()
        defer { lock.unlock() }
        return body(value)
    }
}
