// 500 MiB each way through a server that exchanges keys every mebibyte: nothing is lost or changed.
// With HOMELINE_LAB=long (`make lab`) only; SSHTests send 40 MiB in every run.
import Crypto
import Loop
import SSH
import Support
import Testing

@Suite(.serialized) struct RekeyTests {
    private static let size = 500 << 20

    @Test(
        .enabled(if: SessionLabTests.isLong, "HOMELINE_LAB=long runs it"), .timeLimit(.minutes(30)))
    func `500 MiB pass a server with RekeyLimit 1M, each way`() async throws {
        let server = try await SSHServer.start(
            SSHServer.Options(shell: .dash, settings: ["RekeyLimit": "1M"]))
        let known = try server.directory.write(server.knownHosts, to: "known_hosts")
        let configuration = LinkConfiguration(
            host: "127.0.0.1", port: server.port, user: server.user, knownHosts: [known],
            authentication: [.keyFile(path: server.key.path, passphrase: nil)])
        let piece = (0..<(1 << 20)).map { _ in UInt8.random(in: 0...255) }
        let sent = Self.hash { digest in
            for _ in 0..<(Self.size >> 20) { digest.update(piece) }
        }
        let rates = try await IO.task { () async -> Result<[Double], any Error> in
            do {
                let link = try await Link.connect(configuration)
                defer { link.close() }
                var start = IO.now
                let up = try await link.execute("tee \(server.directory.file("all")) | sha256sum")
                let counted = await Self.send(piece, Self.size >> 20, to: up)
                var rates = [Double(Self.size >> 20) / ((IO.now - start) / .seconds(1))]
                #expect(counted.hasPrefix(Hex.encode(sent)))
                start = IO.now
                let down = try await link.execute("cat \(server.directory.file("all"))")
                #expect(await Self.receive(down) == sent)
                rates.append(Double(Self.size >> 20) / ((IO.now - start) / .seconds(1)))
                return .success(rates)
            } catch {
                return .failure(error)
            }
        }.value.get()
        print("RekeyLimit 1M, 500 MiB: up \(Int(rates[0])) MiB/s, down \(Int(rates[1])) MiB/s")
    }

    private static func hash(_ body: (inout SHA256) -> Void) -> [UInt8] {
        var digest = SHA256()
        body(&digest)
        return digest.finish()
    }

    /// Sends a piece so many times, as fast as it is taken; what the command prints.
    @IO private static func send(_ piece: [UInt8], _ times: Int, to channel: Channel) async
        -> String
    {
        var left = times
        let fill: @IO () -> Void = {
            while left > 0, channel.unsent < 4 << 20 {
                left -= 1
                channel.write(piece)
                if left == 0 { channel.sendEOF() }
            }
        }
        channel.onDrain = fill
        fill()
        var text = ""
        await end(of: channel) { text += String(decoding: $0, as: UTF8.self) }
        return text
    }

    /// The digest of all that a command prints.
    @IO private static func receive(_ channel: Channel) async -> [UInt8] {
        let digest = Digest()
        await end(of: channel) { digest.add($0) }
        return digest.finished()
    }

    @IO private static func end(
        of channel: Channel, _ take: @escaping @IO ([UInt8]) -> Void
    ) async {
        await withUnsafeContinuation { continuation in
            channel.onOutput = take
            channel.onEnd = { _ in continuation.resume() }
            channel.resume()
        }
    }
}

@IO private final class Digest {
    private var sum: SHA256? = SHA256()

    func add(_ bytes: [UInt8]) { sum?.update(bytes) }

    func finished() -> [UInt8] { sum.take()?.finish() ?? [] }
}
