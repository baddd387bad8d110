// Where forwards may lead and where they may listen: AllowForward, DenyForward and AllowBind of
// agent.conf. Pure. Invariant: a denying rule wins; without a rule a forward listens on loopback
// only.
import Configuration
import Loop
import Wire

/// The site's rules for forwards.
struct ForwardRules: Sendable, Equatable {
    /// Patterns of destinations `HOST[:PORT]`; empty: all, and `no` alone: none.
    var allowed: [String] = []
    /// Patterns of destinations that are refused.
    var denied: [String] = []
    /// Patterns of addresses to listen on besides loopback.
    var binds: [String] = []

    /// The rule that refuses every forward; nil if none does.
    var refusalOfAll: String? { allowed == ["no"] ? "AllowForward no" : nil }

    /// The rule that refuses a destination; `addresses`: what its name leads to, if that is known.
    ///
    /// What is allowed is compared with the destination as it was asked for; what is denied, with
    /// every name and address of it.
    func refusal(of place: Address, addresses: [String] = []) -> String? {
        if let rule = refusalOfAll { return rule }
        let asked = Self.names(of: place.host)
        let all = asked + addresses.flatMap(Self.names)
        if let pattern = denied.first(where: { Self.covers($0, all, place.port) }) {
            return "DenyForward \(pattern)"
        }
        guard !allowed.isEmpty, allowed != ["yes"],
            !allowed.contains(where: { Self.covers($0, asked, place.port) })
        else { return nil }
        return "AllowForward \(allowed.joined(separator: ","))"
    }

    /// The rule that refuses to listen on an address, as it is written.
    func refusal(ofBind host: String) -> String? {
        if host == "localhost" || SocketAddress(ip: host, port: 0)?.isLoopback == true {
            return nil
        }
        guard !binds.contains(where: { Glob.matches($0.lowercased(), host.lowercased()) }) else {
            return nil
        }
        return binds.isEmpty
            ? "forwards listen on loopback without AllowBind"
            : "AllowBind \(binds.joined(separator: ","))"
    }

    /// A host in each spelling that a rule may use: any name of loopback stands for all of them.
    private static func names(of host: String) -> [String] {
        var name = host.lowercased()
        if name.hasSuffix("."), name.count > 1 { name.removeLast() }
        if let address = SocketAddress(ip: name, port: 0) {
            name = address.host
            let mapped = "::ffff:"
            if address.isIPv6, name.hasPrefix(mapped) {
                let four = String(name.dropFirst(mapped.count))
                return [name] + (four.contains(".") ? names(of: four) : [])
            }
            guard address.isLoopback || address.isWildcard else { return [name] }
        } else if name != "localhost", !name.hasSuffix(".localhost") {
            return [name]
        }
        return [name, "localhost", "127.0.0.1", "::1"]
    }

    private static func covers(_ pattern: String, _ names: [String], _ port: UInt16) -> Bool {
        let pattern = pattern.lowercased()
        // `[::1]:80`, `::1`, `db:5432` and `db`: a port follows the only colon, or a bracket.
        let hasPort =
            pattern.hasPrefix("[")
            ? pattern.contains("]:") : pattern.count(where: { $0 == ":" }) == 1
        let parts: (host: Substring, port: Substring)
        if hasPort, let colon = pattern.lastIndex(of: ":") {
            parts = (pattern[..<colon], pattern[pattern.index(after: colon)...])
        } else {
            parts = (pattern[...], "*")
        }
        let host = parts.host.hasPrefix("[") ? parts.host.dropFirst().dropLast() : parts.host
        return Glob.matches(String(parts.port), "\(port)")
            && names.contains { Glob.matches(String(host), $0) }
    }

    /// A destination or an address to listen on, as a caller writes it.
    ///
    /// A number that systems read as an address, though it is not written as one (`127.1`,
    /// `0x7f.1`, `2130706433`), would pass rules on that address.
    static func place(
        _ text: String, _ argument: String, defaultHost: String? = nil
    ) throws(Fault) -> Address {
        let isPort = defaultHost != nil && text.allSatisfy(\.isNumber)
        guard let place = Address(isPort ? "\(defaultHost ?? ""):\(text)" : text),
            place.host.utf8.first != UInt8(ascii: "-")
        else {
            throw Fault(
                .invalidArgument,
                "\"\(argument)\" must be \(defaultHost == nil ? "HOST:PORT" : "[ADDRESS:]PORT")"
                    + " (an IPv6 address in brackets), not \"\(text.prefix(200))\"")
        }
        let last = place.host.split(separator: ".").last ?? ""
        let isNumber = last.allSatisfy(\.isNumber) || last.lowercased().hasPrefix("0x")
        guard !isNumber || SocketAddress(ip: place.host, port: 0) != nil else {
            throw Fault(
                .invalidArgument, "\"\(argument)\": write the address \(place.host) in full")
        }
        return place
    }
}
