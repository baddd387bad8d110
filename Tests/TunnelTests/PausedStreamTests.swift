// A reader of a raw stream that pauses: it loses nothing of what came before an orderly end, and
// what it never reads does not use up the tunnel.
import Loop
import Net
import Support
import Testing

@testable import Tunnel

@Suite struct `A paused reader` {
    /// What a reader was given, in order.
    @IO private final class Reader {
        var bytes: [UInt8] = []
        var events: [String] = []

        init(of stream: TunnelStream) {
            stream.onData = { [unowned self] in bytes.append(contentsOf: $0) }
            stream.onEnd = { [unowned self] in events.append("end after \(bytes.count)") }
            stream.onClose = { [unowned self] in
                events.append("\($0 == nil ? "close" : "cut") after \(bytes.count)")
            }
        }
    }

    @Test(arguments: [true, false]) @IO
    func `is given all bytes before the end, also of a stream that is over`(
        isOver: Bool
    ) async throws {
        let ends = try await Ends()
        let sent = pattern(300_000)
        ends.agent.onStream = { stream in
            stream.write(sent)
            stream.endWriting()
            return .accepted(offset: 0)
        }
        let stream = try ends.relay.open("source")
        let reader = Reader(of: stream)
        stream.pauseReading()
        if isOver {
            stream.endWriting()
            #expect(await eventually { ends.relay.streams.isEmpty })
        } else {
            #expect(await eventually { ends.relay.bytesReceived > UInt64(sent.count) })
            _ = await ends.relay.ping()
        }
        #expect(reader.events == [] && reader.bytes == [])
        stream.resumeReading()
        #expect(reader.bytes == sent)
        #expect(reader.events.first == "end after \(sent.count)")
        stream.endWriting()
        #expect(await eventually { reader.events.last == "close after \(sent.count)" })
        #expect(reader.events.count == 2 && stream.isClosed)
        ends.close()
    }

    /// A paused stream that has ended, and its tunnel after it.
    @IO private func streamThatIsOver() async throws -> TunnelStream {
        let ends = try await Ends()
        ends.agent.onStream = { stream in
            stream.write(pattern(1000))
            stream.endWriting()
            return .accepted(offset: 0)
        }
        let stream = try ends.relay.open("source")
        stream.pauseReading()
        stream.endWriting()
        #expect(await eventually { ends.relay.streams.isEmpty })
        ends.close()
        return stream
    }

    @Test @IO func `may read on when the tunnel has ended since`() async throws {
        let stream = try await streamThatIsOver()
        let reader = Reader(of: stream)
        stream.resumeReading()
        #expect(reader.bytes == pattern(1000) && reader.events.count == 2)
    }

    @Test @IO func `hears that a stream was cut, without what it had not read`() async throws {
        let ends = try await Ends()
        var there: TunnelStream?
        ends.agent.onStream = { stream in
            stream.write(pattern(1000))
            there = stream
            return .accepted(offset: 0)
        }
        let stream = try ends.relay.open("source")
        let reader = Reader(of: stream)
        stream.pauseReading()
        #expect(await eventually { ends.relay.bytesReceived > 1000 })
        there?.close()
        #expect(await eventually { reader.events == ["cut after 0"] })
        ends.close()
    }

    /// Twice as many streams as fill the tunnel's window.
    @Test @IO func `stops no other stream or call of its tunnel`() async throws {
        var limits = TunnelLimits()
        (limits.streamWindow, limits.tunnelWindow) = (64 << 10, 256 << 10)
        let ends = try await Ends(limits: limits)
        ends.agent.onCall = { [UInt8](repeating: 7, count: Int($0[0]) << 10) }
        ends.agent.onStream = { stream in
            stream.write([UInt8](repeating: 5, count: 100 << 10))
            return .accepted(offset: 0)
        }
        var stopped: [TunnelStream] = []
        for _ in 0..<8 {
            let before = ends.relay.bytesReceived
            let stream = try ends.relay.open("source")
            stream.pauseReading()
            stopped.append(stream)
            #expect(await eventually { ends.relay.bytesReceived > before + (64 << 10) })
        }
        let reply = await IO.within(.seconds(5)) { try? await ends.relay.call([200]) }
        #expect(reply??.count == 200 << 10)
        // They go on where they stopped.
        let readers = stopped.map(Reader.init(of:))
        for stream in stopped { stream.resumeReading() }
        #expect(await eventually { readers.allSatisfy { $0.bytes.count == 100 << 10 } })
        ends.close()
    }

    /// Twice as many streams as fill the tunnel's window.
    @Test(arguments: [true, false]) @IO
    func `gives the tunnel's window back when its stream is closed`(isByReader: Bool) async throws {
        var limits = TunnelLimits()
        (limits.streamWindow, limits.tunnelWindow) = (64 << 10, 256 << 10)
        let ends = try await Ends(limits: limits)
        ends.agent.onCall = { [UInt8](repeating: 7, count: Int($0[0]) << 10) }
        for _ in 0..<8 {
            var there: TunnelStream?
            ends.agent.onStream = { stream in
                stream.write([UInt8](repeating: 5, count: 64 << 10))
                there = stream
                return .accepted(offset: 0)
            }
            let before = ends.relay.bytesReceived
            let stream = try ends.relay.open("source")
            stream.pauseReading()
            stream.onData = { _ in }
            #expect(await eventually { ends.relay.bytesReceived > before + (64 << 10) })
            if isByReader { stream.close() } else { there?.close() }
            #expect(await eventually { ends.relay.streams.isEmpty && ends.agent.streams.isEmpty })
        }
        let reply = await IO.within(.seconds(5)) { try? await ends.relay.call([200]) }
        #expect(reply??.count == 200 << 10)
        ends.close()
    }
}
