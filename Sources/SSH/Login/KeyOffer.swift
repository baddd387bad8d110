// The keys that a login offers, in ssh's order: those of files that the ssh-agent holds, then its
// other keys, then files alone; a certificate after its key, and one that the configuration names
// at the end. Pure.
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
        let place = ways.firstIndex { $0.socket != nil } ?? ways.endIndex
        var (before, after): ([KeyOffer], [KeyOffer]) = ([], [])
        for (index, way) in ways.enumerated() {
            let offers = Self.offers(of: way, ways, keys, identities)
            if index < place { before += offers } else { after += offers }
        }
        let beside = Set(ways.compactMap(\.path).map { $0 + "-cert.pub" })
        for named in keys.certificates where !beside.contains(named.file) {
            after += [offer(named, ways, keys, identities)].compactMap(\.self)
        }
        let named = Set(
            (before + after).compactMap(\.blob)
                + ways.compactMap { $0.path.flatMap(keys.publicKey) })
        let held = place < ways.endIndex ? self.held(identities, ways[place], keys) : []
        let first = held.filter { named.contains($0.blob ?? []) }
        let others = held.filter { !named.contains($0.blob ?? []) }
        return each(before + first + others + after)
    }

    /// The offers, each key once, at its first place.
    private static func each(_ all: [KeyOffer]) -> [KeyOffer] {
        var offers: [KeyOffer] = []
        for offer in all {
            if let known = offers.firstIndex(where: { offer.blob != nil && $0.blob == offer.blob })
            {
                offers[known].signers += offer.signers
            } else {
                offers.append(offer)
            }
        }
        return offers
    }

    /// The key of a file, and the certificate beside it.
    private static func offers(
        of way: Authentication, _ ways: [Authentication], _ keys: LoginKeys,
        _ identities: [SSHAgent.Identity]
    ) -> [KeyOffer] {
        guard case .keyFile(let path, _) = way else { return [] }
        let plain = keys.signer(way).map { signer in
            KeyOffer(
                blob: keys.publicKey(path), certificate: nil, name: way.method, signers: [signer])
        }
        let beside = keys.certificates(of: path).first { $0.file == path + "-cert.pub" }
        let certified = beside.flatMap { offer($0, ways, keys, identities) }
        return [plain, certified].compactMap(\.self)
    }

    /// A certificate of a file with what signs for it; nil: nothing does.
    private static func offer(
        _ named: LoginKeys.Named, _ ways: [Authentication], _ keys: LoginKeys,
        _ identities: [SSHAgent.Identity]
    ) -> KeyOffer? {
        let key = named.certificate.key
        let held = identities.contains { $0.blob == key } ? [Signer.agent(key: key)] : []
        let files = ways.filter { way in
            way.path.map { keys.certificates(of: $0).contains { $0.file == named.file } } ?? false
        }
        let signers = held + files.compactMap(keys.signer)
        guard !signers.isEmpty else { return nil }
        return KeyOffer(
            blob: named.certificate.blob, certificate: named.certificate, name: named.method,
            signers: signers)
    }

    /// What the ssh-agent holds and may be offered.
    private static func held(
        _ identities: [SSHAgent.Identity], _ way: Authentication, _ keys: LoginKeys
    ) -> [KeyOffer] {
        guard case .agent(_, let only) = way else { return [] }
        let certified = Set(keys.certificates.map(\.certificate.key))
        return identities.compactMap { identity in
            let own = Certificate(blob: identity.blob)
            let key = own?.key ?? identity.blob
            let isNamed = only?.contains(key) ?? true
            guard isNamed || own != nil && certified.contains(key) else { return nil }
            return KeyOffer(
                blob: identity.blob, certificate: own,
                name: own.map { "\(identity.name), certificate \($0.name)" } ?? identity.name,
                signers: [.agent(key: identity.blob)])
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
