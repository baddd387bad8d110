// What the SSH tests share: a link to a real sshd, and a channel run to its end.
import Loop
import Programs
import SSH
import Support
import Testing

extension SSHServer {
    /// A configuration that logs in with the server's own key and trusts its host keys.
    func link(_ change: (inout LinkConfiguration) -> Void = { _ in }) throws -> LinkConfiguration {
        let known = try directory.write(knownHosts, to: "known_hosts")
        var configuration = LinkConfiguration(
            host: "127.0.0.1", port: port, user: user, knownHosts: [known],
            authentication: [.keyFile(path: key.path, passphrase: nil)])
        configuration.limits.connect = .seconds(30)
        configuration.limits.login = .seconds(30)
        change(&configuration)
        return configuration
    }
}

/// What a channel gave until its end.
struct Finished: Sendable {
    var output: [UInt8] = []
    var errors: [UInt8] = []
    var end: ProgramEnd

    var text: String { String(decoding: output, as: UTF8.self) }
    var errorText: String { String(decoding: errors, as: UTF8.self) }
}

extension Channel {
    /// Reads to the end; nil when it has not come within the limit.
    @IO func finished(within limit: Duration = .seconds(60)) async -> Finished? {
        let gathered = Gathered()
        return await IO.within(limit) { () async -> Finished in
            await withUnsafeContinuation { continuation in
                self.onOutput = { gathered.output += $0 }
                self.onErrorOutput = { gathered.errors += $0 }
                self.onEnd = {
                    continuation.resume(
                        returning: Finished(
                            output: gathered.output, errors: gathered.errors, end: $0))
                }
                self.resume()
            }
        }
    }
}

@IO private final class Gathered {
    var output: [UInt8] = []
    var errors: [UInt8] = []
}

extension Link {
    /// Runs one command to its end.
    @IO func run(_ command: String, input: [UInt8] = []) async throws -> Finished {
        let channel = try await execute(command)
        channel.write(input)
        channel.sendEOF()
        return try #require(await channel.finished())
    }
}

/// The error of a connection that must not succeed.
@IO func connectError(_ configuration: LinkConfiguration) async -> SSHError? {
    do throws(SSHError) {
        let link = try await Link.connect(configuration)
        link.close()
        return nil
    } catch {
        return error
    }
}

/// Runs a throwing body on the loop.
func onLoop(_ body: @escaping @IO @Sendable () async throws -> Void) async throws {
    try await IO.task { () async -> Result<Void, any Error> in
        do {
            try await body()
            return .success(())
        } catch {
            return .failure(error)
        }
    }.value.get()
}
