// file.stream: the content of a file as a raw stream, read as fast as its reader takes it.
// Invariant: a stream reads what `file.read` would read: where it goes on after a while, host, path
// and rules are judged again.
import Loop
import Net
import SSH
import Tunnel
import Wire

extension Files {
    /// How many bytes are read at once, and so ahead of the reader: the file is opened anew for
    /// each piece, and a piece from a host 50 ms away takes some four round trips.
    private static let piece = 256 << 10
    /// How many pieces are read before host, path and rules are judged again: 16 MiB.
    private static let pieces = 64
    /// How long the host's files are held while the reader takes nothing.
    private static let pause = Duration.seconds(1)
    /// How long a piece waits for a place among the file calls.
    private static let placeTime = Duration.seconds(60)

    /// Gives a ticket for a file's content.
    func stream(_ call: StreamFile, for caller: Caller) async throws(Fault) -> FileStream {
        let (target, path, size) = try await on(call.place, for: caller) {
            reach throws(Fault) in
            let (path, size) = try await Self.find(call, reach)
            return (reach.target, path, size)
        }
        let ticket = try streams.offer(.readFile, of: target, to: caller.id) {
            [unowned self] stream in await feed(stream, call, for: caller)
        }
        return FileStream(target: target, path: path, size: size, ticket: ticket)
    }

    /// The file that a call means, and its size.
    private static func find(
        _ call: StreamFile, _ reach: Reach
    ) async throws(Fault) -> (path: String, size: Int) {
        let path = try await reach.admit(call.path, for: .reading)
        let found = try await reach.do(path) { () throws(FileError) in
            try await reach.store.attributes(of: path, followingLinks: true)
        }
        try checkKind(found, "\(reach.target): \(path)")
        return (path, Int(clamping: found.size ?? 0))
    }

    /// Writes the file's content to a stream, from the call's offset to the file's end.
    private func feed(_ stream: LastingStream, _ call: StreamFile, for caller: Caller) async {
        let turn = Condition()
        stream.onDrain = { turn.broadcast() }
        // The relay has nothing to say on this stream.
        stream.discardInput()
        var offset = UInt64(call.offset)
        var isEnd = false
        while !isEnd, !stream.isClosed, !Task.isCancelled {
            await turn.wait(until: IO.now + LastingStream.patience) {
                stream.isClosed || stream.unsent == 0
            }
            // Its place is for others.
            guard stream.unsent == 0 else {
                return streams.fail(stream, Fault(.timedOut, "nobody has read it for 10 min"))
            }
            let start = offset
            do throws(Fault) {
                (offset, isEnd) = try await on(
                    call.place, for: caller, within: Self.placeTime
                ) { reach throws(Fault) in
                    try await Self.feed(stream, call, from: start, turn, reach)
                }
            } catch {
                return streams.fail(stream, error)
            }
        }
        if isEnd { stream.endWriting() }
    }

    /// Writes pieces for as long as the reader takes them; returns where to go on, and whether the
    /// file's end was reached.
    private static func feed(
        _ stream: LastingStream, _ call: StreamFile, from start: UInt64, _ turn: Condition,
        _ reach: Reach
    ) async throws(Fault) -> (UInt64, Bool) {
        let path = try await find(call, reach).path
        var offset = start
        for _ in 0..<pieces where !stream.isClosed {
            guard stream.unsent == 0 else { break }
            let bytes = try await reach.do(path) { [offset] () throws(FileError) in
                try await reach.store.read(path, from: offset, count: piece)
            }
            stream.write(bytes)
            offset += UInt64(bytes.count)
            guard bytes.count == piece else { return (offset, true) }
            await turn.wait(until: IO.now + pause) { stream.isClosed || stream.unsent == 0 }
        }
        return (offset, false)
    }
}
