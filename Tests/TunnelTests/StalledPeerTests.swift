// A peer that does not read, or sends too much: what it holds is given back when the call ends.
import Loop
import Net
import Support
import Testing

@testable import Tunnel

@Suite struct `A peer that does not read` {
    @Test @IO func `holds no bytes of a call that was cancelled`() async throws {
        let ends = try await Ends()
        ends.agent.onCall = { $0 }
        ends.agent.transport.pauseReading()
        let budget = ByteBudget(limit: 64 << 20)
        let size = 2 << 20
        let calls = (0..<10).map { _ in
            let claim = budget.claim(for: "agent")
            _ = claim.grow(by: size)
            return ends.failure(of: [UInt8](repeating: 7, count: size), sent: claim)
        }
        #expect(await eventually { ends.relay.streams.count == 10 })
        #expect(budget.used == 10 * size)
        #expect(ends.relay.streams.values.reduce(0) { $0 + $1.unsent } > 9 * size)
        for call in calls { call.cancel() }
        for call in calls { #expect(await call.value == .cancelled) }
        #expect(budget.used == 0)
        #expect(ends.relay.streams.values.reduce(0) { $0 + $1.unsent } == 0)
        // The tunnel is usable as soon as the peer reads on.
        ends.agent.transport.resumeReading()
        #expect(try await ends.relay.call([1]) == [1])
        #expect(await eventually { ends.relay.streams.isEmpty })
        ends.close()
    }

    @Test @IO func `a request counts only until its bytes have left`() async throws {
        let ends = try await Ends()
        let begun = Once<Void>()
        let release = Once<Void>()
        ends.agent.onCall = { _ in
            begun.set(())
            await release.wait()
            return []
        }
        let budget = ByteBudget(limit: 8 << 20)
        let claim = budget.claim(for: "agent")
        #expect(claim.grow(by: 1 << 20))
        let call = IO.task {
            try? await ends.relay.call([UInt8](repeating: 7, count: 1 << 20), sent: claim)
        }
        await begun.wait()
        #expect(budget.used == 0)
        release.set(())
        #expect(await call.value == [])
        ends.close()
    }

    @Test @IO func `a reply takes room as it arrives, and ends where there is none`() async throws {
        let ends = try await Ends()
        ends.agent.onCall = { [UInt8](repeating: 7, count: Int($0[0]) << 20) }
        let budget = ByteBudget(limit: 4 << 20)
        let first = budget.claim(for: "agent")
        let reply = try await ends.relay.call([3], received: first)
        #expect(reply.count == 3 << 20 && budget.used == 3 << 20)
        let second = budget.claim(for: "agent")
        await #expect(throws: TunnelError.crowded) {
            _ = try await ends.relay.call([2], received: second)
        }
        second.release()
        #expect(budget.used == 3 << 20)
        first.release()
        #expect(try await ends.relay.call([2], received: second).count == 2 << 20)
        ends.close()
    }
}
