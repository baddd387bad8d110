// The agent's own machine as a host: programs are its children, with the login shell of its user.
// Invariant: the agent's own settings, some of them secret, are in no program's environment.
import Glibc
import Configuration
import Loop
import Net
import Programs
import SSH
import Terminal
import Wire

/// This machine.
@IO struct LocalHost: Host {
    let place: Place
    let closedFiles: (@IO () async -> ClosedFiles)?
    let confirm: @IO @Sendable () async throws(Fault) -> Void

    var names: [String] { ["local"] }
    var address: TargetName { .local }
    var machine: String { "local" }

    func shell(_ terminal: TerminalSize) async throws(Fault) -> HostShell {
        let user = UserAccount.current
        var environment = environment
        environment["TERM"] = terminal.kind
        let home = Self.usable(user.home)
        environment["HOME"] = home
        environment["SHELL"] = user.shell
        // Variables of the terminal in which the agent itself may have been started.
        for name in ["TMUX", "STY", "SSH_TTY", "COLUMNS", "LINES"] { environment[name] = nil }
        let name = user.shell.split(separator: "/").last.map(String.init) ?? "sh"
        do throws(LoopError) {
            return try Self.shell(
                path: user.shell, arguments: ["-" + name], environment: environment,
                directory: home, columns: terminal.columns, rows: terminal.rows)
        } catch {
            throw Fault(.shellUnusable, "cannot start \(user.shell) on this machine: \(error)")
        }
    }

    /// A program on a new terminal; `arguments` includes the name it sees (`-bash`).
    static func shell(
        path: String, arguments: [String], environment: [String: String],
        directory: String? = nil, columns: UInt16 = UInt16(OpenSession.defaultColumns),
        rows: UInt16 = 50
    ) throws(LoopError) -> HostShell {
        let terminal = try PTY.spawn(
            path: path, arguments: arguments, environment: environment, directory: directory,
            columns: columns, rows: rows)
        let isLogin = arguments.first?.hasPrefix("-") ?? false
        let name = isLogin ? path.split(separator: "/").last.map(String.init) : nil
        let login = terminal.terminal.flatMap {
            LoginShell(process: Int(terminal.pid), terminal: $0, name: name)
        }
        return HostShell(terminal, asks: ask) { login.map { .found($0) } ?? .hidden }
    }

    private static func ask(_ question: Probe.Question) async -> [UInt8]? {
        let script = Array((Probe.definitions + question.line).utf8)
        return try? await Child.run("/bin/sh", [], input: script, deadline: .seconds(5)).output
    }

    func execute(
        _ command: CommandText, mark id: String
    ) async throws(Fault) -> CommandProcess {
        let command = command.hasShell ? command : try command.withoutShell
        var environment = environment
        let home = Self.usable(place.home)
        environment["HOME"] = home
        let shell = UserAccount.current.shell
        // No line of the shell's is needed for it, which people would see in lists of processes.
        if command.isMarked { environment[CommandText.mark] = id }
        let text = command.wrapped(mark: id, isMarked: false)
        do throws(LoopError) {
            let program: any RunningProgram
            if command.hasTerminal {
                environment["TERM"] = "dumb"
                program = try PTY.spawn(
                    path: shell, arguments: [shell, "-c", text], environment: environment,
                    directory: home, columns: CommandText.terminal.columns,
                    rows: CommandText.terminal.rows)
            } else {
                program = try ChildStream(
                    path: shell, arguments: ["-c", text], environment: environment,
                    directory: home)
            }
            let leader =
                !command.isMarked ? nil : (program as? PTY)?.pid ?? (program as? ChildStream)?.pid
            return CommandProcess(program) { signal, grace in
                let script = Sweep.script(mark: id, signal: signal, grace: grace, leader: leader)
                return await Sweep.run(grace: grace) {
                    try? ChildStream(
                        path: "/bin/sh", arguments: ["-c", script],
                        environment: Process.environment)
                }
            }
        } catch {
            throw Fault(.unavailable, "the agent cannot start a shell: \(error)")
        }
    }

    func reach() async throws(Fault) {}

    /// The limit for each address: a host that drops packets must not hold a client for long.
    private static let connectTime = Duration.seconds(10)

    func connect(
        to place: Configuration.Address, admits: @IO ([String]) throws(Fault) -> Void
    ) async throws(Fault) -> any ByteStream {
        try await confirm()
        let addresses: [SocketAddress]
        do throws(LoopError) {
            addresses = try await DNS.resolve(place.host, port: place.port)
        } catch {
            throw Fault(
                .nameNotFound, "this agent's machine cannot look up \(place.host): \(error)")
        }
        try admits(addresses.map(\.host))
        var failure = Fault(.nameNotFound, "\(place.host) has no address")
        for address in addresses.prefix(4) {
            do throws(NetError) {
                return try await SocketStream.connect(to: address, deadline: Self.connectTime)
            } catch {
                failure = Fault(error)
            }
        }
        throw failure
    }

    func listen(
        on place: Configuration.Address, _ accepted: @escaping @IO (any ByteStream) -> Void,
        ended: @escaping @IO (String) -> Void
    ) async throws(Fault) -> HostListener {
        let host = place.host == "localhost" ? "127.0.0.1" : place.host
        guard let address = SocketAddress(ip: host, port: place.port) else {
            throw Fault(
                .invalidArgument,
                "\"listen\" must be an IP address of this machine or localhost, not \(place.host)")
        }
        do throws(NetError) {
            let listener = try Listener.tcp(address) { accepted($0) }
            return HostListener(
                address: listener.address?.description ?? place.description,
                port: listener.address?.port ?? place.port
            ) { listener.close() }
        } catch {
            throw Fault(
                .unavailable,
                "\(error): choose another port, or port 0 for a free one, in \"listen\"")
        }
    }

    func files<T>(
        _ body: @IO (any FileStore) async throws(Fault) -> T
    ) async throws(Fault) -> T {
        try await body(
            LocalFiles(
                home: Self.usable(place.home),
                closed: await closedFiles?() ?? ClosedFiles(patterns: [])))
    }

    /// The home folder that programs get: `/` in place of one that cannot be entered.
    ///
    /// Users of services often have none. It is looked at each time, as it may be mounted later.
    static func usable(_ home: String) -> String {
        unsafe home.hasPrefix("/") && access(home + "/.", X_OK) == 0 ? home : "/"
    }

    private var environment: [String: String] {
        place.environment.filter { !$0.key.hasPrefix("HOMELINE_") }
    }
}

extension Fault {
    /// The fault for a connection that this machine could not make.
    fileprivate init(_ error: NetError) {
        let code: Code =
            switch error {
            case .refused: .connectionRefused
            case .timedOut: .timedOut
            case .nameNotFound, .nameLookupFailed: .nameNotFound
            case .unreachable, .closed, .silent, .notTLS, .badWebSocket, .tls, .wrongPin,
                .untrusted, .proxy, .cannotListen, .badCredentials:
                .unreachable
            }
        self.init(code, "\(error)")
    }
}
