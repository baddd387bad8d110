// Real shells on local terminals, for the tests of sessions.
import Glibc
import Loop
import Programs
import Support
import Terminal
import Testing
import Wire

@testable import homeline_agent

/// The shells the tests drive; one that is not installed is skipped.
enum TestShell: String, CaseIterable, CustomTestStringConvertible {
    case bash, dash, ash, zsh, mksh, fish, tcsh

    /// Those with a profile of their own.
    static let known: [TestShell] = [.bash, .dash, .ash, .zsh, .mksh].filter(\.isInstalled)
    static let installed = allCases.filter(\.isInstalled)

    var path: String {
        switch self {
        case .ash: "/bin/busybox"
        default: "/bin/\(rawValue)"
        }
    }
    var arguments: [String] {
        switch self {
        case .ash: ["busybox", "ash", "-i"]
        case .bash, .zsh: ["-\(rawValue)"]
        default: [rawValue, "-i"]
        }
    }
    var isInstalled: Bool { Self.present.contains(self) }
    private static let present = Set(
        allCases.filter { shell in
            let isThere = access(shell.path, X_OK) == 0
            if !isThere { leaveOut("tests in \(shell)", because: "no \(shell.path)") }
            return isThere
        })
    var testDescription: String { rawValue }
}

/// Opens a session with a fresh home.
@IO func openSession(
    _ shell: TestShell, home: TemporaryDirectory, log: OutputLog = OutputLog(of: "test"),
    environment: [String: String] = [:], columns: UInt16 = UInt16(OpenSession.defaultColumns),
    arguments: [String]? = nil, startFile: (name: String, text: String)? = nil,
    path: String? = nil, choice: ShellChoice = .auto,
    through: @IO (HostShell) -> any ShellTransport = { $0 }
) async throws -> Session {
    let files = ["/.zshrc", "/.bashrc"]
    for file in files {
        let descriptor = open(home.path + file, O_CREAT | O_WRONLY, 0o600)
        close(descriptor)
    }
    if let startFile { try home.write(startFile.text + "\n", to: startFile.name) }
    // Without them the first start of fish 3, and then of fish 4, reads every manual page.
    for folder in [".local/share", ".cache"] {
        _ = try home.folder("\(folder)/fish/generated_completions")
    }
    let base = [
        "HOME": home.path, "PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8",
        "TERM": "xterm",
    ]
    let nonce = Nonce()
    let session = Session(
        id: "s1", owner: "me", target: "agent/local", nonce: nonce,
        transport: through(
            try LocalHost.shell(
                path: path ?? shell.path, arguments: arguments ?? shell.arguments,
                environment: base.merging(environment) { $1 }, directory: home.path,
                columns: columns)),
        log: log, isPersistent: false, idleTimeout: .seconds(60))
    // A busy machine has stopped all its programs for several seconds.
    try await session.open(within: .seconds(60), shell: choice)
    return session
}

/// A local shell whose kernel is asked in a test's own way, or falls silent.
@IO final class ProbedShell: ShellTransport {
    private let inner: HostShell
    /// So many questions are answered still.
    var answers = Int.max
    /// Whether the login's shell is found even though no question is answered.
    var showsLogin = false
    /// How long each answer takes beyond the host's own time.
    var delay = Duration.zero
    /// Texts of which the shell never reads the first writing.
    var drops: [String] = []
    /// Whether every line is typed twice.
    var repeats = false
    /// Who answers; nil: the host, to this process.
    var asker: (@IO (Probe.Question) async -> [UInt8]?)?

    init(_ inner: HostShell) { self.inner = inner }

    var onOutput: (@IO ([UInt8]) -> Void)? {
        get { inner.onOutput }
        set { inner.onOutput = newValue }
    }
    var onEnd: (@IO (ProgramEnd) -> Void)? {
        get { inner.onEnd }
        set { inner.onEnd = newValue }
    }
    var unsent: Int { inner.unsent }
    func write(_ bytes: [UInt8]) {
        let text = String(decoding: bytes, as: UTF8.self)
        if let dropped = drops.firstIndex(where: { text.contains($0) }) {
            drops.remove(at: dropped)
        } else {
            inner.write(bytes)
            if repeats { inner.write(bytes) }
        }
    }
    func findLogin() async -> LoginShell.Answer {
        guard showsLogin || answers > 0 && asker == nil else { return .hidden }
        return await inner.findLogin()
    }
    func pause() { inner.pause() }
    func resume() { inner.resume() }
    func resize(columns: UInt16, rows: UInt16) { inner.resize(columns: columns, rows: rows) }
    func close() { inner.close() }
    func ask(_ question: Probe.Question) async -> [UInt8]? {
        guard answers > 0 else { return nil }
        answers -= 1
        if delay > .zero { try? await IO.sleep(for: delay) }
        guard let asker else { return await inner.ask(question) }
        return await asker(question)
    }
}

extension Session {
    /// Runs code and waits for its end.
    func run(
        _ code: String, wait: Duration = .seconds(20), maxBytes: Int = 100_000
    ) async throws -> CommandResult {
        try await run(code, wait: wait, timeout: nil, maxBytes: maxBytes)
    }

    /// Runs code that goes on, and waits until it has printed something.
    func begin(_ code: String, shows text: String) async throws -> CommandResult {
        _ = try await run(code, wait: .zero)
        let isShown = await holds {
            let begin = command?.begin ?? log.end
            return String(decoding: log.bytes(begin..<log.end), as: UTF8.self).contains(text)
        }
        #expect(isShown, "\(text)")
        return try await read(offset: command?.begin, wait: .zero, raw: false, maxBytes: 1000)
    }
}
