// The body of a request as it arrives, with a length or in chunks. Pure but for its claim.
// Invariant: it takes no byte beyond the body's end, and makes room for what has come, not for what
// a peer announces.
import Loop

/// A body that is being received.
struct IncomingBody {
    /// What has come; of a streamed body, what the handler has not taken yet.
    private(set) var bytes: [UInt8] = []
    /// Its bytes in the server's budget, until its request is gone; nil for a short one, and for
    /// one that the handler reads.
    var claim: ByteBudget.Claim?
    /// How long its handler may still wait for more of it; nil: it is received as a whole.
    private(set) var pace: BodyPace?
    private let isChunked: Bool
    private var chunks: ChunkedDecoder
    private var missing = 0

    /// No body.
    init(_ limits: HTTPLimits) {
        isChunked = false
        chunks = ChunkedDecoder(limits)
    }

    /// The body that a head announces; `most`: its bytes at most, if fewer than the limit.
    init(
        _ head: RequestHead, _ limits: HTTPLimits, pace: BodyPace? = nil, most: Int? = nil
    ) {
        isChunked = head.isChunked
        missing = head.contentLength ?? 0
        var limits = limits
        if let most { limits.bodyBytes = most }
        // How long a streamed body may be is its handler's to say.
        if pace != nil { limits.bodyBytes = .max }
        chunks = ChunkedDecoder(limits)
        self.pace = pace
    }

    /// Whether all of it has come.
    var isComplete: Bool { isChunked ? chunks.isDone : missing == 0 }

    /// Moves input to the body.
    mutating func take(_ input: [UInt8], from start: inout Int) throws(HTTPError) {
        if isChunked {
            start += try chunks.decode(input.span.extracting(start...), into: &bytes)
            return
        }
        let taken = min(missing, input.count - start)
        guard taken > 0 else { return }
        if taken < missing, bytes.count + taken > bytes.capacity {
            // Room for what usually comes, then for as much again as has come: not for what a peer
            // announces, and never for more than that.
            bytes.reserveCapacity(bytes.count + min(missing, max(64 << 10, bytes.count)))
        }
        bytes.append(contentsOf: input[start..<(start + taken)])
        start += taken
        missing -= taken
    }

    /// Gives what has come to the handler that reads it.
    mutating func handOver() -> [UInt8] {
        let piece = bytes
        bytes = []
        pace?.took(piece.count)
        return piece
    }

    /// The handler has waited from one tick to another.
    mutating func waited(from start: Int, to end: Int) { pace?.waited(end - start) }
}

/// How long the handler of a streamed body waits for its bytes.
///
/// Pure. A client that sends slowly on purpose cannot hold a connection.
struct BodyPace {
    /// The ticks in which `HTTPLimits.uploadStep` bytes must come.
    let ticks: Int
    /// Those of them that are left.
    private(set) var left: Int
    private var bytes = 0

    init(ticks: Int) { (self.ticks, left) = (ticks, ticks) }

    /// Time in which the handler was waiting; while it works, the client owes nothing.
    mutating func waited(_ ticks: Int) { left = max(0, left - max(0, ticks)) }

    /// Bytes that came.
    mutating func took(_ count: Int) {
        bytes += count
        guard bytes >= HTTPLimits.uploadStep else { return }
        (bytes, left) = (0, ticks)
    }
}
