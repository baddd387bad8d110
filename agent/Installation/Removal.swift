// Takes an installed agent away again: all that `install` made, each thing with a line.
// Invariant: the state stays unless it is to be purged, and the user stays with it, so that nobody
// who gets the user's number later owns the agent's key.
import Crypto
import Glibc
import Loop

/// The steps of `uninstall` at one place.
@IO struct Removal {
    let layout: Layout
    let say: @IO (String) -> Void

    /// Takes everything away; returns what could not be.
    func all(purges: Bool) async -> [String] {
        var failures: [String] = []
        for service in Service.allCases where Self.isOf(service, layout) {
            let path = service.file(layout).path
            guard Service.exists(path) else { continue }
            for words in service.ending(layout) { _ = await SystemCommand.run(words) }
            if service == .loop {
                if await Crontab.remove(service.cronLine(layout), layout) {
                    say("removed the line of the crontab that started it at boot")
                }
            }
            if unsafe unlink(path) == 0 {
                say("removed the service (\(service.rawValue)): \(path)")
            } else {
                failures.append("\(path) cannot be removed")
            }
            for words in service.forgetting(layout) { _ = await SystemCommand.run(words) }
        }
        // The loop ends by itself without its program.
        if Service.exists(layout.program) {
            if unsafe unlink(layout.program) == 0 {
                say("removed the program \(layout.program)")
            } else {
                failures.append("\(layout.program) cannot be removed")
            }
        }
        if await Self.endProcess(layout) { say("ended the agent") }
        await removeState(purges, &failures)
        return failures
    }

    private func removeState(_ purges: Bool, _ failures: inout [String]) async {
        let folder = layout.isSystem ? layout.home : layout.data
        let hasUser = layout.isSystem && Installation.account(layout.user) == layout.home
        guard purges else {
            if Service.exists(folder) {
                say(
                    "kept \(folder), with the agent's key and configuration"
                        + (hasUser ? ", and the user \(layout.user), who owns it" : "")
                        + ": homeline-agent uninstall --purge removes \(hasUser ? "both" : "it")")
            }
            return
        }
        if Service.exists(folder) {
            if let reason = await SystemCommand.run(["rm", "-rf", folder]) {
                failures.append(reason)
            } else {
                say("removed \(folder)")
                // The folder of the programs' name, unless a relay of this user is there.
                if !layout.isSystem, let slash = folder.lastIndex(of: "/") {
                    _ = unsafe rmdir(String(folder[..<slash]))
                }
            }
        }
        guard hasUser else { return }
        if let reason = await Installation.removeUser(layout.user) {
            failures.append("the user \(layout.user) cannot be removed: \(reason)")
        } else {
            say("removed the user \(layout.user)")
        }
    }

    /// Whether a way to run the agent belongs to a place.
    private static func isOf(_ service: Service, _ layout: Layout) -> Bool {
        switch service {
        case .systemd, .openRC: layout.isSystem
        case .userSystemd: !layout.isSystem
        case .loop: true
        }
    }

    /// Ends an agent that no service manager has ended; returns whether one ran.
    static func endProcess(_ layout: Layout) async -> Bool {
        let lock = layout.data + "/agent.lock"
        guard FolderLock.isHeld(lock), let status = AgentStatus.read(layout.status),
            isAgent(status.process)
        else { return false }
        kill(status.process, SIGTERM)
        // The agent takes at most 5 s for its calls and commands.
        let end = IO.now + .seconds(8)
        while FolderLock.isHeld(lock) {
            if IO.now > end {
                if isAgent(status.process) { kill(status.process, SIGKILL) }
                break
            }
            try? await IO.sleep(for: .milliseconds(50))
        }
        return true
    }

    /// Whether a process is an agent: its number may have gone to another since.
    private static func isAgent(_ process: Int32) -> Bool {
        let name = try? SecureFile.read("/proc/\(process)/comm", limit: 64)
        return name.map { String(decoding: $0, as: UTF8.self) } == "homeline-agent\n"
    }
}
