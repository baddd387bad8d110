// The program of KnownHostsCommand (ssh_config(5)), which prints more lines of known_hosts. It runs
// once before the handshake, for the order of the algorithms, and once with the key that the host
// shows.
// Invariant: a program that fails, takes too long or prints too much ends the connection.
internal import Crypto
internal import Loop

/// A program that knows host keys.
public struct KnownHostsCommand: Sendable, Hashable {
    /// Its path and arguments, in which `%H`, `%I`, `%t`, `%f`, `%K` and `%%` are still to be
    /// expanded.
    private let words: [String]

    /// The limit of one run: it may ask a slow directory, and runs twice for each connection.
    static let time = Duration.seconds(15)
    /// The most bytes that it may print: some ten thousand keys.
    static let outputLimit = 1 << 20

    /// A program with its arguments; nil: there are no words.
    public init?(_ words: [String]) {
        guard !words.isEmpty else { return nil }
        self.words = words
    }

    /// Adds what it prints of a host; `key` is the one that the host shows, once that is known.
    @IO func add(to known: inout KnownHosts, of host: String, key: HostKey?) async throws(SSHError)
    {
        let words = words.map { Self.expanded($0, host, key) }
        let result: ChildResult
        do throws(LoopError) {
            guard words[0].hasPrefix("/") else {
                throw .cannotStart(program: words[0], reason: "its path is not absolute")
            }
            result = try await Child.run(
                words[0], Array(words.dropFirst()), outputLimit: Self.outputLimit,
                deadline: Self.time)
        } catch {
            throw .knownHostsCommandFailed(command: words[0], reason: "\(error)")
        }
        guard result.exitCode == 0 else {
            let lines = String(decoding: result.errorOutput.suffix(400), as: UTF8.self)
            throw .knownHostsCommandFailed(
                command: words[0],
                reason: "it ended with \(result.exitCode.map { "exit code \($0)" } ?? "a signal")"
                    + (lines.isEmpty ? "" : ": \(lines.plain(keepsLines: false))"))
        }
        known.add(String(decoding: result.output, as: UTF8.self), file: "KnownHostsCommand")
    }

    private static func expanded(_ word: String, _ host: String, _ key: HostKey?) -> String {
        let values: [Character: String] = [
            "%": "%", "H": host, "I": key == nil ? "ORDER" : "HOSTNAME", "t": key?.type ?? "NONE",
            "f": key?.fingerprint ?? "NONE", "K": key.map { Base64.encode($0.blob) } ?? "NONE",
        ]
        var out = ""
        var rest = word[...]
        while let character = rest.popFirst() {
            guard character == "%", let token = rest.popFirst() else {
                out.append(character)
                continue
            }
            out += values[token] ?? "%\(token)"
        }
        return out
    }
}
