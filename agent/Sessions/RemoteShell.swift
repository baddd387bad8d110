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
    private let link: Link?
    /// A host that refused a second channel is not asked again.
    private var refuses = false

    /// Takes over a channel on which a shell has been started; `link` serves a second one.
    init(_ channel: Channel, link: Link? = nil) {
        self.channel = channel
        self.link = link
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

    func ask(_ script: [UInt8]) async -> [UInt8]? {
        guard let link, !refuses else { return nil }
        let answer = await IO.within(.seconds(3)) { () async -> [UInt8]? in
            do throws(SSHError) {
                return await Self.answer(of: try await link.execute("sh"), to: script)
            } catch {
                return nil
            }
        }
        refuses = answer.flatMap { $0 } == nil
        return answer.flatMap { $0 }
    }

    private static func answer(of channel: Channel, to script: [UInt8]) async -> [UInt8]? {
        let over = Once<Bool>()
        var output: [UInt8] = []
        channel.onOutput = { if output.count < 1 << 16 { output += $0 } }
        channel.onEnd = { _ in over.set(true) }
        channel.write(script)
        channel.sendEOF()
        channel.resume()
        let limit = LoopTimer(after: .seconds(2)) { over.set(false) }
        let isWhole = await over.wait()
        limit.cancel()
        channel.close()
        return isWhole ? output : nil
    }
}
