// The prompts: Homeline's own runbooks and the operator's. Flow: files → Runbooks → MCPServer.
// Invariant: a runbook of the operator's takes the place of one of the same name; a file that
// cannot be used changes nothing else and does not stop the relay.
import Loop
import MCP

/// All runbooks of a relay.
@IO final class Runbooks {
    /// Reads a resource for a caller.
    typealias Reader =
        @IO @Sendable (String, MCP.Principal) async throws(MCPError) -> Resources.Reading

    /// Time between two looks at the folder.
    nonisolated static let period = Duration.seconds(2)

    /// Called when there are other ones than before.
    var onChange: (@IO () -> Void)?

    private let folder: RunbookFolder?
    private let reader: Reader
    private let log: @IO (String) -> Void
    private var own: [Runbook] = []
    private var stamps: [String: RunbookFolder.Stamp]?
    private var timer: LoopTimer?
    /// The reading that runs; there is one at a time.
    private var reading: Task<Void, Never>?
    /// Whether the folder is to be read once more, as somebody has asked since the last reading
    /// began.
    private var isWanted = false
    private var isLooking = false

    /// The runbooks of the relay, and those of a folder once `start` has read it.
    init(folder: String?, _ reader: @escaping Reader, log: @escaping @IO (String) -> Void) {
        self.folder = folder.map(RunbookFolder.init)
        self.reader = reader
        self.log = log
    }

    /// Whether they may change.
    var canChange: Bool { folder != nil }

    /// All, by their names.
    var all: [Runbook] {
        let names = Set(own.map(\.name))
        return (own + Self.builtIn.filter { !names.contains($0.name) }).sorted { $0.name < $1.name }
    }

    /// All as prompts.
    var prompts: [Prompt] { all.map { PromptOf(runbook: $0, reader: reader).prompt } }

    /// How an argument is completed; nil: not at all.
    func kind(of argument: String, in prompt: String) -> Completable? {
        all.first { $0.name == prompt }?.arguments.first { $0.name == argument }?.completion
    }

    /// Reads the folder, and looks at it again and again.
    func start() async {
        guard folder != nil else { return }
        await reload()
        timer = LoopTimer(after: Self.period, repeating: Self.period, slack: .seconds(1)) {
            [weak self] in IO.task { await self?.look() }
        }
    }

    /// Reads the folder again, whether it has changed or not.
    ///
    /// Whoever asks while it is being read waits for one more reading, which all of them share.
    func reload() async {
        guard let folder else { return }
        isWanted = true
        let task = reading ?? IO.task { await self.readWhileWanted(folder) }
        reading = task
        await task.value
    }

    private func readWhileWanted(_ folder: RunbookFolder) async {
        while isWanted {
            isWanted = false
            await read(folder)
        }
        reading = nil
    }

    private func read(_ folder: RunbookFolder) async {
        stamps = await Blocking.run { folder.stamps() }
        let content = await Blocking.run { folder.read() }
        for problem in content.problems { log("prompts: \(problem)") }
        guard content.runbooks != own else { return }
        own = content.runbooks
        onChange?()
    }

    private func look() async {
        guard let folder, !isLooking, reading == nil else { return }
        isLooking = true
        defer { isLooking = false }
        let now = await Blocking.run { folder.stamps() }
        if reading == nil, now != stamps { await reload() }
    }

    /// Homeline's own; each is a file of `Books`, embedded by the build.
    nonisolated static let builtIn: [Runbook] = [
        PackageResources.compare_hosts_md, PackageResources.diagnose_host_md,
        PackageResources.disk_full_md, PackageResources.first_look_md,
        PackageResources.incident_handover_md, PackageResources.rotate_keys_md,
        PackageResources.service_down_md,
    ].compactMap { bytes in
        // A test reads each of them.
        try? RunbookFile.read(String(decoding: bytes, as: UTF8.self), named: "")
    }
}
