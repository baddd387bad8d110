// The process of a ProxyCommand (ssh_config(5)): its standard input and output are one end of a
// socket pair, the link has the other. Invariant: it ends with the link, as does everything it
// started.
import Glibc
internal import Loop

/// A process that carries a link.
@IO final class ProxyProcess {
    private let child: ChildStream
    /// The end of its standard error, at most 400 bytes: it explains a failed connection.
    private(set) var words = ""
    private var tail: [UInt8] = []

    /// Starts `command` with the user's shell, as ssh does; the second result is the link's end of
    /// the pair.
    static func start(
        _ command: String, environment: [String: String] = Process.environment
    ) throws(SSHError) -> (ProxyProcess, descriptor: Int32) {
        var ends: [Int32] = [-1, -1]
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, kind, 0, &ends) == 0 else {
            throw .local(reason: "no socket pair: \(String(cString: strerror(errno)))")
        }
        defer { close(ends[1]) }
        do throws(LoopError) {
            let shell = environment["SHELL"].flatMap { $0.isEmpty ? nil : $0 } ?? "/bin/sh"
            let child = try ChildStream(
                path: shell, arguments: ["-c", "exec \(command)"], environment: environment,
                socket: ends[1])
            _ = fcntl(ends[0], F_SETFL, O_NONBLOCK)
            return (ProxyProcess(child), ends[0])
        } catch {
            close(ends[0])
            throw .local(reason: "the ProxyCommand cannot be started: \(error)")
        }
    }

    private init(_ child: ChildStream) {
        self.child = child
        child.onErrorOutput = { [weak self] in self?.hear($0) }
        child.resume()
    }

    /// Ends it.
    func end() { child.signal("HUP") }

    private func hear(_ bytes: [UInt8]) {
        tail = Array((tail + bytes).suffix(400))
        let lines = String(decoding: tail, as: UTF8.self).split(whereSeparator: \.isNewline)
        words = lines.last.map { String($0.unicodeScalars.filter { $0.value >= 32 }) } ?? ""
    }
}
