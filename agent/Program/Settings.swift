// Every setting and command of homeline-agent, each declared once.
import Configuration
import Loop

/// The command line, environment and agent.conf of the agent.
enum Settings {
    static let data = Setting.text("data", "DIR", "where the agent keeps its state")
    static let config = Setting.text("config", "FILE", "the configuration (default DIR/agent.conf)")
    static let name = Setting.text(
        "name", "NAME", "the name to have at the relay (default: the host's)", flagOnly: true)
    static let tags = Setting.list("tags", "A,B", "tags to add to the invitation's", flagOnly: true)

    static let program = Program(
        "homeline-agent", version: Machine.version,
        summary: "Keeps SSH sessions to the hosts around this machine and serves them to a relay.",
        commands: [
            Command(
                "join", "Join a relay by the invitation it printed.",
                settings: [data, name, tags], positionals: [.required("INVITATION")]),
            Command("run", "Connect to the relay and serve it.", settings: [data, config]),
        ])

    /// The state folder: the flag, or the XDG state folder.
    static func folder(_ options: Options) throws(CommandFailure) -> String {
        if let given = options.string(data) { return given }
        guard let folder = Process.stateFolder("homeline/agent") else {
            throw CommandFailure("give --data DIR: there is no HOME here", ExitCode.usage)
        }
        return folder
    }
}
