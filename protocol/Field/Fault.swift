// The one error that crosses the tunnel: a stable code for programs, a sentence for people.
public import JSON

/// Why a call failed.
public struct Fault: Error, Equatable, Sendable, CustomStringConvertible {
    /// Stable names; an unknown name is read as `internal`.
    public enum Code: String, Sendable, CaseIterable {
        case unknownMethod = "unknown_method"
        case invalidArgument = "invalid_argument"
        case unknownAgent = "unknown_agent"
        case agentOffline = "agent_offline"
        case unknownSession = "unknown_session"
        case unknownCommand = "unknown_command"
        case unknownForward = "unknown_forward"
        case sessionEnded = "session_ended"
        case busy
        case refusedByPolicy = "refused_by_policy"
        case nameNotFound = "name_not_found"
        case unreachable
        case connectionRefused = "connection_refused"
        case timedOut = "timed_out"
        case hostKeyUnknown = "host_key_unknown"
        case hostKeyChanged = "host_key_changed"
        case hostKeyRevoked = "host_key_revoked"
        case approvalNeeded = "approval_needed"
        case algorithmsRefused = "algorithms_refused"
        case authenticationFailed = "authentication_failed"
        case channelRefused = "channel_refused"
        case linkLost = "link_lost"
        case fileNotFound = "file_not_found"
        case fileRefused = "file_refused"
        case fileChanged = "file_changed"
        case fileFailed = "file_failed"
        case limitReached = "limit_reached"
        case outcomeUnknown = "outcome_unknown"
        case shellUnusable = "shell_unusable"
        case unavailable
        case `internal`
    }

    /// The stable code.
    public let code: Code
    /// One or two plain sentences: what is wrong and what to do next.
    public let message: String
    /// What a person would have to decide for the call to go on; nil: nothing would help.
    ///
    /// Inside an agent a fault of any code may have one. It travels with `approval_needed` alone.
    public let question: Question?
    /// The id under which a relay asks a person that question; it does not travel.
    public var approval: String?

    /// A fault with its code and sentence, and the question that a person may answer.
    public init(_ code: Code, _ message: String, asking question: Question? = nil) {
        self.code = code
        self.message = message
        self.question = question
    }

    /// The sentence.
    public var description: String { message }

    /// The JSON-RPC `error` object.
    public var json: JSON {
        let number: JSON =
            switch code {
            case .unknownMethod: -32601
            case .invalidArgument: -32602
            case .internal: -32603
            case .unknownAgent, .agentOffline, .unknownSession, .unknownCommand, .unknownForward,
                .sessionEnded,
                .busy, .refusedByPolicy, .nameNotFound, .unreachable, .connectionRefused,
                .timedOut, .hostKeyUnknown, .hostKeyChanged, .hostKeyRevoked, .approvalNeeded,
                .algorithmsRefused, .authenticationFailed, .channelRefused, .linkLost,
                .fileNotFound, .fileRefused,
                .fileChanged, .fileFailed, .limitReached, .outcomeUnknown,
                .shellUnusable, .unavailable:
                1
            }
        var data: JSON.Object = ["code": .string(code.rawValue)]
        if code == .approvalNeeded { data["question"] = question?.json }
        return ["code": number, "message": .string(message), "data": .object(data)]
    }

    /// Reads an `error` object; without a known code it is read as `internal`.
    public init(json: JSON) {
        let name = json["data"]?["code"]?.stringValue ?? ""
        code = Code(rawValue: name) ?? .internal
        message =
            json["message"]?.stringValue.map { $0.shown(atMost: Self.messageLimit) }
            ?? "the agent failed without a reason"
        question =
            code == .approvalNeeded ? json["data"]?["question"].flatMap(Question.init(json:)) : nil
    }

    /// The most scalars kept of a message from the other end: our own sentences have below 1,000.
    private static let messageLimit = 4000
}

extension String {
    /// The text as it may be shown to a person or a model: its first `limit` Unicode scalars, as
    /// one character may consist of any number of them.
    ///
    /// Control characters are left out, except line feed and tab, and so are the characters that
    /// change the direction of writing.
    public func shown(atMost limit: Int) -> String {
        var shown = String.UnicodeScalarView()
        for scalar in unicodeScalars.prefix(limit) where !Self.isHidden(scalar) {
            shown.append(scalar)
        }
        return String(shown)
    }

    private static func isHidden(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 9, 10: false
        case 0..<32, 127..<160, 0x200e, 0x200f, 0x202a...0x202e, 0x2066...0x2069: true
        default: false
        }
    }
}
