// A shell at a target: an SSH channel with a terminal, as a session's transport.
import Loop
import SSH
import Terminal

/// A remote terminal.
@IO final class RemoteShell: ShellTransport {
    var onOutput: (@IO ([UInt8]) -> Void)? {
        get { channel.onOutput }
        set { channel.onOutput = newValue }
    }
    var onEnd: (@IO (ShellEnd) -> Void)?
    var unsent: Int { channel.unsent }

    private let channel: Channel
    private let probes: ProbeChannel?

    /// Takes over a channel on which a shell has been started; `probes` is that of its link.
    init(_ channel: Channel, probes: ProbeChannel? = nil) {
        self.channel = channel
        self.probes = probes
        channel.onEnd = { [weak self] end in
            let shellEnd: ShellEnd =
                switch end {
                case .exited(let code): .exited(code)
                case .signalled(let name): .signalled(name)
                case .lost(let reason): .lost(reason)
                }
            self?.onEnd?(shellEnd)
        }
    }

    func write(_ bytes: [UInt8]) { channel.write(bytes) }
    func pause() { channel.pause() }
    func resume() { channel.resume() }
    func resize(columns: UInt16, rows: UInt16) { channel.resize(columns: columns, rows: rows) }
    func close() { channel.close() }

    func ask(_ question: Probe.Question) async -> [UInt8]? { await probes?.ask(question) }
}
