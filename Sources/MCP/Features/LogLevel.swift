// Log messages to the client, which belong to one request. Flow: handler → ClientCall.log → the
// request's stream. Invariant: nothing is sent below the level that the client has asked for, and
// nothing to a client that has asked for none.
import JSON
import Loop

/// How severe a log message is, as in RFC 5424 §6.2.1.
public enum LogLevel: String, Sendable, CaseIterable, Comparable {
    /// Details for whoever looks for a fault.
    case debug
    /// What goes on.
    case info
    /// Normal, but worth a look.
    case notice
    /// Something may go wrong.
    case warning
    /// Something went wrong.
    case error
    /// A part has failed.
    case critical
    /// Somebody must act now.
    case alert
    /// Nothing works.
    case emergency

    /// Less severe before more severe.
    public static func < (one: LogLevel, other: LogLevel) -> Bool { one.place < other.place }

    private var place: Int { Self.allCases.firstIndex(of: self) ?? 0 }

    /// All names, for an error.
    static var names: String { allCases.map(\.rawValue).joined(separator: ", ") }
}

/// How a server logs to its clients; a server without one does not advertise logging.
public struct Logging: Sendable {
    /// The level for legacy clients that have set none: nil sends them nothing.
    public var legacyLevel: LogLevel?

    /// Logs to clients that set a level; `legacyLevel` is for legacy ones that set none.
    public init(legacyLevel: LogLevel? = nil) { self.legacyLevel = legacyLevel }
}

/// Sends one request's log messages.
struct CallLog: Sendable {
    private let least: LogLevel
    private let send: Notify

    /// `nil` if the client wants no messages for this request.
    @IO init?(_ request: Request, _ logging: Logging?, _ send: @escaping Notify) {
        guard let logging else { return nil }
        let level: LogLevel?
        if request.caller.revision.isModern {
            level = request.meta[MetaKey.logLevel]?.stringValue.flatMap(LogLevel.init(rawValue:))
        } else {
            level = request.caller.legacy?.logLevel ?? logging.legacyLevel
        }
        guard let level else { return nil }
        (least, self.send) = (level, send)
    }

    @IO func log(_ level: LogLevel, _ data: JSON, _ logger: String?) {
        guard level >= least else { return }
        var params: JSON.Object = ["level": .string(level.rawValue), "data": data]
        params["logger"] = logger.map(JSON.string)
        send(Envelope.notification("notifications/message", params))
    }
}
