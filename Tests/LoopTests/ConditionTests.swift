// Waiting for a change: told, at the deadline, cancelled, and by tasks of every kind.
import Loop
import Testing

@Suite(.timeLimit(.minutes(1))) struct ConditionTests {
    @Test @IO func `all who wait are told, once`() async throws {
        let condition = Condition()
        let deadline = IO.now + .seconds(30)
        var isReached = false
        let tasks = (0..<5).map { _ in
            IO.task { await condition.wait(until: deadline) { isReached } }
        }
        try await IO.sleep(for: .milliseconds(1))
        isReached = true
        condition.broadcast()
        for task in tasks { await task.value }
        #expect(IO.now < deadline)
    }

    @Test @IO func `a wait ends with its deadline, and with its task`() async {
        let condition = Condition()
        await condition.wait(until: IO.now) { false }
        await condition.wait(until: IO.now + .milliseconds(5)) { false }
        let task = IO.task { await condition.wait(until: IO.now + .seconds(3600)) { false } }
        task.cancel()
        await task.value
    }

    /// A task of the tests' own, not of `IO.task`, can be held up before its wait begins.
    @Test @IO func `a change just before the wait is not missed`() async {
        for _ in 0..<500 {
            let condition = Condition()
            let start = IO.now
            var isReached = false
            IO.task {
                isReached = true
                condition.broadcast()
            }
            await condition.wait(until: start + .seconds(60)) { isReached }
            #expect(isReached && IO.now - start < .seconds(50))
        }
    }

    /// A task of the tests' own, not of `IO.task`, can be held up between looking and waiting.
    @Test @IO func `what ends before the wait has begun ends it`() async throws {
        for round in 0..<50 {
            let task = IO.task { try? await IO.sleep(for: .seconds(3600)) }
            try await IO.sleep(for: .milliseconds(round % 3))
            task.cancel()
            let ended: Bool? = await IO.within(.seconds(60)) {
                await task.value
                return true
            }
            #expect(ended == true)
        }
    }
}
