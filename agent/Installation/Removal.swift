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
        var removed: [Service] = []
        let agent = Self.agent(layout)
        for service in Service.allCases where Self.isOf(service, layout) {
            let path = service.file(layout).path
            guard Service.exists(path) else { continue }
            for words in service.ending(layout) { _ = await SystemCommand.run(words) }
            if service == .loop {
                switch await Crontab.remove(service.cronLine(layout), layout) {
                case .removed: say("removed the line of the crontab that started it at boot")
                case .absent: break
                case .failed(let reason):
                    failures.append("the crontab may still name \(path): \(reason)")
                }
            }
            if unsafe unlink(path) == 0 {
                say("removed the service (\(service.rawValue)): \(path)")
            } else {
                failures.append("\(path) cannot be removed")
            }
            removed.append(service)
        }
        // The loop ends by itself without its program.
        if Service.exists(layout.program) {
            if unsafe unlink(layout.program) == 0 {
                say("removed the program \(layout.program)")
            } else {
                failures.append("\(layout.program) cannot be removed")
            }
        }
        // The agent ends last: this may run in one of its sessions, which ends with it. It writes
        // nothing more once its folder is gone.
        await removeState(purges, &failures)
        for service in removed {
            for words in service.forgetting(layout) { _ = await SystemCommand.run(words) }
        }
        if let agent, await Self.end(agent) { say("ended the agent") }
        if purges { await removeUser(&failures) }
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
            var reason = await SystemCommand.run(["rm", "-rf", folder])
            // Once more: the agent may have written something there in between.
            if reason != nil { reason = await SystemCommand.run(["rm", "-rf", folder]) }
            if let reason {
                failures.append(reason)
            } else {
                say("removed \(folder)")
                // The folder of the programs' name, unless a relay of this user is there.
                if !layout.isSystem, let slash = folder.lastIndex(of: "/") {
                    _ = unsafe rmdir(String(folder[..<slash]))
                }
            }
        }
    }

    private func removeUser(_ failures: inout [String]) async {
        guard layout.isSystem, Installation.account(layout.user) == layout.home else { return }
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

    /// The running agent's process.
    static func agent(_ layout: Layout) -> Int32? {
        guard FolderLock.isHeld(layout.data + "/agent.lock"),
            let status = AgentStatus.read(layout.status), isAgent(status.process)
        else { return nil }
        return status.process
    }

    /// Ends an agent that no service manager has ended; returns whether it ran.
    static func end(_ agent: Int32) async -> Bool {
        guard isAgent(agent) else { return false }
        kill(agent, SIGTERM)
        // The agent takes at most 5 s for its calls and commands.
        let end = IO.now + .seconds(8)
        while isAgent(agent) {
            if IO.now > end {
                kill(agent, SIGKILL)
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
