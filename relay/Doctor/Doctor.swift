// `homeline-relay doctor`: tries each thing that the relay needs, from its folder to the URLs under
// which others reach it. Flow: DoctorCommand → Doctor → Examination → Report.
// Invariant: nothing is changed and no secret is shown, whether a relay runs or not.
import Configuration
import Crypto
import Diagnosis
import JSON
import Loop
import Net

/// What is examined.
@IO struct Doctor {
    let folder: DataFolder
    /// The configuration's file, and whether it can be used.
    let file: String
    let configuration: Check.Verdict
    /// What it says of the relay's ports and URLs; nil if it cannot be used.
    let entrances: RelayEntrances?
    /// The folder of prompts that it names.
    var prompts: String?

    /// What the store may grow by, and its log of changes.
    private static let storeBytes = 64 << 20
    /// Files beside the agents' connections: those of the waiting rooms (512 each), of the store,
    /// the log, and 64 clients.
    private static let otherFiles = 1600

    /// Makes all checks.
    func checks() async -> [Check] {
        let examination = Examination(until: IO.now + Examination.limit)
        let isThere = await examination.folder(
            folder.path, make: "homeline-relay serve makes it, or name the folder with --data")
        examination.note("configuration", file, configuration)
        if let prompts { await examine(prompts: prompts, examination) }
        let status = isThere ? await status(examination) : nil
        var records: Records?
        var pin: PublicKeyPin?
        if isThere {
            let content = RecordChecks(examination: examination, folder: folder, status: status)
            records = await content.run()
            pin = content.identity()
            await examination.disk(
                "disk", folder.path, needed: Self.storeBytes, for: "the store")
        }
        if let entrances {
            await EntranceChecks(examination: examination, entrances: entrances, status: status)
                .run(pin: pin, tunnelURLs: records?.tunnelURLs ?? [])
        }
        let agents = records?.agents ?? 0
        examination.openFiles(
            status?["open_files"]?.intValue.map { Int(clamping: $0) }
                ?? Process.raiseDescriptorLimit(),
            needed: agents + Self.otherFiles, for: "clients, and agents (\(agents))",
            of: status == nil ? "a relay that is started from here" : "the running relay")
        return examination.checks
    }

    /// The most files of prompts that are named.
    private static let namedFiles = 5

    private func examine(prompts path: String, _ examination: Examination) async {
        _ = await examination.find(
            "prompts", path, within: .seconds(5), late: .hangs(path)
        ) { () -> (Check.Verdict, Int?) in
            let content = await Blocking.run { RunbookFolder(path: path).read() }
            let count = content.runbooks.count
            guard !content.problems.isEmpty else { return (.ok("\(count) runbooks"), count) }
            let named = content.problems.prefix(Self.namedFiles).joined(separator: "; ")
            return (
                .warning(
                    "\(count) runbooks; \(content.problems.count) not offered: \(named)",
                    advice: "correct these files; the relay reads them again by itself"), count
            )
        }
    }

    /// What the running relay says of itself; nil if none answers.
    private func status(_ examination: Examination) async -> JSON? {
        let folder = folder
        let advice = "read its log; then stop it and start it again"
        return await examination.find(
            "running", folder.socket, within: .seconds(5),
            late: .fault(
                "a relay runs and did not answer within 5 s", advice: advice,
                exit: ExitCode.unavailable)
        ) {
            do throws(AdminFault) {
                if let stream = try await AdminClient.connect(folder) {
                    let status = try await AdminClient.ask(stream, ["command": "status"])
                    let (version, uptime) = (
                        status["version"]?.stringValue ?? "?", status["uptime_s"]?.intValue ?? 0
                    )
                    return (.ok("version \(version), for \(uptime) s"), status)
                }
                let came =
                    folder.isLocked
                    ? "a process holds the folder's lock, and its socket does not answer"
                    : "no relay runs on this folder"
                return (
                    .fault(
                        came, advice: folder.isLocked ? advice : "start it: homeline-relay serve",
                        exit: ExitCode.unavailable), nil
                )
            } catch {
                return (.fault(error.message, advice: advice, exit: error.exit), nil)
            }
        }
    }
}
