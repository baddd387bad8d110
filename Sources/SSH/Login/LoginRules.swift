// What a configuration says about how to log in: which methods, in which order, with which kinds
// of keys. A value.

/// The methods that a login may use, in ssh_config's terms.
public struct LoginRules: Sendable, Hashable {
    /// The only methods to use, in their order (`PreferredAuthentications`); nil: the usual order.
    public var preferred: [String]?
    /// The option that rules a method out, by the method: `PubkeyAuthentication no`.
    public var ruledOut: [String: String] = [:]
    /// The algorithms with which keys may sign (`PubkeyAcceptedAlgorithms`); nil: any.
    public var keyAlgorithms: [String]?

    /// Rules that allow everything.
    public init() {}

    /// Keys first, as they need no person; a password before prompts, as that method asks exactly
    /// one question.
    static let usual = ["publickey", "password", "keyboard-interactive"]

    /// The methods to use, in their order.
    var order: [String] {
        (preferred ?? Self.usual).filter { Self.usual.contains($0) && ruledOut[$0] == nil }
    }

    /// The option that forbids a method; nil: it may be used.
    func objection(to method: String) -> String? {
        if let option = ruledOut[method] { return option }
        guard let preferred, !preferred.contains(method) else { return nil }
        return "PreferredAuthentications \(preferred.joined(separator: ","))"
    }

    /// Whether keys of a type (`ssh-rsa`, `…-cert-v01@openssh.com`) may be offered.
    func allows(keyType type: String) -> Bool {
        guard let keyAlgorithms else { return true }
        let others = [
            "ssh-rsa": ["rsa-sha2-256", "rsa-sha2-512"],
            "ssh-rsa" + Certificate.suffix: ["rsa-sha2-256", "rsa-sha2-512"].map {
                $0 + Certificate.suffix
            },
        ]
        return ([type] + (others[type] ?? [])).contains(where: keyAlgorithms.contains)
    }
}
