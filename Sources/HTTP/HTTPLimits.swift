// The sizes, counts and waits of an HTTP server or client: what each bounds, and why.

/// What one server or client accepts, and how long it waits.
public struct HTTPLimits: Sendable {
    /// Longest request or status line in bytes: the usual 8 KiB (beyond it: 414).
    public var lineBytes = 8 << 10
    /// Longest head in bytes, all lines together, which bounds what a peer can make us hold before
    /// its request is checked (beyond it: 431).
    public var headBytes = 32 << 10
    /// Most header fields: every lookup goes through all of them (beyond it: 431).
    public var headerCount = 100
    /// Longest body in bytes after decoding: an MCP call with a file in it fits (beyond it: 413).
    public var bodyBytes = 4 << 20
    /// Bytes of all bodies that are being received or answered: sixteen of the longest, so that no
    /// crowd of clients can fill the memory (beyond it: 503).
    public var allBodyBytes = 64 << 20
    /// Bytes that chunk extensions and trailers may add to a body.
    public var chunkOverheadBytes = 16 << 10
    /// Pipelined bytes kept while a request is handled; beyond it, reading pauses.
    public var pipelinedBytes = 64 << 10
    /// Unsent bytes beyond which a writer waits for the peer to read.
    public var unsentBytes = 64 << 10
    /// Connections at once, which bounds descriptors and memory; a further one gets 503.
    public var connections = 10_000
    /// Time from a request's first byte to the end of its head, so that a peer that sends slowly on
    /// purpose cannot hold a connection (beyond it: 408).
    public var headDeadline: Duration = .seconds(10)
    /// Time from the end of the head to the end of the body, for the same reason (beyond it: 408).
    public var bodyDeadline: Duration = .seconds(30)
    /// Time between requests on one connection, and before the first, after which the connection is
    /// taken as unused.
    public var idleDeadline: Duration = .seconds(75)
    /// How long a peer may leave written bytes unread; after that it is taken as gone.
    public var writeDeadline: Duration = .seconds(30)
    /// How long a refused peer may keep sending, so that it can read the reason.
    public var lingerDeadline: Duration = .seconds(1)

    /// The defaults above.
    public init() {}
}
