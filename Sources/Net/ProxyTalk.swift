// A dialogue with a proxy over a connected socket. Invariant: what comes after the proxy's answer
// stays in the socket for who owns it afterwards.
internal import Crypto
import Glibc
import Loop

/// One dialogue on one socket, which stays its owner's.
@IO final class ProxyTalk {
    private let socket: Int32
    private var dialogue: any ProxyDialogue
    private var readiness: Readiness?
    private let outcome = Once<ProxyFailure?>()

    init(_ socket: Int32, _ dialogue: any ProxyDialogue) {
        (self.socket, self.dialogue) = (socket, dialogue)
    }

    /// Talks until the connection is made (nil) or refused.
    func run() async -> ProxyFailure? {
        guard let readiness = try? Readiness(descriptor: socket) else {
            return .unreachable(reason: "too many open files")
        }
        self.readiness = readiness
        readiness.watch(.write) { [weak self] _ in self?.advance() }
        return await outcome.wait()
    }

    /// Ends the talk; the socket may be closed then.
    func abandon() { end(.silent) }

    private func advance() {
        do throws(ProxyFailure) {
            while outcome.value == nil {
                guard try send(), try receive() else { return }
            }
        } catch {
            end(error)
        }
    }

    /// Sends what there is; false when the socket takes no more now.
    private func send() throws(ProxyFailure) -> Bool {
        while !dialogue.unsent.isEmpty {
            let count = Glibc.send(
                socket, dialogue.unsent, dialogue.unsent.count, Int32(MSG_NOSIGNAL))
            if count < 0, errno == EINTR { continue }
            if count < 0, errno == EAGAIN {
                readiness?.watch(.write)
                return false
            }
            guard count > 0 else { throw .ended }
            // It may hold the password.
            var sent = dialogue.unsent
            dialogue.unsent = Array(sent.dropFirst(count))
            sent.wipe()
        }
        readiness?.watch(.read)
        return true
    }

    /// Takes the bytes of the answer that have come; false when none are left to take.
    private func receive() throws(ProxyFailure) -> Bool {
        var space = [UInt8](repeating: 0, count: 1024)
        let count = recv(socket, &space, space.count, Int32(MSG_PEEK))
        if count < 0, errno == EAGAIN || errno == EINTR { return false }
        guard count > 0 else { throw .ended }
        var taken = 0
        while taken < count, !dialogue.isOpen, dialogue.unsent.isEmpty {
            try dialogue.take(space[taken])
            taken += 1
        }
        guard recv(socket, &space, taken, 0) == taken else { throw .ended }
        if dialogue.isOpen { end(nil) }
        return true
    }

    private func end(_ failure: ProxyFailure?) {
        readiness?.close()
        readiness = nil
        outcome.set(failure)
    }
}
