// The only place that dials TCP: resolves a name, races its addresses, and asks a proxy for the
// way where there is one, all under one deadline. SSH takes the connected descriptor, everything
// else a SocketStream.
// Invariant: a socket that is not handed over is closed, and the deadline covers everything.
import Glibc
public import Loop

/// Opens TCP connections.
@IO public enum Dialler {
    /// A connected, non-blocking socket, which the caller then owns.
    ///
    /// The addresses are tried side by side; the error is the last one's.
    public static func descriptor(
        host: String, port: UInt16, deadline: Duration, _ dialling: Dialling = Dialling()
    ) async throws(NetError) -> Int32 {
        let dial = Dial(dialling)
        let result = await IO.within(deadline) { await dial.run(host, port) }
        guard let result else {
            dial.abandon()
            throw dial.delay(host, port)
        }
        return try result.get()
    }

    /// A connected, non-blocking socket to one address.
    public static func descriptor(
        to address: SocketAddress, deadline: Duration
    ) async throws(NetError) -> Int32 {
        try await descriptor(
            toFirstOf: [Race.Entry(address: address, source: nil)], deadline: deadline)
    }

    /// A connected, non-blocking socket to the first of the addresses that answers.
    static func descriptor(
        toFirstOf entries: [Race.Entry], deadline: Duration
    ) async throws(NetError) -> Int32 {
        let name = entries.first?.address.description ?? "nothing"
        let race = Race(entries, Dialling(), failure: .nameNotFound(host: name))
        guard let result = await IO.within(deadline, { await race.run() }) else {
            race.abandon()
            throw .timedOut(what: "connecting to \(name)")
        }
        return try result.get()
    }

    /// The first connection that a proxy makes to one of several addresses.
    ///
    /// A proxy that refuses one may reach the next; any other failure is the proxy's own.
    static func first(
        of addresses: [SocketAddress], absence: NetError,
        _ connect: @IO (SocketAddress) async throws(NetError) -> Int32
    ) async throws(NetError) -> Int32 {
        var failure = absence
        for address in addresses {
            do throws(NetError) { return try await connect(address) } catch {
                failure = error
                guard case .proxy(_, .refused) = error else { throw error }
            }
        }
        throw failure
    }

    /// One run, from the name to the connection.
    @IO private final class Dial {
        private var race: Race?
        private var talk: ProxyTalk?
        private var isAbandoned = false
        private let dialling: Dialling

        init(_ dialling: Dialling) { self.dialling = dialling }

        func run(_ host: String, _ port: UInt16) async -> Result<Int32, NetError> {
            do throws(NetError) {
                guard let proxy = dialling.proxy else {
                    return .success(try await connect(host, port))
                }
                return .success(try await connect(host, port, through: proxy))
            } catch {
                return .failure(error)
            }
        }

        private func connect(_ host: String, _ port: UInt16) async throws(NetError) -> Int32 {
            let addresses = try await addresses(host, port)
            var failure = absence(host)
            var entries: [Race.Entry] = []
            for address in Race.ordered(addresses) where !isAbandoned {
                do throws(NetError) {
                    let source = try await dialling.source(isIPv6: address.isIPv6)
                    entries.append(Race.Entry(address: address, source: source))
                } catch {
                    failure = error
                }
            }
            guard !isAbandoned else { throw failure }
            let race = Race(entries, dialling, failure: failure)
            self.race = race
            return try await race.run().get()
        }

        private func addresses(
            _ host: String, _ port: UInt16
        ) async throws(NetError) -> [SocketAddress] {
            do throws(LoopError) {
                return dialling.allowed(try await DNS.resolve(host, port: port))
            } catch {
                throw NetError(error)
            }
        }

        /// The error for a host without an address that may be tried.
        private func absence(_ host: String) -> NetError {
            dialling.family == nil
                ? .nameNotFound(host: host)
                : .unreachable(address: host, reason: "it has no address of this AddressFamily")
        }

        private func connect(
            _ host: String, _ port: UInt16, through proxy: Proxy
        ) async throws(NetError) -> Int32 {
            guard proxy.kind == .socks5 else {
                return try await connect(host, port, by: proxy)
            }
            return try await Dialler.first(
                of: Race.ordered(try await addresses(host, port)), absence: absence(host)
            ) { address throws(NetError) in
                try await self.connect(address.host, port, by: proxy)
            }
        }

        private func connect(
            _ target: String, _ port: UInt16, by proxy: Proxy
        ) async throws(NetError) -> Int32 {
            let socket: Int32
            do throws(NetError) {
                socket = try await connect(proxy.host, proxy.port)
            } catch {
                throw .proxy(proxy.address, .unreachable(reason: error.description))
            }
            do throws(ProxyFailure) {
                let talk = ProxyTalk(socket, try proxy.dialogue(host: target, port: port))
                guard !isAbandoned else { throw .silent }
                self.talk = talk
                if let failure = await talk.run() { throw failure }
                guard !isAbandoned else { throw .silent }
                return socket
            } catch {
                close(socket)
                throw .proxy(proxy.address, error)
            }
        }

        func abandon() {
            isAbandoned = true
            race?.abandon()
            talk?.abandon()
        }

        /// The error when the deadline has passed: who kept us waiting.
        func delay(_ host: String, _ port: UInt16) -> NetError {
            guard let proxy = dialling.proxy else {
                let name = host.contains(":") ? "[\(host)]" : host
                return .timedOut(what: "connecting to \(name):\(port)")
            }
            let late = ProxyFailure.unreachable(reason: "connecting took too long")
            return .proxy(proxy.address, talk == nil ? late : .silent)
        }
    }
}
