// A session on another link beside what a test does to its own: it must go on as if nothing were.
// Invariant: every command of it is answered, or the test fails.
import Loop
import SSH
import Support
import Testing

/// A shell that is asked one thing after the other.
@IO final class Bystander {
    /// A sound server for all of them, and its one known_hosts file, written once.
    private static let sound = Task {
        let server = try await SSHServer.start(SSHServer.Options(shell: .dash))
        return (server: server, configuration: try server.link())
    }

    private let link: Link
    private let channel: Channel
    private var output = ""
    private var asked = 0
    private var waiting: (text: String, UnsafeContinuation<Void, Never>)?
    private var isOver = false

    private init(_ link: Link, _ channel: Channel) {
        (self.link, self.channel) = (link, channel)
        channel.onOutput = { [weak self] bytes in self?.take(bytes) }
        channel.resume()
    }

    /// Does something while a shell elsewhere works, and prints how long its commands took.
    static func beside(
        _ name: String, _ body: @escaping @IO @Sendable () async throws -> Void
    ) async throws {
        let configuration = try await sound.value.configuration
        try await onLoop {
            let link = try await Link.connect(configuration)
            defer { link.close() }
            let bystander = Bystander(link, try await link.execute("sh"))
            let rest = try await bystander.times { try? await IO.sleep(for: .milliseconds(100)) }
            let outcome = Box<Result<Void, any Error>>(.success(()))
            let during = try await bystander.times {
                do { try await body() } catch { outcome.withLock { $0 = .failure(error) } }
            }
            print("beside \(name): \(show(during)); at rest \(show(rest))")
            try outcome.withLock { $0 }.get()
        }
    }

    private static func show(_ times: [Duration]) -> String {
        let sorted = times.sorted()
        let (middle, high) = (sorted[sorted.count / 2], sorted[sorted.count * 95 / 100])
        let words = [middle, high].map { "\(Int($0 / .microseconds(1))) µs" }
        return "\(times.count) commands, p50 \(words[0]), p95 \(words[1])"
    }

    /// How long each command took while `body` ran; at least one.
    private func times(_ body: @escaping @IO () async -> Void) async throws -> [Duration] {
        isOver = false
        let task = IO.task {
            await body()
            self.isOver = true
        }
        var times: [Duration] = []
        repeat {
            let start = IO.now
            asked += 1
            let number = asked
            channel.write(Array("echo '<'\(number)'>'\n".utf8))
            let came: Void? = await IO.within(.seconds(60)) { await self.wait("<\(number)>\n") }
            try #require(came != nil, "a command on another link was not answered")
            times.append(IO.now - start)
            try? await IO.sleep(for: .milliseconds(3))
        } while !isOver
        await task.value
        #expect(link.isOpen)
        return times
    }

    private func wait(_ text: String) async {
        await withUnsafeContinuation { continuation in
            waiting = (text, continuation)
            take([])
        }
    }

    private func take(_ bytes: [UInt8]) {
        output += String(decoding: bytes, as: UTF8.self)
        guard let (text, continuation) = waiting, output.hasSuffix(text) else { return }
        waiting = nil
        output = ""
        continuation.resume()
    }
}
