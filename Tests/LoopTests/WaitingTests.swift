import Support
import Testing

@testable import Loop

@Suite struct `Waiting` {
    @Test @IO func `a cancelled sleep ends at once`() async {
        let start = IO.now
        let task = IO.task { () -> Bool in
            do {
                try await IO.sleep(for: .seconds(60))
                return false
            } catch {
                return true
            }
        }
        task.cancel()
        #expect(await task.value)
        #expect(IO.now - start < .seconds(10))
    }

    @Test @IO func `within gives the value of a fast operation`() async {
        let value = await IO.within(.seconds(10)) { 42 }
        #expect(value == 42)
    }

    @Test @IO func `within gives nil when the limit passes and cancels the operation`() async {
        let cancelled = Locked(false)
        let value = await IO.within(.milliseconds(20)) { () -> Int in
            do { try await IO.sleep(for: .seconds(60)) } catch { cancelled.withLock { $0 = true } }
            return 1
        }
        #expect(value == nil)
        while !cancelled.withLock({ $0 }) { await Task.yield() }
    }

    @Test @IO func `a repeating timer fires until it is cancelled`() async {
        var count = 0
        let timer = LoopTimer(after: .milliseconds(1), repeating: .milliseconds(1)) { count += 1 }
        while count < 5 { try? await IO.sleep(for: .milliseconds(1)) }
        timer.cancel()
        let stopped = count
        try? await IO.sleep(for: .milliseconds(20))
        #expect(count == stopped)
    }

    @Test @IO func `blocking work runs off the loop and returns on it`() async {
        let off = await Blocking.run { !IO.loop.isCurrent }
        #expect(off)
        #expect(IO.loop.isCurrent)
    }
}

@Suite struct `Names` {
    @Test(.needs(.localhost)) @IO func `localhost resolves to loopback`() async throws {
        let found = try await DNS.resolve("localhost", port: 22)
        #expect(!found.isEmpty)
        #expect(found.allSatisfy { $0.isLoopback && $0.port == 22 })
    }

    @Test @IO func `a numeric address is itself`() async throws {
        let found = try await DNS.resolve("::1", port: 80)
        #expect(found.map(\.description) == ["[::1]:80"])
    }

    @Test @IO func `a name that cannot exist is told as such`() async {
        await #expect(throws: LoopError.self) { try await DNS.resolve("no-such.invalid", port: 1) }
    }
}
