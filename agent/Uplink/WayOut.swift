// How the agent reaches its relay: at which addresses, by which proxy, and by which authorities it
// judges the relay's certificate. agent.conf has the first word, the environment the second. Files
// are read at each dial, so that a new password needs no restart.
// Invariant: no password is in an error.
import Configuration
import Crypto
import Loop
import Net
import Wire

/// What the operator says about the way to the relay.
struct WayOut: Sendable, Equatable {
    /// `TunnelUrl`: the addresses to dial, in this order; empty: those of the invitation.
    var addresses: [String] = []
    /// `Proxy`: a URL or `none`; nil leaves it to the environment.
    var proxy: String?
    /// `ProxyCredentials`: the file with `USER:PASSWORD`.
    var credentialsFile: String?
    /// `RelayCA`: a file of further authorities, in PEM.
    var authoritiesFile: String?

    /// The way of an agent without settings.
    init() {}

    /// The proxy to the relay; nil: none.
    func proxy(
        to relay: Address, environment: [String: String] = Process.environment
    ) throws(UplinkError) -> Proxy? {
        guard let (text, source) = choice(relay, environment) else { return nil }
        var proxy: Proxy
        do throws(ProxyURLError) { proxy = try Proxy(url: text) } catch {
            throw .wayOut("\(source) \(error)")
        }
        // The password is for the proxy that agent.conf names, not for one of the environment.
        if let credentialsFile, self.proxy != nil {
            proxy.credentials = try Self.credentials(credentialsFile)
        }
        return proxy
    }

    /// The proxy to a relay as text, for a process without this one's flags and environment.
    func proxyText(to relay: String, environment: [String: String] = Process.environment) -> String?
    {
        guard let endpoint = Endpoint(relay) else { return proxy }
        return choice(Address(host: endpoint.host, port: endpoint.port ?? 443), environment)?.text
    }

    /// The addresses to dial, where `invited` are those of the invitation.
    func addresses(or invited: [String]) -> [String] { addresses.isEmpty ? invited : addresses }

    /// Whether the settings can be used as far as can be said without a relay.
    func check() throws(UplinkError) {
        guard addresses.count <= Invitation.mostURLs else {
            throw .wayOut("TunnelUrl: at most \(Invitation.mostURLs) addresses")
        }
        for address in addresses where RelayAddress(address) == nil {
            throw .wayOut("TunnelUrl: \(UplinkError.badAddress(address))")
        }
        _ = try proxy(to: Address(host: "relay.invalid", port: 443), environment: [:])
    }

    /// The URL that counts, and where it stands.
    private func choice(
        _ relay: Address, _ environment: [String: String]
    ) -> (text: String, source: String)? {
        if let proxy { return proxy.lowercased() == "none" ? nil : (proxy, "Proxy") }
        func first(_ names: [String]) -> (text: String, source: String)? {
            for name in names {
                // An empty variable counts as none, as in curl.
                if let text = environment[name], !text.isEmpty { return (text, name) }
            }
            return nil
        }
        // Lower case first, as in curl.
        guard let found = first(["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]),
            !Self.isThisMachine(relay.host)
        else { return nil }
        let exceptions = NoProxy(first(["no_proxy", "NO_PROXY"])?.text ?? "")
        return exceptions.covers(relay) ? nil : found
    }

    private static func isThisMachine(_ host: String) -> Bool {
        let name = host.lowercased()
        return name == "localhost" || name.hasSuffix(".localhost")
            || SocketAddress(ip: host, port: 0)?.isLoopback == true
    }

    /// The most bytes of the file: those of a user and a password, with room.
    private static let credentialsBytes = 4096

    private static func credentials(_ path: String) throws(UplinkError) -> Proxy.Credentials {
        do throws(CryptoError) {
            var bytes = try SecureFile.read(
                path, limit: credentialsBytes, refusing: SecureFile.useByOthers)
            defer { bytes.wipe() }
            let line = String(decoding: bytes.prefix { $0 != 10 && $0 != 13 }, as: UTF8.self)
            if line.contains(":"),
                let read = Proxy.Credentials(text: line[...], isEscaped: false)
            {
                return read
            }
        } catch {
            throw .wayOut("ProxyCredentials: \(error)")
        }
        throw .wayOut("ProxyCredentials: the first line of \(path) is not USER:PASSWORD")
    }
}
