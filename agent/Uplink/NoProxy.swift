// NO_PROXY, as curl reads it, with ports as Go and Python read them. Pure.
// Invariant: an entry that is not understood matches nothing.
import Configuration
import Loop

/// The hosts that are dialled without the environment's proxy.
struct NoProxy {
    private let entries: [Substring]

    /// Reads names, addresses and networks, separated by commas or spaces.
    init(_ text: String) { entries = text.split(whereSeparator: { ", \t".contains($0) }) }

    /// Whether the host is dialled without a proxy.
    func covers(_ relay: Address) -> Bool {
        // A `*` counts only alone.
        entries == ["*"] || entries.contains { Self.covers($0, relay) }
    }

    private static func covers(_ entry: Substring, _ relay: Address) -> Bool {
        if let network = network(String(entry)) {
            guard let address = SocketAddress(ip: relay.host, port: 0) else { return false }
            return network.covers(address)
        }
        guard let named = Address(String(entry), defaultPort: relay.port),
            named.port == relay.port
        else { return false }
        let own = SocketAddress(ip: relay.host, port: 0)
        if let address = SocketAddress(ip: named.host, port: 0) { return address == own }
        // A suffix of labels: example.net and .example.net cover both it and www.example.net. An
        // address has no labels.
        let (name, suffix) = (labels(relay.host), labels(named.host))
        return own == nil && !suffix.isEmpty && name.suffix(suffix.count).elementsEqual(suffix)
    }

    private static func labels(_ name: String) -> [Substring] {
        name.lowercased().split(separator: ".")
    }

    /// An address without a port, or `ADDRESS/BITS`.
    private static func network(_ text: String) -> Network? {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        let bare = parts[0].hasPrefix("[") && parts[0].hasSuffix("]")
        let host = bare ? parts[0].dropFirst().dropLast() : parts[0]
        guard let address = SocketAddress(ip: String(host), port: 0) else { return nil }
        let most = address.octets.count * 8
        guard parts.count == 2 else { return Network(octets: address.octets, bits: most) }
        guard parts[1].allSatisfy(\.isASCII), let bits = Int(parts[1]), (0...most).contains(bits)
        else { return nil }
        return Network(octets: address.octets, bits: bits)
    }

    private struct Network {
        let octets: [UInt8]
        let bits: Int

        func covers(_ address: SocketAddress) -> Bool {
            let other = address.octets
            return other.count == octets.count
                && (0..<bits).allSatisfy { bit in
                    let mask = UInt8(0x80) >> UInt8(bit % 8)
                    return other[bit / 8] & mask == octets[bit / 8] & mask
                }
        }
    }
}
