// The file of RevokedHostKeys (ssh_config(5)): public keys, one on each line, or a key revocation
// list as `ssh-keygen -k` writes it (OpenSSH's PROTOCOL.krl). Pure, but for `read`.
// Invariant: a file that is not understood as a whole revokes everything, as in ssh.
internal import Crypto
internal import Loop

/// The keys that a file revokes.
struct RevokedKeys: Sendable {
    /// Why a file cannot be used.
    struct Unusable: Error, Equatable {
        let reason: String
    }

    private var blobs: Set<[UInt8]> = []
    private var sha1: Set<[UInt8]> = []
    private var sha256: Set<[UInt8]> = []

    /// Whether the file revokes this key.
    func contain(_ key: HostKey) -> Bool {
        blobs.contains(key.blob)
            || !sha1.isEmpty && sha1.contains(SHA1.hash(key.blob))
            || !sha256.isEmpty && sha256.contains(SHA256.hash(key.blob))
    }

    /// Reads the content of a file.
    init(_ content: [UInt8]) throws(Unusable) {
        if content.starts(with: Self.magic) {
            try readList(content)
        } else {
            try readLines(content)
        }
    }

    /// Reads a file; one that is missing cannot be used either.
    @IO static func read(_ file: String) async throws(SSHError) -> RevokedKeys {
        let result = await Blocking.run { () -> Result<RevokedKeys, SSHError> in
            let content: [UInt8]
            do throws(CryptoError) {
                content = try SecureFile.read(file, limit: 64 << 20)
            } catch {
                return .failure(.revokedKeysUnusable(file: file, reason: error.description))
            }
            do throws(Unusable) {
                return .success(try RevokedKeys(content))
            } catch {
                return .failure(.revokedKeysUnusable(file: file, reason: error.reason))
            }
        }
        return try result.get()
    }

    // MARK: Lines

    /// `type base64 comment` on each line; ssh stops at a line that is not a key, and so does this.
    private mutating func readLines(_ content: [UInt8]) throws(Unusable) {
        var number = 0
        for line in content.split(separator: 10, omittingEmptySubsequences: false) {
            number += 1
            let words = line.split { $0 == 32 || $0 == 9 || $0 == 13 }
            guard let type = words.first, type.first != UInt8(ascii: "#") else { continue }
            guard words.count >= 2,
                let blob = Base64.decode(String(decoding: words[1], as: UTF8.self)),
                let key = HostKey(blob: blob), Array(key.type.utf8) == Array(type)
            else { throw Unusable(reason: "line \(number) is not a public key") }
            blobs.insert(key.blob)
        }
    }

    // MARK: A key revocation list

    private static let magic = Array("SSHKRL\n\0".utf8)

    /// The sections of a list.
    private enum Section: UInt8 {
        /// Certificates by their authority, serial and id: they are about no plain key.
        case certificates = 1
        case keys, sha1, signature, sha256
        case extended = 255
    }

    private mutating func readList(_ content: [UInt8]) throws(Unusable) {
        let cut = Unusable(reason: "it is not a complete key revocation list")
        var reader = WireReader(content[Self.magic.count...])
        guard let version = reader.uint32() else { throw cut }
        guard version == 1 else {
            throw Unusable(reason: "it is a key revocation list of version \(version), not of 1")
        }
        // Its number, its date and flags; a reserved text and a comment.
        guard reader.uint64() != nil, reader.uint64() != nil, reader.uint64() != nil,
            reader.string() != nil, reader.string() != nil
        else { throw cut }
        while let kind = reader.byte() {
            guard let section = Section(rawValue: kind) else {
                throw Unusable(reason: "it has a section of an unknown kind, \(kind)")
            }
            guard let body = reader.string() else { throw cut }
            var entries = WireReader(body)
            switch section {
            case .certificates: break
            case .signature:
                // The signature of the section's key follows; ssh checks none either.
                guard reader.string() != nil else { throw cut }
            case .extended:
                guard let name = entries.text(), let isCritical = entries.byte() else { throw cut }
                guard isCritical == 0 else {
                    throw Unusable(reason: "it has an unknown part, \(name.prefix(60))")
                }
            case .keys, .sha1, .sha256:
                while !entries.rest.isEmpty {
                    guard let entry = entries.string() else { throw cut }
                    switch section {
                    case .sha1: sha1.insert(Array(entry))
                    case .sha256: sha256.insert(Array(entry))
                    case .keys, .certificates, .signature, .extended: blobs.insert(Array(entry))
                    }
                }
            }
        }
    }
}
