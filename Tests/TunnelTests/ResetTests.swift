// Calls that are given up by the thousand: the peer's HTTP/2 library takes a flood of resets as an
// attack, and must not end the tunnel of everybody for it.
import Loop
import Net
import Support
import Testing

@testable import Tunnel

@Suite(.timeLimit(.minutes(2))) struct `Resets of calls` {
    /// What the lanes of a test share.
    @IO private final class Count {
        var given = 0
        var begun: Set<[UInt8]> = []
    }

    @Test @IO func `3,000 calls that are given up leave the tunnel to others`() async throws {
        let ends = try await Ends()
        let count = Count()
        let release = Once<Void>()
        ends.agent.onCall = { body in
            count.begun.insert(body)
            if body.count == 2 {
                try? await IO.sleep(for: .milliseconds(20))
            } else if body == [0] {
                await release.wait()
            }
            return body
        }
        let neighbour = IO.task { try? await ends.relay.call([0]) }
        let lanes = (0..<32).map { _ in
            IO.task {
                while count.given < 3000, !ends.relay.isClosed, !ends.relay.draining {
                    count.given += 1
                    let body = [UInt8(count.given >> 8), UInt8(count.given & 255)]
                    let call = IO.task { try? await ends.relay.call(body) }
                    _ = await eventually { count.begun.contains(body) || ends.relay.isClosed }
                    call.cancel()
                    _ = await call.value
                }
            }
        }
        for lane in lanes { await lane.value }
        #expect(count.given == 3000)
        #expect(!ends.relay.isClosed && !ends.relay.draining)
        #expect(try await ends.relay.call([9]) == [9])
        release.set(())
        #expect(await neighbour.value == [0])
        #expect(await eventually { ends.relay.streams.isEmpty })
        #expect(ends.relay.sending.resets.waiting.isEmpty)
        ends.close()
    }

    @Test @IO func `a call that waits for its reset returns when the reset or the reply comes`()
        async throws
    {
        var limits = TunnelLimits()
        (limits.resetBurst, limits.resetsPerSecond) = (1, 1)
        let ends = try await Ends(limits: limits)
        let count = Count()
        let release = Once<Void>()
        ends.agent.onCall = { body in
            count.begun.insert(body)
            await release.wait()
            return body
        }
        let budget = ByteBudget(limit: 1 << 20)
        let claim = budget.claim(for: "agent")
        var calls: [Task<TunnelError?, Never>] = []
        for number in 1...3 as ClosedRange<UInt8> {
            calls.append(ends.failure(of: [number], received: claim))
        }
        #expect(await eventually { count.begun.count == 3 })
        for call in calls { call.cancel() }
        #expect(await calls[0].value == .cancelled)
        #expect(await eventually { ends.relay.sending.resets.waiting.count == 2 })
        #expect(ends.relay.openStreams >= 2)
        // The second after its wait, the third by its reply, which is dropped.
        #expect(await calls[1].value == .cancelled)
        release.set(())
        #expect(await calls[2].value == .cancelled)
        #expect(budget.used == 0)
        #expect(await eventually { ends.relay.streams.isEmpty })
        #expect(ends.relay.sending.resets.waiting.isEmpty)
        ends.close()
    }

    @Test @IO func `a peer that gives up for a fault ends the tunnel at once`() async throws {
        for (code, isOver) in [(UInt8(0), false), (2, true), (11, true)] {
            let ends = try await Ends()
            let begun = Once<Void>()
            let release = Once<Void>()
            ends.agent.onCall = { _ in
                begun.set(())
                await release.wait()
                return [7]
            }
            let call = IO.task { try? await ends.relay.call([1]) }
            await begun.wait()
            ends.agent.transport.write(
                [0, 0, 8, 7, 0, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0, 0, 0, code])
            ends.agent.transport.flush()
            #expect(await eventually { ends.relay.draining || ends.relay.isClosed })
            #expect(ends.relay.isClosed == isOver, "\(code)")
            release.set(())
            #expect(await call.value == (isOver ? nil : [7]), "\(code)")
            ends.close()
        }
    }

    @Test func `are half of what a peer's HTTP/2 library takes`() {
        let product = TunnelLimits()
        #expect(product.resetBurst <= 500 && product.resetsPerSecond < 33)
    }
}
