// Tells when this machine's network changes: an address, a link or a route came or went (Linux:
// rtnetlink(7)). Invariant: what the kernel sends is read and dropped; only that it came counts.
internal import CUV
import Glibc

/// Watches the addresses, links and routes of this machine.
@IO public final class NetworkWatch {
    private let descriptor: Int32
    private var readiness: Readiness?

    /// Starts the watch; nil where the system offers none.
    ///
    /// One change of the network is several events.
    public init?(_ changed: @escaping @IO () -> Void) {
        descriptor = hl_network_watch()
        guard descriptor >= 0 else { return nil }
        guard let readiness = try? Readiness(descriptor: descriptor) else {
            close(descriptor)
            return nil
        }
        self.readiness = readiness
        readiness.watch(.read) { [weak self] _ in
            self?.drain()
            changed()
        }
    }

    /// The most messages that are read in one turn of the loop.
    private static let burst = 64

    private func drain() {
        var buffer = [UInt8](repeating: 0, count: 8192)
        for _ in 0..<Self.burst {
            // Messages that found no room are reported as ENOBUFS once: a change, too.
            let count = recv(descriptor, &buffer, buffer.count, 0)
            if count <= 0, errno != ENOBUFS { return }
        }
    }

    isolated deinit {
        readiness?.close()
        if descriptor >= 0 { close(descriptor) }
    }
}
