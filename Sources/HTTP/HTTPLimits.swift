// The sizes, counts and waits of an HTTP server or client: what each bounds, and why.

/// What one server or client accepts, and how long it waits.
public struct HTTPLimits: Sendable {
    /// Longest request or status line in bytes: the usual 8 KiB (beyond it: 414).
    public var lineBytes = 8 << 10
    /// Longest head in bytes, all lines together, which bounds what a peer can make us hold before
    /// its request is checked; tokens and proxies' own fields fit (beyond it: 431).
    public var headBytes = 64 << 10
    /// Most header fields: every lookup goes through all of them (beyond it: 431).
    public var headerCount = 100
    /// Longest body in bytes after decoding: an MCP call that writes 2 MiB to a file as base64 fits
    /// (beyond it: 413).
    public var bodyBytes = 4 << 20
    /// What all connections together, and one client, may make the server hold.
    public var memory = Memory()
    /// Bytes that chunk extensions and trailers may add to a body.
    public var chunkOverheadBytes = 16 << 10
    /// Unsent bytes beyond which a writer waits for the peer to read.
    public var unsentBytes = 64 << 10
    /// Connections at once, which bounds descriptors and memory; a further one gets 503.
    public var connections = 10_000
    /// Time from a request's first byte to the end of its head, so that a peer that sends slowly on
    /// purpose cannot hold a connection (beyond it: 408).
    public var headDeadline: Duration = .seconds(10)
    /// Time from the end of the head to the end of the body, for the same reason (beyond it: 408).
    public var bodyDeadline: Duration = .seconds(30)
    /// The bytes that a body which its handler reads must bring in each `bodyDeadline` that the
    /// handler waits: about 2 KiB a second, less than the slowest line that anybody would send a
    /// file over (beyond it: 408).
    public static let uploadStep = 64 << 10
    /// Requests on one connection that may be refused (401, 403, 404, 426); then it closes, so that
    /// who goes on pays for a connection, too.
    public var refusals = 100
    /// Time between requests on one connection, and before the first, after which the connection is
    /// taken as unused.
    ///
    /// Longer than reverse proxies keep theirs (Caddy 120 s, nginx and haproxy 60 s): one that is
    /// closed here while a proxy sends a request on it costs that client a 502.
    public var idleDeadline: Duration = .seconds(130)
    /// How long a peer may leave written bytes unread; after that it is taken as gone.
    public var writeDeadline: Duration = .seconds(30)
    /// How long a refused peer may keep sending, so that it can read the reason.
    public var lingerDeadline: Duration = .seconds(1)
    /// How often a client that has ended its input, but waits for its reply, is sent something that
    /// it skips: one that has left is noticed after two of these.
    public var probeInterval: Duration = .seconds(1)

    /// The defaults above.
    public init() {}

    /// The bytes that clients may make a server hold.
    public struct Memory: Sendable {
        /// Bytes of all bodies that are being received or answered: sixteen of the longest, so that
        /// no crowd of clients can fill the memory (beyond it: 503).
        public var bodies = 64 << 20
        /// The most of them for one client: half, so that no client keeps the others out, and yet
        /// eight of the longest (beyond it: 503).
        public var clientBodies = 32 << 20
        /// Pipelined bytes of one connection kept while a request is handled; beyond it, reading
        /// pauses.
        public var pipelined = 64 << 10
        /// Longest body in bytes that is not counted if it arrives together with its head: it takes
        /// no more memory than the connection has anyway.
        public var shortBody = 16 << 10
        /// Bytes of replies that clients have not read, for all of them together (beyond it: 503 in
        /// place of the reply): eight of the longest, 8 MiB each.
        public var replies = 64 << 20
        /// The most of them for one client: half, for the reason above.
        public var clientReplies = 32 << 20
        /// Longest reply in bytes, or piece of one, that is sent whether there is room or not:
        /// errors fit, and a connection whose client does not read gets no second one.
        public var shortReply = 4 << 10
    }
}
