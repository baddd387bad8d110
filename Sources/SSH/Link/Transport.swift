// The byte stream under libssh2's session, through its SEND and RECV callbacks. What libssh2 sends
// is accepted at once and buffered here, so that no send reports EAGAIN: an operation left half
// sent would block the session for good. Callers hold data back while `unsent` is large. Invariant:
// one thread at a time, the one that drives the session.
import Glibc
internal import Loop

/// Carries a session: an output buffer over something that takes and delivers bytes.
class Transport {
    enum State: Equatable {
        case open
        /// The peer is gone: what libssh2 has received can still be read, nothing more comes.
        case drained
        /// Every read and write fails, so that libssh2 frees without waiting.
        case shut
    }

    /// Unsent bytes above which nothing more is read, to hold off a peer that sends but does not
    /// read.
    static let outputLimit = 4 << 20

    /// The least that a read takes of a turn's allowance, in bytes: a call takes about as long as
    /// it takes to decrypt them.
    private static let callPrice = 64

    private(set) var state = State.open
    /// There may be something to read; cleared when there is not, set by what wakes the link.
    final var mayRead = true
    /// Nothing is read for now, though there may be something (see Channel's requests).
    final var isHeld = false
    /// Nothing is read until the link has rested from a slow key exchange.
    final var isResting = false
    /// Bytes that may still be read in this turn of the loop.
    final var allowance = Slice.bytes
    /// Bytes received so far: the sign of life.
    final private(set) var received: UInt64 = 0
    /// Whether the login is over: until then a server has keys to agree on and a login to answer.
    final private var isLoggedIn = false
    /// Bytes libssh2 has sent so far.
    final private(set) var accepted: UInt64 = 0
    /// Why it is drained.
    final private(set) var failure = ""
    /// Reads what the server sends in the clear; nil when the login is over.
    final var firstExchange: FirstExchange?
    /// Why the server was not spoken with any further in the first key exchange.
    final private(set) var refusal: FirstExchange.Refusal?
    private var output: [UInt8] = []
    private var sent = 0

    /// The socket at the bottom, which libssh2 requires.
    var descriptor: Int32 { -1 }

    /// Bytes that libssh2 has sent and that are still buffered here.
    final var unsent: Int { output.count - sent }

    /// The login is over.
    final func loggedIn() {
        firstExchange = nil
        isLoggedIn = true
    }

    /// Passes bytes on; returns how many were taken.
    func write(_ bytes: UnsafeRawBufferPointer) -> Int { 0 }

    /// Fills the buffer; 0: nothing there now; the end of the stream is reported by `drain`.
    func read(_ bytes: UnsafeMutableRawBufferPointer) -> Int { 0 }

    /// Takes all of `bytes`; negative errno once shut.
    final func send(_ bytes: UnsafeRawBufferPointer) -> Int {
        switch state {
        case .shut: return -Int(EPIPE)
        case .drained: return bytes.count
        case .open: break
        }
        accepted += UInt64(bytes.count)
        var taken = 0
        if unsent == 0 { taken = write(bytes) }
        if taken < bytes.count {
            output.append(contentsOf: UnsafeRawBufferPointer(rebasing: bytes[taken...]))
        }
        return bytes.count
    }

    /// Bytes read, or negative errno; the end of the stream shows as `state`, not here.
    final func receive(_ bytes: UnsafeMutableRawBufferPointer) -> Int {
        switch state {
        case .shut: return -Int(EPIPE)
        case .drained: return -Int(EAGAIN)
        case .open: break
        }
        guard mayRead, !isHeld, !isResting, allowance > 0, unsent < Self.outputLimit else {
            return -Int(EAGAIN)
        }
        let count = read(bytes)
        if count < bytes.count { mayRead = false }
        guard count > 0 else { return -Int(EAGAIN) }
        received += UInt64(count)
        // libssh2 reads what comes before the version byte by byte: a call has its price, too.
        allowance -= max(count, Self.callPrice)
        if !isLoggedIn {
            if let excess = excess(UnsafeRawBufferPointer(rebasing: bytes[..<count])) {
                drain(excess)
                return -Int(EAGAIN)
            }
        }
        return count
    }

    /// Why the server has sent too much, or the wrong, before the login was over; nil if it has
    /// not.
    private func excess(_ bytes: UnsafeRawBufferPointer) -> String? {
        if received > LinkLimits.beforeLogin {
            return
                "the server sent more than \(LinkLimits.beforeLogin) bytes before the login was over"
        }
        refusal = firstExchange?.take(bytes)
        return refusal?.description
    }

    /// Passes on buffered bytes, as many as are taken.
    final func flush() {
        guard state == .open, unsent > 0 else { return }
        sent += output.withUnsafeBytes { write(UnsafeRawBufferPointer(rebasing: $0[sent...])) }
        guard state == .open else { return }
        if sent == output.count {
            output.removeAll(keepingCapacity: output.capacity <= 1 << 17)
            sent = 0
        } else if sent > 1 << 18 {
            output.removeFirst(sent)
            sent = 0
        }
    }

    final func drain(_ reason: String) {
        guard state == .open else { return }
        state = .drained
        failure = reason
        output = []
        sent = 0
    }

    /// From now on libssh2 gets errors instead of EAGAIN.
    func close() { state = .shut }
}
