// A private key as text: what its header says before it is decrypted. Pure. libssh2 gives the same
// error for a wrong passphrase, a missing one and a bad file; the header distinguishes them.
internal import Crypto

/// The contents of a private key's header.
struct KeyFile: Equatable {
    /// Whether a passphrase is needed.
    let isEncrypted: Bool
    /// The public half as `type base64`, which an OpenSSH key carries in the clear.
    ///
    /// With it the costly decryption happens once, and not at all for a key the server refuses.
    let publicText: String?
    /// The public half in SSH's wire form.
    let publicKey: [UInt8]?

    /// Reads the header; nil if the text is not a private key.
    init?(_ text: [UInt8]) {
        let lines = String(decoding: text, as: UTF8.self)
            .split(whereSeparator: \.isNewline).map { $0.trimmed }
        guard let start = lines.firstIndex(where: { $0.hasPrefix("-----BEGIN ") }),
            lines[start].hasSuffix("PRIVATE KEY-----"),
            let end = lines[start...].firstIndex(where: { $0.hasPrefix("-----END ") })
        else { return nil }
        let body = lines[(start + 1)..<end]
        guard lines[start].contains("OPENSSH") else {
            isEncrypted =
                lines[start].contains("ENCRYPTED")
                || body.contains { $0.hasPrefix("Proc-Type:") && $0.hasSuffix("ENCRYPTED") }
            publicText = nil
            publicKey = nil
            return
        }
        guard let bytes = Base64.decode(body.joined()),
            bytes.starts(with: Array("openssh-key-v1\0".utf8))
        else { return nil }
        var reader = WireReader(bytes[15...])
        guard let cipher = reader.text(), reader.string() != nil, reader.string() != nil,
            reader.uint32() == 1, let blob = reader.string(), let key = HostKey(blob: Array(blob))
        else { return nil }
        isEncrypted = cipher != "none"
        publicText = "\(key.type) \(Base64.encode(key.blob))"
        publicKey = key.blob
    }
}

extension Substring {
    /// The text without spaces at either end.
    fileprivate var trimmed: Substring {
        var text = self
        while let last = text.last, last == " " || last == "\t" { text.removeLast() }
        return text.drop { $0 == " " || $0 == "\t" }
    }
}
