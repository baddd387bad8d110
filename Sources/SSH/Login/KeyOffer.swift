// The keys that a login offers, in ssh's order: certificates, then keys of files that the ssh-agent
// holds, then its other keys, then keys in files alone. Pure.
// Invariant: each key is offered once, whoever holds it, as a server counts the refused ones.
internal import Crypto

/// A key or a certificate to offer, and what can sign for it.
struct KeyOffer {
    /// What signs.
    enum Signer {
        /// The ssh-agent that was asked for its keys.
        case agent(key: [UInt8])
        case file(path: String, KeyFile, SecretBytes?)
    }

    /// What is offered, in SSH's wire form; nil: known once the key file has been opened.
    let blob: [UInt8]?
    let certificate: Certificate?
    /// The method and what it uses, for the record.
    let name: String
    /// Tried in this order; the next one signs where one cannot.
    var signers: [Signer]

    /// All offers of a login, in their order.
    ///
    /// `identities`: what the ssh-agent holds.
    static func all(
        _ ways: [Authentication], _ keys: LoginKeys, _ identities: [SSHAgent.Identity]
    ) -> [KeyOffer] {
        var list = List()
        for way in ways { list.addCertificates(of: way, keys, identities) }
        for way in ways { list.addKeys(of: way, ways, keys, identities) }
        return list.offers
    }

    /// Offers, each key once.
    private struct List {
        var offers: [KeyOffer] = []

        mutating func add(_ offer: KeyOffer) {
            let known = offers.firstIndex { offer.blob != nil && $0.blob == offer.blob }
            if let known {
                offers[known].signers += offer.signers
            } else {
                offers.append(offer)
            }
        }

        mutating func addCertificates(
            of way: Authentication, _ keys: LoginKeys, _ identities: [SSHAgent.Identity]
        ) {
            switch way {
            case .password, .code: break
            case .keyFile(let path, _):
                for named in keys.certificates(of: path) {
                    guard let signer = keys.signer(way) else { continue }
                    add(named, named.method, [signer])
                }
            case .agent(_, let only):
                let wanted = only.map { Set($0 + keys.certificates.map(\.certificate.key)) }
                for identity in identities {
                    let own = Certificate(blob: identity.blob)
                    if let wanted, !wanted.contains(own?.key ?? identity.blob) { continue }
                    let signer = [Signer.agent(key: identity.blob)]
                    for named in keys.certificates where named.certificate.key == identity.blob {
                        add(named, "\(named.method), key in ssh-agent", signer)
                    }
                    guard let own else { continue }
                    add(
                        KeyOffer(
                            blob: own.blob, certificate: own,
                            name: "\(identity.name), certificate \(own.name)", signers: signer))
                }
            }
        }

        private mutating func add(_ named: LoginKeys.Named, _ name: String, _ signers: [Signer]) {
            add(
                KeyOffer(
                    blob: named.certificate.blob, certificate: named.certificate, name: name,
                    signers: signers))
        }

        mutating func addKeys(
            of way: Authentication, _ ways: [Authentication], _ keys: LoginKeys,
            _ identities: [SSHAgent.Identity]
        ) {
            switch way {
            case .password, .code: break
            case .keyFile(let path, _):
                guard let signer = keys.signer(way) else { return }
                add(
                    KeyOffer(
                        blob: keys.publicKey(path), certificate: nil, name: way.method,
                        signers: [signer]))
            case .agent(_, let only):
                let named = Set(ways.compactMap { $0.path.flatMap(keys.publicKey) })
                let plain = identities.filter { identity in
                    Certificate(blob: identity.blob) == nil
                        && (only?.contains(identity.blob) ?? true)
                }
                let first = plain.filter { named.contains($0.blob) }
                for identity in first + plain.filter({ !named.contains($0.blob) }) {
                    add(
                        KeyOffer(
                            blob: identity.blob, certificate: nil, name: identity.name,
                            signers: [.agent(key: identity.blob)]))
                }
            }
        }
    }
}

extension SSHAgent.Identity {
    /// The key in messages.
    var name: String { "publickey ssh-agent \(comment.prefix(80))" }
}

extension LoginKeys.Named {
    /// The certificate in messages.
    var method: String { "certificate \(file) (\(certificate.name))" }
}
