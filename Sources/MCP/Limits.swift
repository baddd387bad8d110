// Every size, count and wait of the MCP server, in one place, each with its reason. A host changes
// what it must; a test shortens the waits. Invariant: nothing in this module grows or waits past
// a number that stands here.

/// What one MCP server accepts, holds and waits for.
public struct MCPLimits: Sendable {
    /// Largest message a client may send.
    public var messageBytes = 4 << 20
    /// Most messages in one 2025-03-26 batch.
    public var batchMessages = 64
    /// Legacy sessions over HTTP.
    public var sessions = Sessions()
    /// Most requests of one principal that run at the same time.
    public var requestsPerPrincipal = 256
    /// Entries on one page of a list.
    public var pageEntries = 200
    /// Progress notifications of one request.
    public var progress = Progress()
    /// A reply not ready by then becomes an event stream, so that proxies see traffic.
    public var streamAfter: Duration = .seconds(10)
    /// Time between two keep-alive comments on an event stream.
    public var keepAlive: Duration = .seconds(15)
    /// How often the times of streams, sessions and progress are looked at.
    public var pulse: Duration = .seconds(5)
    /// Bytes a slow client may leave unread before notifications to it are dropped.
    public var queuedBytes = 1 << 20
    /// How long a client may keep lists and the discovery result.
    public var listLifetime: Duration = .seconds(60)
    /// How long a handler whose request is over may take to notice; it has nothing to wait for.
    public var cancelGrace: Duration = .milliseconds(500)
    /// What is still running at the end of standard input may answer within this.
    public var endOfInputGrace: Duration = .seconds(2)

    /// The standard limits.
    public init() {}

    /// The limits of legacy sessions.
    public struct Sessions: Sendable {
        /// Most sessions at once.
        public var count = 4096
        /// Most sessions of one principal, so that one client cannot lock the others out.
        public var perPrincipal = 512
        /// A session without requests or stream ends after this; clients then re-initialize.
        public var idle: Duration = .seconds(4 * 3600)
    }

    /// The limits of progress notifications.
    public struct Progress: Sendable {
        /// Shortest time between two notifications.
        public var interval: Duration = .milliseconds(500)
        /// Longest message in characters; clients show about this much.
        public var messageCharacters = 200
        /// A silent request says this often that it still runs: watchdogs give up after 300 s.
        public var heartbeat: Duration = .seconds(20)
    }
}
