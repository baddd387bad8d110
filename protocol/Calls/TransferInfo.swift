// What a transfer has done so far, as `file_transfer` shows it, whoever makes it: an agent, or the
// relay for its drop-box. Pure. Invariant: only what is at the destination counts as copied.
public import JSON

/// How much a transfer has copied.
public struct TransferAmounts: Sendable, Equatable {
    /// Files that were copied.
    public var files = 0
    /// Directories that were made or found.
    public var directories = 0
    /// Links that were made.
    public var links = 0
    /// Bytes of files copied, holes included.
    public var bytes = 0
    /// Files that were left alone, as they are there already.
    public var unchanged = 0
    /// Bytes that were there from an earlier, broken transfer.
    public var resumed = 0
    /// Entries that could not be copied.
    public var failed = 0

    /// Nothing yet.
    public init() {}
}

/// What a transfer has done so far, as `file_transfer` shows it.
public struct TransferInfo: Sendable, Equatable {
    /// The handle.
    public var commandID: String
    /// The destination's `agent/host`.
    public var target: String
    /// The source as people know it.
    public var source: String
    /// Running, done, cancelled or failed.
    public var state: RunState
    /// The absolute path at the destination; nil: not known yet.
    public var path: String?
    /// What was copied, and what was not.
    public var done = TransferAmounts()
    /// All files and their bytes; nil: the source has not been looked through yet.
    public var total: (files: Int, bytes: Int)?
    /// Bytes a second.
    public var rate: Int?
    /// Seconds that are left, about.
    public var secondsLeft: Int?
    /// The digest of a single file that was verified.
    public var sha256: String?
    /// Why the first entries that failed could not be copied.
    public var failures: [String] = []
    /// Milliseconds since the start, or until the end.
    public var durationMS = 0
    /// Why it failed, and what to do next.
    public var note: String?

    /// The most failures that a result names.
    public static let shownFailures = 20

    private static let target = Field.text("target", "The destination's host.")
    private static let source = Field.text("source", "The source, as target:path.")
    private static let path = Field.text("path", "The absolute path at the destination.").optional
    private static let state = Field<RunState>.choice(
        "state",
        "running; done: everything was copied; failed: see note and failures; cancelled: on request."
    )
    private static let files = Field.count("files", "Files copied.").or(0)
    private static let directories = Field.count("directories", "Directories made or found.")
        .or(0)
    private static let links = Field.count("links", "Symbolic links made.").or(0)
    private static let bytes = Field.count("bytes", "Bytes of files copied, holes included.").or(0)
    private static let unchanged = Field.count(
        "unchanged", "Files left alone, as size and time are the same (only_changed)."
    ).or(0)
    private static let resumed = Field.count(
        "resumed_bytes", "Bytes that an earlier, broken transfer had left there."
    ).or(0)
    private static let totalFiles = Field.count("total_files", "All files of the source.").optional
    private static let totalBytes = Field.count("total_bytes", "The bytes of all files.").optional
    private static let rate = Field.count("bytes_per_s", "Bytes a second.").optional
    private static let left = Field.count("eta_s", "Seconds that are left, about.").optional
    private static let sha256 = Field.text("sha256", "Of a single file that was verified.").optional
    private static let failed = Field.count("failed", "Entries that could not be copied.").or(0)
    private static let failures = Field.texts(
        "failures", "Why entries could not be copied; at most \(shownFailures)."
    ).or([])

    static let members = [
        RunResult.commandID.declaration, target.declaration, source.declaration,
        state.declaration, path.declaration, files.declaration, directories.declaration,
        links.declaration, bytes.declaration, unchanged.declaration, resumed.declaration,
        totalFiles.declaration, totalBytes.declaration, rate.declaration, left.declaration,
        sha256.declaration, failed.declaration, failures.declaration,
        RunResult.duration.declaration, RunResult.note.declaration,
    ]

    /// A result to be filled in.
    public init(commandID: String, target: String, source: String, state: RunState) {
        (self.commandID, self.target, self.source) = (commandID, target, source)
        self.state = state
    }

    /// Sets how long it has taken, and what follows from that.
    public mutating func setTime(_ time: Duration, isOver: Bool) {
        durationMS = Int(time / .milliseconds(1))
        let seconds = time / .seconds(1)
        // What an earlier transfer has left there took no time of this one.
        let moved = done.bytes - done.resumed
        guard moved > 0, seconds > 0.01 else { return }
        let perSecond = Double(moved) / seconds
        rate = Int(perSecond)
        guard !isOver, let total, perSecond > 1 else { return }
        secondsLeft = Int(Double(max(0, total.bytes - done.bytes)) / perSecond)
    }

    /// One line of progress.
    public var summary: String {
        var text = "\(done.files)"
        if let total { text += " of \(total.files)" }
        text += " files, \(done.bytes)"
        if let total { text += " of \(total.bytes)" }
        text += " bytes"
        if let rate { text += ", \(rate) bytes/s" }
        if let secondsLeft { text += ", \(secondsLeft) s left" }
        if done.failed > 0 { text += ", \(done.failed) failed" }
        return text
    }

    /// The same as the output of a command, for the tools that know commands.
    public var asCommand: RunResult {
        var result = RunResult(target: target, commandID: commandID, state: state)
        (result.durationMS, result.note) = (durationMS, note)
        result.stdout.text = ([summary] + failures).joined(separator: "\n") + "\n"
        return result
    }

    /// The id in an answer.
    public static func commandID(of answer: RawJSON) throws(Fault) -> String {
        try Fields(answer)[RunResult.commandID]
    }

    /// As an object; `ticket`: for the stream that the source's agent sends; `url`: of a file that
    /// has come into the drop-box.
    public func json(_ ticket: StreamTicket? = nil, url: DropLink? = nil) -> JSON {
        var members = Members()
        members.put(RunResult.commandID, commandID)
        members.put(Self.target, target)
        members.put(Self.source, source)
        members.put(Self.state, state)
        members.put(Self.path, path)
        members.put(Self.files, done.files)
        members.put(Self.directories, done.directories)
        members.put(Self.links, done.links)
        members.put(Self.bytes, done.bytes)
        members.put(Self.unchanged, done.unchanged)
        members.put(Self.resumed, done.resumed)
        members.put(Self.totalFiles, total?.files)
        members.put(Self.totalBytes, total?.bytes)
        members.put(Self.rate, rate)
        members.put(Self.left, secondsLeft)
        members.put(Self.sha256, sha256)
        members.put(Self.failed, done.failed)
        members.put(Self.failures, failures)
        members.put(RunResult.duration, durationMS)
        members.put(RunResult.note, note)
        members.put(StreamTicket.field.optional, ticket?.text)
        url?.put(into: &members)
        return members.json
    }

    /// Compares what is shown: Swift does not compare the pair `total` by itself.
    public static func == (one: TransferInfo, other: TransferInfo) -> Bool {
        one.json() == other.json()
    }
}
