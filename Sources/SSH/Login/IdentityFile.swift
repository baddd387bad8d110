// The public half of what ssh_config calls an IdentityFile: it identifies the key meant in an
// ssh-agent, and the key of a certificate, without opening the private half. Blocks on files.
internal import Crypto

/// Key files by their path.
public enum IdentityFile {
    /// The public key of a key file, in SSH's wire form.
    ///
    /// From the private key's own header, from `PATH.pub` beside it, from the file itself where it
    /// is a public key whose private half an ssh-agent holds, or from a key that needs no
    /// passphrase; nil if none of them shows it.
    public static func publicKey(_ path: String) -> [UInt8]? {
        publicKey(path, read(path))
    }

    /// The same, of a file whose text has been read.
    static func publicKey(_ path: String, _ text: [UInt8]?) -> [UInt8]? {
        let file = text.flatMap(KeyFile.init)
        if let own = file?.publicKey { return own }
        if let beside = read(path + ".pub").flatMap(line) ?? text.flatMap(line) { return beside }
        guard let file, !file.isEncrypted else { return nil }
        return try? file.open(nil).blob
    }

    static func read(_ path: String) -> [UInt8]? { try? SecureFile.read(path, limit: 1 << 18) }

    /// `type base64 comment`, of a plain public key.
    static func line(_ text: [UInt8]) -> [UInt8]? {
        let words = String(decoding: text, as: UTF8.self).split(whereSeparator: \.isWhitespace)
        guard words.count >= 2, let blob = Base64.decode(String(words[1])),
            let key = HostKey(blob: blob), key.type == words[0]
        else { return nil }
        return blob
    }
}
