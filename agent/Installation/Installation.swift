// The steps by which this program makes itself a service of the machine. `install` takes them in
// order; each notes how it is taken back. Invariant: a step that fails has changed nothing, and an
// agent that ran before runs again.
import Crypto
import Glibc
import JSON
import Loop

/// Why a step cannot be taken.
enum InstallationError: Error, Equatable, CustomStringConvertible {
    /// The running program cannot be read.
    case noProgram(String)
    /// A file or folder cannot be made.
    case file(String)
    /// A program that was copied does not run.
    case doesNotRun(program: String, reason: String)
    /// Another account has the name of the agent's user.
    case foreignUser(name: String, home: String)
    /// A command of the machine failed.
    case command(String)

    var description: String {
        switch self {
        case .noProgram(let reason): "this program cannot read itself: \(reason)"
        case .file(let reason): reason
        case .doesNotRun(let program, let reason):
            "\(program) does not run there (\(reason)): is its folder mounted noexec?"
        case .foreignUser(let name, let home):
            "there is a user \(name) already, whose home is \(home): it is not this agent's"
        case .command(let reason): reason
        }
    }
}

/// The steps of an installation at one place.
@IO struct Installation {
    let layout: Layout
    let undo = Undo()

    /// Whether the program is there.
    var isInstalled: Bool { Service.exists(layout.program) }

    /// Copies the running program to its place; nothing if the same bytes are there.
    ///
    /// Returns whether it was copied.
    func placeProgram() async throws(InstallationError) -> Bool {
        guard let own = Process.programPath else { throw .noProgram("/proc is not mounted") }
        let program = layout.program
        let bytes: [UInt8]
        let old: [UInt8]?
        do throws(CryptoError) {
            bytes = try SecureFile.read(own, limit: Self.programLimit)
            old = try SecureFile.readIfPresent(program, limit: Self.programLimit)
        } catch { throw .noProgram("\(error)") }
        if old == bytes { return false }
        try makeFolder(Self.folder(of: program), isShared: layout.isSystem)
        do throws(CryptoError) { try SecureFile.write(program, bytes, mode: 0o755) } catch {
            throw .file("the program cannot be written: \(error)")
        }
        undo.add {
            if let old {
                try? SecureFile.write(program, old, mode: 0o755)
            } else {
                _ = unsafe unlink(program)
            }
        }
        if let reason = await SystemCommand.run([program, "--version"]) {
            throw .doesNotRun(program: program, reason: reason)
        }
        return true
    }

    /// The most bytes of the program: a debug build has 100 MB.
    private static let programLimit = 256 << 20

    /// Makes the user that the agent runs as, where the machine has none.
    func makeUser() async throws(InstallationError) {
        guard layout.isSystem else { return }
        let (name, home) = (layout.user, layout.home)
        if let entry = Self.account(name) {
            guard entry == home else { throw .foreignUser(name: name, home: entry) }
            return
        }
        // A shell, as sessions on this machine run it; without a password nobody logs in.
        let shell = Service.exists("/bin/bash") ? "/bin/bash" : "/bin/sh"
        let useradd = await SystemCommand.run([
            "useradd", "--system", "--user-group", "--no-create-home", "--home-dir", home,
            "--shell", shell, name,
        ])
        if let reason = useradd {
            // BusyBox has adduser alone, with other flags.
            _ = await SystemCommand.run(["addgroup", "-S", name])
            let adduser = await SystemCommand.run([
                "adduser", "-S", "-D", "-H", "-h", home, "-s", shell, "-G", name, name,
            ])
            // Debian's adduser takes `-h` for a wish for help, and ends well.
            if let also = adduser ?? (Self.account(name) == nil ? "adduser makes no user" : nil) {
                _ = await SystemCommand.run(["delgroup", name])
                throw .command(
                    "the user \(name) cannot be made: \(reason); \(also); with --user the agent runs as"
                        + " the user who installs it")
            }
        }
        undo.add { _ = await Self.removeUser(name) }
    }

    /// The home folder of a user of this machine; nil: there is none of this name.
    static func account(_ name: String) -> String? {
        guard let entry = unsafe getpwnam(name) else { return nil }
        return unsafe String(cString: entry.pointee.pw_dir)
    }

    /// Removes a user; returns why that failed.
    static func removeUser(_ name: String) async -> String? {
        guard let reason = await SystemCommand.run(["userdel", name]) else { return nil }
        guard await SystemCommand.run(["deluser", name]) == nil else { return reason }
        _ = await SystemCommand.run(["delgroup", name])
        return nil
    }

    /// Makes the home of the agent's user, and gives it to that user.
    func makeHome() async throws(InstallationError) {
        guard layout.isSystem else { return }
        try makeFolder(Self.folder(of: layout.home), isShared: true)
        try makeFolder(layout.home)
        var found = stat()
        guard unsafe stat(layout.home, &found) == 0, found.st_uid == 0 else { return }
        let words = ["chown", "-hR", "\(layout.user):", layout.home]
        if let reason = await SystemCommand.run(words) { throw .command(reason) }
    }

    /// Makes the folder that holds the agent's state, and has it taken back if there was none.
    func makeData() async throws(InstallationError) {
        try await UserRights.run(of: layout) { () throws(InstallationError) in
            try makeFolder(layout.data)
        }
    }

    private static func folder(of file: String) -> String {
        String(file[..<(file.lastIndex(of: "/") ?? file.startIndex)])
    }

    /// Makes a folder; one that is shared is the machine's, which the agent's user must enter.
    private func makeFolder(_ path: String, isShared: Bool = false) throws(InstallationError) {
        // The first folder that is not there goes again, with all that is in it.
        var missing: String?
        var made = ""
        for part in path.split(separator: "/") where missing == nil {
            made += "/" + part
            if !Service.exists(made) { missing = made }
        }
        guard let missing else { return }
        do throws(CryptoError) {
            try SecureFile.makeFolder(path, mode: isShared ? 0o755 : 0o700)
        } catch {
            throw .file("the folder cannot be made: \(error)")
        }
        let isUsers = layout.isSystem && missing.hasPrefix(layout.home + "/")
        undo.add { [layout] in
            _ = await SystemCommand.run(
                isUsers
                    ? layout.asUser("rm -rf \(Service.quoted(missing))") : ["rm", "-rf", missing])
        }
    }

    /// Writes the service's file and starts it.
    func startService() async throws(InstallationError) -> Started {
        let (layout, service) = (layout, await Service.found(layout))
        let (path, text, mode) = service.file(layout)
        let old = try? SecureFile.readIfPresent(path)
        let former = Removal.agent(layout)
        let wasConnected = former != nil && AgentStatus.read(layout.status)?.state == .connected
        try makeFolder(Self.folder(of: path), isShared: layout.isSystem)
        do throws(CryptoError) {
            try SecureFile.write(path, Array(text.utf8), mode: mode)
        } catch { throw .file("the service's file cannot be written: \(error)") }
        if old != nil { undo.addLast { await service.start(layout) } }
        undo.add {
            for words in service.ending(layout) { _ = await SystemCommand.run(words) }
            if let old {
                try? SecureFile.write(path, old, mode: mode)
            } else {
                _ = unsafe unlink(path)
            }
            for words in service.forgetting(layout) { _ = await SystemCommand.run(words) }
            if service == .loop { await Self.endLoop(layout, Removal.agent(layout)) }
        }
        if service == .loop { await Self.endLoop(layout, former) }
        await UserRights.run(of: layout) { _ = unsafe unlink(layout.status) }
        if let reason = await service.start(layout) {
            throw .command("the service does not start: \(reason)")
        }
        return Started(service: service, replaces: old != nil, wasConnected: wasConnected)
    }

    /// A service that was started.
    struct Started {
        let service: Service
        /// Whether the machine had that service before.
        let replaces: Bool
        /// Whether the relay had welcomed the agent that ran before.
        let wasConnected: Bool
    }

    /// Ends the loop that runs, and its agent.
    private static func endLoop(_ layout: Layout, _ agent: Int32?) async {
        await UserRights.run(of: layout) {
            try? SecureFile.write(layout.loop, Array("none\n".utf8))
        }
        if let agent { _ = await Removal.end(agent) }
    }

    /// Has the service start at boot, where that is a step of its own; returns what to say if it
    /// does not.
    func startAtBoot(_ service: Service) async -> String? {
        switch service {
        case .systemd, .openRC: return nil
        case .userSystemd:
            guard let reason = await SystemCommand.run(["loginctl", "enable-linger"]) else {
                return nil
            }
            return "it runs only while you are logged in (\(reason)); have root run: "
                + "loginctl enable-linger \(layout.user)"
        case .loop:
            guard let reason = await Crontab.add(service.cronLine(layout), layout) else {
                return nil
            }
            return "it does not start again by itself after a reboot (\(reason)); have "
                + "\(service.file(layout).path) run at boot as \(layout.user)"
        }
    }

    /// Waits until the agent says that it is connected; returns what it says at last.
    ///
    /// Does not wait longer for an agent that has ended for good.
    func connected(_ service: Service, within limit: Duration) async -> AgentStatus? {
        let end = IO.now + limit
        while true {
            let status = AgentStatus.read(layout.status)
            if status?.state == .connected { return status }
            if status?.state == .refused || IO.now > end { return status }
            // Another service's folder may have the file of an earlier loop.
            if service == .loop, loopHasEnded { return status }
            try? await IO.sleep(for: .milliseconds(50))
        }
    }

    /// Whether a loop began and has ended.
    private var loopHasEnded: Bool {
        let bytes = (try? SecureFile.read(layout.loop, limit: 32)) ?? []
        let text = String(decoding: bytes.prefix { $0 != 10 }, as: UTF8.self)
        guard let process = Int32(text), process > 1 else { return false }
        return kill(process, 0) != 0 && errno == ESRCH
    }
}
