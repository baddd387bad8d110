// Every size, count and wait of an HTTP server or client, with its reason.

/// What one server or client accepts, and how long it waits.
public struct HTTPLimits: Sendable {
    /// Longest request or status line: the usual 8 KiB (414 past it).
    public var lineBytes = 8 << 10
    /// Longest head, lines and all (431 past it).
    public var headBytes = 32 << 10
    /// Most header fields (431 past it).
    public var headerCount = 100
    /// Longest body after decoding (413 past it): an MCP call with a file in it fits.
    public var bodyBytes = 4 << 20
    /// What chunk extensions and trailers may add to a body.
    public var chunkOverheadBytes = 16 << 10
    /// Pipelined bytes kept while a request is handled; past it reading pauses.
    public var pipelinedBytes = 64 << 10
    /// Unsent bytes past which a writer waits for the peer to read.
    public var unsentBytes = 64 << 10
    /// Connections at once; one more gets 503.
    public var connections = 10_000
    /// From a request's first byte to the end of its head (408).
    public var headDeadline: Duration = .seconds(10)
    /// From the end of the head to the end of the body (408).
    public var bodyDeadline: Duration = .seconds(30)
    /// Between requests on one connection, and before the first.
    public var idleDeadline: Duration = .seconds(75)
    /// How long a peer may leave what was written to it unread.
    public var writeDeadline: Duration = .seconds(30)
    /// How long a refused peer may go on sending, so that it gets to read why.
    public var lingerDeadline: Duration = .seconds(1)

    /// The defaults above.
    public init() {}
}
