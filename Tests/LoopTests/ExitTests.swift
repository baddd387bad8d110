import Glibc
import Loop
import Testing

@Suite(.timeLimit(.minutes(1))) struct ExitTests {
    /// libuv's own clearing up runs at the process's end, and aborts it under a loop that works.
    @Test func `a process ends in order while its loop works`() async {
        await #expect(processExitsWith: .success) {
            for _ in 0..<4 {
                IO.task {
                    while true { _ = try? await Child.run("true", [], deadline: .seconds(5)) }
                }
            }
            try await Task.sleep(for: .milliseconds(300))
            exit(0)
        }
    }
}
