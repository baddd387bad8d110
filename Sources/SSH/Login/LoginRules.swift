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

    /// Whether a method may be used.
    public func allows(method: String) -> Bool { objection(to: method) == nil }

    /// Whether keys of a type (`ssh-rsa`, `…-cert-v01@openssh.com`) may be offered.
    func allows(keyType type: String) -> Bool {
        guard let keyAlgorithms else { return true }
        return Self.isRSA(type)
            ? !signatures(of: type, legacy: false).isEmpty : keyAlgorithms.contains(type)
    }

    /// The algorithms with which an RSA key or certificate may sign, best first; with `legacy` also
    /// by SHA-1, where no list says otherwise.
    func signatures(of type: String, legacy: Bool) -> [String] {
        let suffix = type.hasSuffix(Certificate.suffix) ? Certificate.suffix : ""
        let sha2 = ["rsa-sha2-512", "rsa-sha2-256"]
        guard let keyAlgorithms else { return legacy ? sha2 + ["ssh-rsa"] : sha2 }
        return (sha2 + ["ssh-rsa"]).filter {
            keyAlgorithms.contains($0 + suffix) || legacy && $0 == "ssh-rsa"
        }
    }

    static func isRSA(_ type: String) -> Bool {
        type == "ssh-rsa" || type == "ssh-rsa" + Certificate.suffix
    }
}
