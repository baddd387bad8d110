// Joins two streams: bytes from each go to the other, with back-pressure, and each direction ends
// by itself. Flow: a forward joins a connection that it accepted to the one that it made.
// Invariant: at most `cap` bytes and one read wait in each direction; once both directions have
// ended, or one stream has closed, both close. Nothing is read for a stream that has closed.
public import Loop

/// Two streams that pass each other's bytes on.
@IO public final class Joint {
    /// Unsent bytes above which the source pauses: what a slow reader makes us keep.
    public nonisolated static let cap = 256 << 10

    /// Bytes from the first stream to the second.
    public private(set) var forth = 0
    /// Bytes from the second stream to the first.
    public private(set) var back = 0

    private let first: any ByteStream
    private let second: any ByteStream
    private var openDirections = 2
    private let over = Once<NetError?>()
    private var linger: LoopTimer?

    /// How long what was read may take to be sent when the other stream is over: a peer that has
    /// read nothing for this time does not read.
    private static let lingering = Duration.seconds(30)
    /// How often a stream whose other one broke is asked whether its peer has everything.
    private static let glance = Duration.milliseconds(100)

    private init(_ first: any ByteStream, _ second: any ByteStream) {
        (self.first, self.second) = (first, second)
    }

    /// Joins two open streams; reading begins now.
    public static func join(_ first: any ByteStream, _ second: any ByteStream) -> Joint {
        let joint = Joint(first, second)
        joint.pass(from: first, to: second) { [unowned joint] in joint.forth += $0 }
        joint.pass(from: second, to: first) { [unowned joint] in joint.back += $0 }
        // One may have closed before anybody listened.
        if first.isClosed || second.isClosed { joint.cut() }
        first.resumeReading()
        second.resumeReading()
        return joint
    }

    /// Waits until both streams are done with; gives the error of the one that broke.
    public func ended() async -> NetError? { await over.wait() }

    /// Cuts both streams now.
    public func cut() {
        let error = NetError.closed(reason: "the forward was closed")
        over.set(error)
        first.close(error)
        second.close(error)
    }

    private func pass(
        from source: any ByteStream, to sink: any ByteStream, _ count: @escaping @IO (Int) -> Void
    ) {
        source.onEnd = {
            // A stream whose end was read would report it again if it read on.
            sink.onDrain = nil
            source.onEnd = {}
            sink.endWriting()
            self.directionEnded()
        }
        source.onClose = { error in
            // What the sink's peer sends has no reader any more.
            sink.onData = nil
            sink.finish()
            self.end(error)
            self.leave(sink, until: IO.now + Self.lingering)
        }
        sink.onDrain = { [unowned source] in source.resumeReading() }
        source.onData = { [unowned source, unowned sink] bytes in
            count(bytes.count)
            sink.write(bytes)
            if sink.unsent > Self.cap { source.pauseReading() }
        }
    }

    private func directionEnded() {
        openDirections -= 1
        guard openDirections == 0 else { return }
        first.finish()
        second.finish()
        end(nil)
    }

    /// Closes a stream whose other one has closed, once its peer has everything.
    private func leave(_ sink: any ByteStream, until deadline: ContinuousClock.Instant) {
        guard !sink.isClosed else { return }
        guard sink.unacknowledged > 0, IO.now < deadline else {
            return sink.close(over.value ?? nil)
        }
        linger = LoopTimer(after: Self.glance) { self.leave(sink, until: deadline) }
    }

    /// What was read is still sent; then both are closed.
    private func end(_ error: NetError?) {
        guard over.value == nil else { return }
        over.set(error)
        guard !first.isClosed || !second.isClosed else { return }
        linger = LoopTimer(after: Self.lingering) { self.cut() }
    }
}
