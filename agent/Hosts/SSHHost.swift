// A target behind SSH as a host: each operation is a channel on a shared link of the pool.
// Invariant: a command is ended with everything that it started, which a second channel finds by
// its mark, as OpenSSH refuses signals where root logs in.
import Configuration
import Loop
import Net
import SSH
import Terminal
import Wire

/// A host behind SSH.
@IO struct SSHHost: Host {
    let target: SSHTarget
    let names: [String]
    let options: LinkOptions
    let links: Links
    let closedFiles: (@IO () async -> ClosedFiles)?
    let confirm: @IO @Sendable () async throws(Fault) -> Void

    var address: TargetName { target.address }
    var machine: String {
        (target.via + [target]).map { "\($0.hostname):\($0.port)" }.joined(separator: " ")
    }

    func shell(_ terminal: TerminalSize) async throws(Fault) -> HostShell {
        let (channel, link) = try await links.shell(on: target, options, terminal: terminal)
        let key = link.server.hostKey.map { "\($0.name) \($0.fingerprint)" }
        return Self.shell(channel, probes: links.probes(of: link), hostKey: key)
    }

    /// A channel on which a shell has been started; `probes` is that of its link.
    static func shell(
        _ channel: Channel, probes: ProbeChannel? = nil, hostKey: String? = nil
    ) -> HostShell {
        return HostShell(channel, hostKey: hostKey) {
            await probes?.ask($0)
        } findsLogin: { [weak channel] in
            guard let channel, let probes else { return .hidden }
            return await probes.findLogin(on: channel)
        }
    }

    func execute(
        _ command: CommandText, mark id: String
    ) async throws(Fault) -> CommandProcess {
        let command = target.hasShell && command.hasShell ? command : try command.withoutShell
        let terminal = command.hasTerminal ? CommandText.terminal : nil
        let (channel, link) = try await links.execute(on: target, options, terminal: terminal) {
            command.wrapped(
                mark: id, isMarked: command.isMarked && CommandText.isUnix($0.server.version))
        }
        let isUnix = command.hasShell && CommandText.isUnix(link.server.version)
        let (links, target, options) = (links, target, options)
        return CommandProcess(channel) { signal, grace in
            if command.isMarked { channel.signal(signal) }
            guard isUnix else { return .gone }
            let script = Sweep.script(mark: id, signal: signal, grace: grace)
            return await Sweep.run(grace: grace) {
                try? await links.execute(on: target, options) { _ in CommandText.throughSh(script) }
                    .channel
            }
        }
    }

    func reach() async throws(Fault) { try await links.reach(target, options) }

    func connect(
        to place: Configuration.Address, admits: @IO ([String]) throws(Fault) -> Void
    ) async throws(Fault) -> any ByteStream {
        try await links.stream(on: target, options, to: place.host, port: place.port)
    }

    func listen(
        on place: Configuration.Address, _ accepted: @escaping @IO (any ByteStream) -> Void,
        ended: @escaping @IO (String) -> Void
    ) async throws(Fault) -> HostListener {
        let listener = try await links.listen(
            on: target, options, host: place.host, port: place.port)
        listener.onAccept = { accepted(ChannelStream($0, peer: "a client of the target")) }
        listener.onEnd = { ended("\($0)") }
        let real = Address(host: place.host, port: listener.port)
        return HostListener(address: real.description, port: listener.port) { listener.close() }
    }

    func files<T>(
        _ body: @IO (any FileStore) async throws(Fault) -> T
    ) async throws(Fault) -> T {
        try await links.files(
            on: target, options,
            canDoWithout: { target.hasShell && CommandText.isUnix($0.server.version) }
        ) { files throws(Fault) in
            if let files { return try await body(files) }
            return try await body(
                ShellFiles { [links, target, options] script throws(Fault) in
                    try await links.execute(on: target, options) { _ in
                        CommandText.throughSh(script)
                    }.channel
                })
        }
    }
}
