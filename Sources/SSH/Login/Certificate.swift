// An OpenSSH user certificate (PROTOCOL.certkeys): a public key, signed by an authority for certain
// names and a certain time. Pure. Offered by Login in place of its key; its contents can explain a
// refusal, which a server never does.
internal import Crypto
import Glibc
internal import Loop

/// The contents of a certificate.
struct Certificate: Equatable, Sendable {
    /// The whole certificate in SSH's wire form, as it is offered.
    let blob: [UInt8]
    /// `ssh-ed25519-cert-v01@openssh.com` and its like.
    let type: String
    /// The public key it is about, in its plain wire form.
    let key: [UInt8]
    let serial: UInt64
    let isForUsers: Bool
    let identity: String
    let principals: [String]
    /// Seconds since 1970; `until` itself is excluded.
    let validity: (from: UInt64, until: UInt64)
    /// The critical options and their values.
    let options: [(name: String, value: String)]
    let authority: HostKey

    static let suffix = "-cert-v01@openssh.com"

    static func == (one: Self, other: Self) -> Bool { one.blob == other.blob }

    /// A certificate from its wire form; nil if it is not one.
    init?(blob: [UInt8]) {
        var reader = WireReader(blob)
        guard let type = reader.text(), type.hasSuffix(Self.suffix), reader.string() != nil else {
            return nil
        }
        var key = WireWriter()
        let plain = String(type.dropLast(Self.suffix.count))
        key.string(Array((plain.hasPrefix("sk-") ? plain + "@openssh.com" : plain).utf8))
        for _ in 0..<Self.fields(of: plain) {
            guard let field = reader.string() else { return nil }
            key.string(field)
        }
        guard let serial = reader.uint64(), let kind = reader.uint32(),
            let identity = reader.text(), let names = reader.string(),
            let from = reader.uint64(), let until = reader.uint64(),
            let critical = reader.string(), reader.string() != nil, reader.string() != nil,
            let authority = reader.string(), let signer = HostKey(blob: Array(authority)),
            reader.string() != nil
        else { return nil }
        self.blob = blob
        self.type = type
        self.key = key.bytes
        self.serial = serial
        isForUsers = kind == 1
        self.identity = identity
        validity = (from, until)
        self.authority = signer
        var list = WireReader(names)
        var principals: [String] = []
        while let name = list.text() { principals.append(name) }
        self.principals = principals
        var pairs = WireReader(critical)
        var options: [(String, String)] = []
        while let name = pairs.text(), let data = pairs.string() {
            var value = WireReader(data)
            options.append((name, value.text() ?? ""))
        }
        self.options = options
    }

    /// A certificate from the text of a `-cert.pub` file.
    init?(text: [UInt8]) {
        let words = String(decoding: text, as: UTF8.self).split(whereSeparator: \.isWhitespace)
        guard words.count >= 2, let blob = Base64.decode(String(words[1])) else { return nil }
        self.init(blob: blob)
        guard type == words[0] else { return nil }
    }

    /// The certificate as a line of a public key file.
    var text: String { "\(type) \(Base64.encode(blob))" }

    /// A name for people: its identity, serial number and authority.
    var name: String {
        let words = String(identity.unicodeScalars.prefix(80).filter { $0.value >= 32 })
        return "\u{201C}\(words)\u{201D}, serial \(serial), signed by \(authority.name)"
            + " \(authority.fingerprint)"
    }

    /// Why a server may have refused it to this user at this time, as far as the certificate shows.
    func refusal(user: String, now: UInt64 = UInt64(max(0, time(nil)))) -> String {
        var reasons: [String] = []
        if !isForUsers { reasons.append("it is a host's certificate, not a user's") }
        if now >= validity.until { reasons.append("it expired at \(Self.moment(validity.until))") }
        if now < validity.from {
            reasons.append("it is valid only from \(Self.moment(validity.from))")
        }
        if principals.isEmpty {
            reasons.append("it names no principal")
        } else if !principals.contains(user) {
            let names = principals.prefix(8).map { String($0.prefix(40)) }.joined(separator: ", ")
            reasons.append("it is for \(names), which may not stand for \(user) there")
        }
        for option in options where option.name == "source-address" {
            reasons.append("it is bound to the addresses \(option.value.prefix(100))")
        }
        if reasons.isEmpty {
            reasons.append("the server may not trust its authority, or have revoked it")
        }
        return "refused: " + reasons.joined(separator: "; ")
    }

    /// The strings between the nonce and the serial number.
    private static func fields(of type: String) -> Int {
        switch type {
        case "ssh-ed25519": 1
        case "ssh-dss": 4
        case _ where type.hasPrefix("sk-ecdsa"): 3
        // RSA's two numbers, ECDSA's curve and point, a hardware key and its application
        default: 2
        }
    }

    /// `2026-01-31 08:15 UTC`.
    private static func moment(_ seconds: UInt64) -> String {
        Int64(exactly: seconds).map { UTCTime($0).minute } ?? "the end of time"
    }
}
