// The public half of what ssh_config calls an IdentityFile: it identifies the key meant in an
// ssh-agent, and the key of a certificate, without opening the private half. Blocks on files.
internal import Crypto

/// Key files by their path.
public enum IdentityFile {
    /// The public key of a key file, in SSH's wire form.
    ///
    /// From the private key's own header, from `PATH.pub` beside it, or from the file itself where
    /// it is a public key whose private half an ssh-agent holds; nil if none of them shows it.
    public static func publicKey(_ path: String) -> [UInt8]? {
        let text = read(path)
        if let own = text.flatMap(KeyFile.init)?.publicKey { return own }
        return read(path + ".pub").flatMap(line) ?? text.flatMap(line)
    }

    static func read(_ path: String) -> [UInt8]? { try? SecureFile.read(path, limit: 1 << 18) }

    /// `type base64 comment`, of a plain public key.
    private static func line(_ text: [UInt8]) -> [UInt8]? {
        let words = String(decoding: text, as: UTF8.self).split(whereSeparator: \.isWhitespace)
        guard words.count >= 2, let blob = Base64.decode(String(words[1])),
            let key = HostKey(blob: blob), key.type == words[0]
        else { return nil }
        return blob
    }
}
