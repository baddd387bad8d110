// TCP over a link: connections that the server makes for us, and ports on which it listens for us.
// Flow: forwards and links through a jump host ask here. Invariant: what streams that nobody reads
// make libssh2 keep stays below what a link may hold (`LinkLimits.heldByLink`).
internal import CSSH2
internal import Loop

extension Link {
    /// Streams with the full window: downloads, of which few run at once.
    private static let wideStreams = 4
    /// The window of every further stream: 128 of them, unread, keep 16 MiB.
    private static let narrowWindow: UInt32 = 128 << 10

    /// Connects from the server to `host`:`port`, as the server sees them.
    ///
    /// The channel is paused: set its callbacks, `resume`.
    public func openStream(to host: String, port: UInt16) async throws(SSHError) -> Channel {
        let address = host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        let isNarrow = streamCount >= Self.wideStreams
        let window = isNarrow ? Self.narrowWindow : configuration.limits.window
        // RFC 4254 §7.2: where to connect, and from where the connection came.
        let place = Self.place(host, port) + Self.place("127.0.0.1", 0)
        return try await opened { opening in
            let session = self.session
            var reason = ""
            let code = await self.perform {
                let raw = place.withUnsafeBytes { bytes in
                    hl_ssh_open_stream(
                        session.raw, window, bytes.baseAddress, UInt32(bytes.count))
                }
                if let raw {
                    opening.channel = self.take(raw, .stream)
                    return 0
                }
                reason = session.lastError
                return libssh2_session_last_errno(session.raw)
            }
            if let channel = opening.channel { return self.deliver(channel, opening) }
            if code != LIBSSH2_ERROR_CHANNEL_FAILURE { self.broke(code) }
            return .failure(
                self.failure
                    ?? .streamRefused(
                        address: address, isForbidden: reason.contains("prohibited"),
                        reason: reason))
        }
    }

    private static func place(_ host: String, _ port: UInt16) -> [UInt8] {
        func number(_ value: UInt32) -> [UInt8] {
            [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
        }
        return number(UInt32(host.utf8.count)) + Array(host.utf8) + number(UInt32(port))
    }
}
