// Where an installed agent has what it needs: for the whole machine, or for one user.
// Invariant: the agent's state is where every command finds it without a flag, below the home of
// the user it runs as.
import Crypto
import Glibc
import Loop

/// The places of an installed agent.
struct Layout: Sendable, Equatable {
    /// Whether it serves the machine, under a user of its own, rather than one user.
    let isSystem: Bool
    /// The user it runs as.
    let user: String
    /// That user's home folder.
    let home: String
    /// The installed program.
    let program: String
    /// The agent's state folder.
    let data: String
    /// The state folder of the user's programs where it is not the usual one: a service and cron
    /// have another environment than the shell of whoever installs.
    var stateHome: String? {
        let below = "/homeline/agent"
        guard data.hasSuffix(below) else { return nil }
        let folder = String(data.dropLast(below.count))
        return folder == home + "/.local/state" ? nil : folder
    }
    /// What it writes where no service manager keeps a log.
    var log: String { data + "/log" }
    /// The process of the loop that keeps it running where no service manager does.
    var loop: String { data + "/loop" }
    /// What the running agent says of itself.
    var status: String { data + "/status" }
    /// The environment of what runs as that user.
    var environment: [String: String] {
        var environment = Process.environment
        if isSystem {
            for name in ["XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR", "MAIL"] {
                environment[name] = nil
            }
            environment["USER"] = user
            environment["LOGNAME"] = user
        }
        environment["HOME"] = home
        return environment
    }

    /// The command by which this process's user runs a shell's text as the agent's user.
    func asUser(_ text: String) -> [String] {
        // `su` takes the user's shell, HOME and groups along.
        isSystem ? ["su", "-s", "/bin/sh", user, "-c", text] : ["/bin/sh", "-c", text]
    }

    /// The system's: a user of its own, whose home holds all that it keeps.
    static let system = Layout(
        isSystem: true, user: "homeline", home: "/var/lib/homeline-agent",
        program: "/usr/local/bin/homeline-agent",
        data: "/var/lib/homeline-agent/.local/state/homeline/agent")

    /// That of the user who runs this process; nil without a home.
    static func own(user: String) -> Layout? {
        guard let home = Process.environment["HOME"], home.hasPrefix("/"),
            let data = Process.stateFolder("homeline/agent")
        else { return nil }
        return Layout(
            isSystem: false, user: user, home: home, program: home + "/.local/bin/homeline-agent",
            data: data)
    }

    /// This place with the state folder of the agent that is installed there.
    ///
    /// The service says which folder that is: the environment of the shell may have changed since.
    var installed: Layout {
        guard !isSystem else { return self }
        for service in [Service.userSystemd, .loop] {
            guard let bytes = try? SecureFile.read(service.file(self).path) else { continue }
            let folder =
                service.stateHome(in: String(decoding: bytes, as: UTF8.self))
                ?? home + "/.local/state"
            return Layout(
                isSystem: false, user: user, home: home, program: program,
                data: folder + "/homeline/agent")
        }
        return self
    }
}
