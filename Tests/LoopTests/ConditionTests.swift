// Waiting for a change: told, at the deadline, cancelled, and by tasks of every kind.
import Loop
import Testing

@Suite(.timeLimit(.minutes(1))) struct ConditionTests {
    @Test @IO func `all who wait are told, once`() async throws {
        let condition = Condition()
        let deadline = IO.now + .seconds(30)
        let tasks = (0..<5).map { _ in IO.task { await condition.wait(until: deadline) } }
        try await IO.sleep(for: .milliseconds(1))
        condition.broadcast()
        for task in tasks { await task.value }
        #expect(IO.now < deadline)
    }

    @Test @IO func `a wait ends with its deadline, and with its task`() async {
        let condition = Condition()
        await condition.wait(until: IO.now)
        await condition.wait(until: IO.now + .milliseconds(5))
        let task = IO.task { await condition.wait(until: IO.now + .seconds(3600)) }
        task.cancel()
        await task.value
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
