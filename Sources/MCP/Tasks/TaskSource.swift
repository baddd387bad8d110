// Where the host keeps its tasks. Flow: tasks/get, tasks/update, tasks/cancel → MCPServer → these
// functions → the host's own objects. Invariant: a server without a source has no tasks, and does
// not advertise them.
import Loop

/// The tasks of a host, which are its own objects: jobs, commands, uploads.
public struct TaskSource: Sendable {
    /// The state of a task; nil if it does not exist, or is not this principal's.
    public var get: @IO @Sendable (_ id: String, Principal) async -> MCPTask?
    /// Takes answers to requests that are outstanding; each fits what was asked.
    public var update:
        @IO @Sendable (_ id: String, [String: InputResponse], Principal) async -> Void
    /// Asks a task to end; it may end otherwise, or have ended.
    public var cancel: @IO @Sendable (_ id: String, Principal) async -> Void

    /// A source of tasks; `update` is called only for a task that asks for input.
    public init(
        get: @escaping @IO @Sendable (_ id: String, Principal) async -> MCPTask?,
        update:
            @escaping @IO @Sendable (_ id: String, [String: InputResponse], Principal) async -> Void,
        cancel: @escaping @IO @Sendable (_ id: String, Principal) async -> Void
    ) {
        self.get = get
        self.update = update
        self.cancel = cancel
    }
}
