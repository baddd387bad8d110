// Guards what an await costs: the loop counts the jobs queued from its own thread, from others,
// and the wake-ups. The limits are what the serial + task executor with preference needs.
import Testing

@testable import Loop

@Suite(.serialized) struct `Executor cost` {
    /// What other suites, which share the process's loop, may add meanwhile; a hop for each
    /// operation would add ten or a hundred thousand.
    private let noise = 5_000

    @IO final class Counter {
        var value = 0
        func add() async { value += 1 }
    }

    @IO func measure(_ body: @escaping @IO @Sendable () async -> Void) async -> EventLoop.Counts {
        await IO.task {
            let start = IO.loop.counts
            await body()
            let end = IO.loop.counts
            return EventLoop.Counts(
                own: end.own - start.own, foreign: end.foreign - start.foreign,
                wakes: end.wakes - start.wakes)
        }.value
    }

    @Test @IO func `calls on the loop queue nothing`() async {
        let counter = Counter()
        let counts = await measure { for _ in 0..<100_000 { await counter.add() } }
        #expect(counter.value == 100_000)
        #expect(counts.own <= noise)
        #expect(counts.foreign <= noise)
    }

    @Test func `a continuation resumed on the loop queues one job and stays there`() async {
        let counts = await measure {
            for _ in 0..<100_000 {
                await withUnsafeContinuation { (k: UnsafeContinuation<Void, Never>) in k.resume() }
            }
        }
        #expect(counts.own <= 100_000 + noise)
        #expect(counts.foreign <= noise)
    }

    @Test @IO func `children of a task group stay on the loop`() async {
        let counter = Counter()
        let counts = await measure {
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<10_000 { group.addTask { await counter.add() } }
            }
        }
        #expect(counter.value == 10_000)
        #expect(counts.own <= 50_000 + noise)
        #expect(counts.foreign <= noise)
    }

    @Test func `a wait on the loop's timer queues few jobs and stays there`() async {
        let counts = await measure {
            for _ in 0..<10_000 { try? await IO.sleep(for: .zero) }
        }
        #expect(counts.own <= 40_000 + noise)
        #expect(counts.foreign <= noise)
    }

    @Test func `a job from another thread runs on the loop`() async {
        let there = await Task.detached { await IO.task { IO.loop.isCurrent }.value }.value
        #expect(there)
    }
}
