// A link that brings more than can be taken: the loop still serves everybody else.
import Loop
import SSH
import Support
import Testing

@Suite(.timeLimit(.minutes(2))) struct LoudTests {
    @Test func `a channel that is never silent leaves the loop to others`() async throws {
        let server = try await SSHServer.start(SSHServer.Options(shell: .dash))
        let configuration = try server.link()
        try await onLoop {
            let link = try await Link.connect(configuration)
            defer { link.close() }
            let channel = try await link.execute("yes | head -c 16000000")
            let gaps = Gaps()
            let timer = LoopTimer(after: .milliseconds(5), repeating: .milliseconds(5)) {
                gaps.tick()
            }
            // Slower than what comes: there is always more.
            channel.onOutput = { bytes in
                let end = ContinuousClock.now + .milliseconds(2)
                while ContinuousClock.now < end {}
                gaps.bytes += bytes.count
            }
            channel.resume()
            #expect(await holds(within: .seconds(60)) { gaps.bytes == 16_000_000 })
            timer.cancel()
            print("loud channel: longest turn \(gaps.longest)")
            #expect(gaps.longest < .milliseconds(500))
        }
    }
}

@IO private final class Gaps {
    var bytes = 0
    private(set) var longest = Duration.zero
    private var last = threadTime()

    func tick() {
        let now = threadTime()
        longest = max(longest, now - last)
        last = now
    }
}
