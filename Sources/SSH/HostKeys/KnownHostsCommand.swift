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

    /// What errors call the place of its lines.
    static let name = "KnownHostsCommand"

    /// The limit of one run: it may ask a slow directory, and runs twice for each connection.
    static let time = Duration.seconds(15)
    /// The most bytes that it may print: some ten thousand keys.
    static let outputLimit = 1 << 20

    /// A program, the first word, with its arguments; nil if `words` is empty.
    public init?(_ words: [String]) {
        guard !words.isEmpty else { return nil }
        self.words = words
    }

    /// What it prints of a host; `key` is the one that the host shows, once that is known.
    @IO func lines(of host: String, key: HostKey?) async throws(SSHError) -> String {
        var arguments = words.map { Self.expanded($0, host, key) }
        let program = arguments.removeFirst()
        let result = try await Self.run(program, arguments)
        if let failure = Self.failure(result) {
            throw .knownHostsCommandFailed(command: program, reason: failure)
        }
        return String(decoding: result.output, as: UTF8.self)
    }

    /// Why a run gave no lines; nil: it gave them.
    private static func failure(_ result: ChildResult) -> String? {
        guard result.exitCode != 0 else { return nil }
        let ending = result.exitCode.map { "exit code \($0)" } ?? "a signal"
        let errors = String(decoding: result.errorOutput.suffix(400), as: UTF8.self)
            .plain(keepsLines: false)
        return "it ended with \(ending)" + (errors.isEmpty ? "" : ": \(errors)")
    }

    @IO private static func run(
        _ program: String, _ arguments: [String]
    ) async throws(SSHError) -> ChildResult {
        guard program.hasPrefix("/") else {
            throw .knownHostsCommandFailed(command: program, reason: "its path is not absolute")
        }
        do throws(LoopError) {
            return try await Child.run(
                program, arguments, outputLimit: outputLimit, deadline: time)
        } catch {
            throw .knownHostsCommandFailed(command: program, reason: "\(error)")
        }
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
