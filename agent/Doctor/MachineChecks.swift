// What the agent needs on its own machine: ssh, its files and agent, folders, open files. Part of
// Doctor. Invariant: files are only read and asked about; `ssh -G` connects to nothing.
import Configuration
import Diagnosis
import Glibc
import Loop
import Net
import Wire

/// Checks of the machine.
@IO struct MachineChecks {
    let examination: Examination
    let folder: String
    let settings: TargetSettings?

    /// What the journal's two files may take, and what the agent writes beside them.
    private static let stateBytes = 16 << 20
    /// Files of the program itself: the loop, the log, the journal, the tunnel, spool files.
    private static let ownFiles = 100

    func run() async {
        await sshProgram()
        if let settings {
            let targets = Targets(settings: settings, place: .current)
            await knownHosts(await sshConfiguration(targets), settings)
        }
        await sshAgent()
        // The spool files take at most a tenth of what is free.
        await examination.disk(
            "temporary", Spools.folder, needed: 1 << 30,
            for: "output that does not fit in memory (TMPDIR)")
        await examination.disk(
            "disk", folder, needed: Self.stateBytes, for: "the agent's state and journal")
        var limit = rlimit()
        unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        examination.openFiles(
            Int(clamping: limit.rlim_cur), needed: 2 * Self.sessions + Self.ownFiles,
            for: "\(Self.sessions) sessions and links",
            of: "a program that is started from here")
    }

    /// The default of MaxSessions and MaxLinks; a session has a link, and a spool file or terminal.
    private static let sessions = 200

    private func sshProgram() async {
        let advice = "install the OpenSSH client: without it ssh_config is not read"
        await examination.check(
            "ssh", "ssh -V", within: .seconds(4),
            late: .fault("did not end", advice: advice, exit: ExitCode.unavailable)
        ) {
            do throws(LoopError) {
                let result = try await Child.run("ssh", ["-V"], deadline: .seconds(3))
                let words = String(decoding: result.errorOutput.prefix(200), as: UTF8.self)
                guard result.exitCode == 0 else {
                    return .fault(
                        "\(result.end): \(words)", advice: advice, exit: ExitCode.unavailable)
                }
                return .ok(words)
            } catch {
                return .warning("\(error)", advice: advice)
            }
        }
    }

    /// Checks that every file is there and that ssh reads them; returns a target they name.
    private func sshConfiguration(_ targets: Targets) async -> SSHTarget? {
        let given = targets.settings.sshConfig
        let tried = given ?? "~/.ssh/config, /etc/ssh/ssh_config"
        let advice = "run ssh -G HOST: a program that a Match exec runs may hang"
        return await examination.find(
            "ssh_config", tried, within: .seconds(8),
            late: .fault("no answer within 8 s", advice: advice, exit: ExitCode.configuration)
        ) {
            let named = await targets.named()
            let scan = await targets.scan()
            let usual = ["\(targets.place.home)/.ssh/config", "/etc/ssh/ssh_config"]
            let missing = await Blocking.run {
                scan.paths.filter { path in
                    guard unsafe access(path, R_OK) != 0 else { return false }
                    return errno != ENOENT || given != nil || !usual.contains(path)
                }
            }
            let name = named.lazy.compactMap { try? TargetName(place: $0.name) }.first {
                !$0.isLocal
            }
            let names = "\(named.count) \(named.count == 1 ? "target" : "targets")"
            do throws(Fault) {
                // ssh reads its files for any name where they have none.
                let some = if let name { name } else { try TargetName(place: "localhost") }
                let target = try await targets.resolve(some)
                let led = name.map { ", ssh -G \($0) works" } ?? ""
                guard missing.isEmpty else {
                    return (
                        .warning(
                            "\(names)\(led); cannot read \(missing.joined(separator: ", "))",
                            advice:
                                "put the file there and make it readable, or take its Include out"
                        ), target
                    )
                }
                guard !named.isEmpty else {
                    return (
                        .warning(
                            "no host is named",
                            advice:
                                "add Host blocks, or SshConfig FILE to agent.conf: target_list is"
                                + " empty, though user@host:port works"), target
                    )
                }
                return (.ok(names + led), target)
            } catch {
                return (
                    .fault(
                        error.message, advice: "correct the file: ssh refuses it, too",
                        exit: ExitCode.configuration), nil
                )
            }
        }
    }

    private func knownHosts(_ target: SSHTarget?, _ settings: TargetSettings) async {
        let file =
            target?.hostKeys.files.first ?? settings.knownHosts
            ?? "\(UserAccount.current.home)/.ssh/known_hosts"
        await examination.check(
            "known_hosts", file, within: .seconds(3), late: .hangs(file)
        ) { await Blocking.run { Self.judge(knownHosts: file) } }
    }

    private nonisolated static func judge(knownHosts file: String) -> Check.Verdict {
        func may(_ path: String, _ what: Int32) -> Bool {
            unsafe faccessat(AT_FDCWD, path, what, AT_EACCESS) == 0
        }
        let folder = file.lastIndex(of: "/").map { String(file[..<$0]) } ?? "."
        if may(file, F_OK) {
            guard may(file, R_OK) else {
                return .fault(
                    "cannot be read", advice: "make it readable to the user who runs the agent",
                    exit: ExitCode.noPermission)
            }
            guard may(file, W_OK), may(folder, W_OK | X_OK) else {
                return .warning(
                    "readable, but no key can be added",
                    advice: "make file and folder writable before homeline-agent targets trust")
            }
            return .ok("readable and writable")
        }
        guard may(folder, W_OK | X_OK) else {
            return .warning(
                "is not there and cannot be made: hosts whose keys are not known are refused",
                advice: "make \(folder), writable for this user")
        }
        return .ok("not there yet: homeline-agent targets trust HOST makes it")
    }

    private func sshAgent() async {
        guard let path = Process.environment["SSH_AUTH_SOCK"], !path.isEmpty else {
            return examination.note(
                "ssh-agent", "SSH_AUTH_SOCK", .ok("not set: keys are read from their files"))
        }
        let advice = "start ssh-agent, or unset SSH_AUTH_SOCK where the agent is started"
        await examination.check(
            "ssh-agent", "SSH_AUTH_SOCK \(path)", within: .seconds(2),
            late: .warning("no answer", advice: advice)
        ) {
            do throws(NetError) {
                try await SocketStream.connect(path: path).close()
                return .ok("answers")
            } catch {
                return .warning("\(error)", advice: advice)
            }
        }
    }
}
