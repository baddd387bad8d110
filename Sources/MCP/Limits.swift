// The sizes, counts and waits of the MCP server: what each bounds, and why. A host changes what it
// must; a test shortens the waits. Invariant: nothing in this module grows or waits beyond these
// limits.
import HTTP
import JSON

/// What one MCP server accepts, holds and waits for.
public struct MCPLimits: Sendable {
    /// Largest message in bytes a client may send: as long as a body over HTTP.
    public var messageBytes = HTTPLimits().bodyBytes
    /// Most JSON values in one message or batch: a call has some hundred, and to build and free
    /// 20,000 takes about 2 ms.
    public static let messageValues = 20_000
    /// Most messages in one 2025-03-26 batch, which bounds the work that one request can start.
    public var batchMessages = 64
    /// Limits of legacy sessions over HTTP.
    public var sessions = Sessions()
    /// What one principal may use at once and in a second, so that one client cannot use up the
    /// server.
    public var perPrincipal = PerPrincipal()
    /// Limits of subscriptions, which tell clients of changes.
    public var subscriptions = Subscriptions()
    /// Limits of the lists that clients ask for.
    public var lists = Lists()
    /// Limits of what clients are asked while they call.
    public var asking = Asking()
    /// Limits of one request's progress notifications.
    public var progress = Progress()
    /// A reply not ready after this time becomes an event stream, so that proxies see traffic.
    public var streamAfter: Duration = .seconds(10)
    /// Time between two keep-alive comments on an event stream.
    public var keepAlive: Duration = .seconds(15)
    /// How often the timeouts of streams, sessions and progress are checked.
    public var pulse: Duration = .seconds(5)
    /// Bytes a slow client may leave unread before notifications to it are dropped.
    public var queuedBytes = 1 << 20
    /// How long requests may take to end.
    public var grace = Grace()

    /// The standard limits.
    public init() {}

    /// The limits of lists.
    public struct Lists: Sendable {
        /// Entries on one page, which bounds the length of one answer.
        public var pageEntries = 200
        /// How long a client may keep lists and the discovery result.
        public var lifetime: Duration = .seconds(60)
    }

    /// How long requests may take to end.
    public struct Grace: Sendable {
        /// How long a handler may take to notice that its request is over.
        public var cancelled: Duration = .milliseconds(500)
        /// How long requests still running at the end of standard input may take to answer.
        public var endOfInput: Duration = .seconds(2)
    }

    /// The limits of legacy sessions.
    public struct Sessions: Sendable {
        /// Most sessions at once, which bounds their memory.
        public var count = 4096
        /// Most sessions of one principal, so that one client cannot lock the others out; a further
        /// one ends the one that has rested longest.
        public var perPrincipal = 512
        /// How long a session without requests or a stream is kept, as clients may leave without
        /// ending it; a client that comes back initializes again.
        public var idle: Duration = .seconds(4 * 3600)
        /// Limits of the streams that their clients can come back to.
        public var replay = Replay()
    }

    /// The limits of one principal; a request beyond a rate is refused with the time after which to
    /// retry.
    public struct PerPrincipal: Sendable {
        /// A number at once, and a number a second after that.
        public struct Allowance: Sendable {
            /// How many at once.
            public var burst: Int
            /// How many a second after that.
            public var perSecond: Int

            /// Allows `burst` at once, and `perSecond` in each second after that.
            public init(burst: Int, perSecond: Int) {
                (self.burst, self.perSecond) = (burst, perSecond)
            }
        }

        /// Most requests that run at the same time.
        public var running = 256
        /// Requests in a second; nil, unless the host says so: as many as the server can answer.
        public var requests: Allowance?
        /// Bytes in a second, of requests and replies together; nil, unless the host says so: as
        /// many as the server can carry.
        public var bytes: Allowance?
    }

    /// The limits of what clients are asked while they call.
    public struct Asking: Sendable {
        /// How long a legacy client may take to answer: some give up a call after 60 s.
        public var answerWait: Duration = .seconds(45)
        /// How long the sealed state of a request counts, and how long a visit to a page may take:
        /// the time that a person may need.
        public var lifetime: Duration = .seconds(600)
        /// Most rounds in which one call may ask, so that answers that never fit end.
        public var rounds = 10
        /// Longest state in bytes before it is sealed: the client sends it back with each round.
        public var stateBytes = 64 << 10
        /// Most requests that one legacy client has to answer at the same time.
        public var openRequests = 32
        /// Most used-up states of one principal to remember until they expire; then no more of its
        /// are accepted: about two a second.
        public var spentStates = 1024
        /// Most visits to pages to remember, in order to tell legacy clients of their end.
        public var pages = 4096
    }

    /// The limits of subscriptions.
    public struct Subscriptions: Sendable {
        /// Most streams of `subscriptions/listen` at once, which bounds their memory and the time
        /// that one change takes to tell.
        public var streams = 4096
        /// Most of them for one principal: each of its clients needs one, or a few.
        public var streamsPerPrincipal = 128
        /// Most resources that one stream or legacy session watches: each is asked of the host, and
        /// each may bring two messages a second.
        public var uris = 256
        /// How long a host may take to admit a resource before the stream begins without it: the
        /// stream's acknowledgement waits for the answer, and its client for that.
        public var admission: Duration = .seconds(2)
        /// Shortest time between two notices about the same thing, so that a fast program cannot
        /// flood those that watch it.
        public var interval: Duration = .milliseconds(500)
    }

    /// The limits of messages kept for legacy clients that lose their connection.
    public struct Replay: Sendable {
        /// Messages kept of one stream, beside its last one: about what a client misses in some
        /// seconds.
        public var messages = 256
        /// Streams kept of one session after their end, in case their end was not received.
        public var streams = 16
        /// How long a stream is kept after its end.
        public var time: Duration = .seconds(120)
        /// Bytes kept for all clients: eight of the longest replies.
        public var bytes = 64 << 20
        /// The most of them for one principal: a quarter, so that no client takes all.
        public var principalBytes = 16 << 20
        /// How long a client is told to wait before it comes back, after a lost connection.
        public var retry: Duration = .milliseconds(500)
    }

    /// The limits of progress notifications.
    public struct Progress: Sendable {
        /// Shortest time between two notifications, so that a fast program cannot flood its client.
        public var interval: Duration = .milliseconds(500)
        /// Longest message in characters; clients show about this much.
        public var messageCharacters = 200
        /// How often a silent request reports that it still runs: watchdogs of clients give up
        /// after 300 s.
        public var heartbeat: Duration = .seconds(20)
    }
}

extension JSONLimits {
    /// What a client's message may hold.
    static let message = JSONLimits(values: MCPLimits.messageValues)
}
