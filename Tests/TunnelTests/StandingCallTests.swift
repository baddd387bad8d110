// A standing call is answered when something happens: nobody waits for it.
import Loop
import Net
import Support
import Testing

@testable import Tunnel

@Suite struct `A standing call` {
    /// A standing call that is open.
    private struct Standing {
        let stream: TunnelStream
        let answer: Once<Result<[UInt8], TunnelError>>
        var value: Result<[UInt8], TunnelError> { get async { await answer.wait() } }
    }

    /// Ends whose standing call waits at the agent until `reply` is set.
    @IO private func standing(
        _ limits: TunnelLimits = TunnelLimits()
    ) async throws -> (ends: Ends, call: Standing, Once<[UInt8]>) {
        let ends = try await Ends(limits: limits)
        let (begun, reply) = (Once<Void>(), Once<[UInt8]>())
        ends.agent.onCall = { body in
            guard body == [7] else { return body }
            begun.set(())
            return await reply.wait()
        }
        let answer = Once<Result<[UInt8], TunnelError>>()
        let stream = try ends.relay.stand([7]) { answer.set($0) }
        await begun.wait()
        return (ends, Standing(stream: stream, answer: answer), reply)
    }

    @Test @IO func `is answered late, and is not counted as open`() async throws {
        let (ends, call, reply) = try await standing()
        #expect(ends.relay.openStreams == 0 && ends.agent.openStreams == 0)
        #expect(ends.relay.streams.count == 1 && ends.agent.streams.count == 1)
        #expect(try await ends.relay.call([1]) == [1])
        reply.set([2])
        #expect(await call.value == .success([2]))
        #expect(await eventually { ends.relay.streams.isEmpty && ends.agent.streams.isEmpty })
        ends.close()
    }

    @Test @IO func `neither hastens the pings nor ends an idle tunnel`() async throws {
        var limits = TunnelLimits()
        limits.idle = .init(quiet: .seconds(60), limit: .seconds(90))
        limits.awaited = .init(quiet: .milliseconds(20), limit: .milliseconds(200))
        let (ends, call, reply) = try await standing(limits)
        // Its request was acknowledged: from now on nothing is sent.
        #expect(
            await eventually {
                ends.relay.transport.unacknowledged == 0 && ends.agent.transport.unacknowledged == 0
            })
        try await IO.sleep(for: .milliseconds(100))
        let sent = (ends.relay.bytesSent, ends.agent.bytesSent)
        try await IO.sleep(for: .milliseconds(300))
        #expect(ends.relay.bytesSent == sent.0 && ends.agent.bytesSent == sent.1)
        // A call that somebody waits for does hasten them.
        let other = Once<Void>()
        ends.agent.onCall = { _ in
            await other.wait()
            return []
        }
        let waited = IO.task { try? await ends.relay.call([1]) }
        let before = ends.relay.bytesSent
        #expect(await eventually { ends.relay.roundTrip != nil && ends.relay.bytesSent > before })
        other.set(())
        _ = await waited.value
        reply.set([])
        _ = await call.value
        ends.close()
    }

    @Test @IO func `can be given up, and does not begin on a tunnel that has ended`() async throws {
        let (ends, call, _) = try await standing()
        call.stream.giveUp()
        #expect(await call.value == .failure(.cancelled))
        #expect(await eventually { ends.agent.streams.isEmpty })
        call.stream.giveUp()
        ends.close()
        #expect(await eventually { ends.relay.isClosed })
        #expect(throws: TunnelError.self) { try ends.relay.stand([7]) { _ in } }
        call.stream.giveUp()
    }

    @Test(arguments: [true, false]) @IO func `ends with a drain`(isByRelay: Bool) async throws {
        let (ends, call, _) = try await standing()
        if isByRelay { ends.relay.drain() } else { ends.agent.drain() }
        switch await call.value {
        case .failure(.draining), .failure(.reset): break
        case let other: Issue.record("\(other)")
        }
        #expect(await eventually { ends.relay.isClosed && ends.agent.isClosed })
    }
}
