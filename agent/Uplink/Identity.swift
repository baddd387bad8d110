// Who the agent is: its Ed25519 key, which is made here and never leaves, and what the relay said
// on joining. Two files in the data folder, 0600.
import Crypto
import Glibc
import JSON

/// A joined agent's identity.
struct Identity: Sendable {
    /// The key by which the relay knows the agent.
    var key: Ed25519PrivateKey
    /// The relay, as the invitation named it: `tls://HOST:PORT`.
    var relay: String
    /// The pin of the relay's key; nil when a public authority vouches for it.
    var pin: PublicKeyPin?
    /// The id the relay gave.
    var agentID: String
    /// The name at the relay when last welcomed.
    var name: String

    private static func keyFile(_ folder: String) -> String { folder + "/agent.key" }
    private static func nextKeyFile(_ folder: String) -> String { folder + "/agent.key.next" }
    private static func relayFile(_ folder: String) -> String { folder + "/relay.json" }

    /// The folder's key; a new one where there is none.
    static func key(in folder: String) throws(UplinkError) -> Ed25519PrivateKey {
        do throws(CryptoError) {
            try SecureFile.makeFolder(folder)
            return try existingKey(in: folder)
        } catch .file(_, code: ENOENT) {
            // Only where there is none: an unreadable key is still this agent's identity.
            return try newKey(in: folder)
        } catch {
            throw .identity("cannot use the key in \(folder): \(error)")
        }
    }

    private static func existingKey(in folder: String) throws(CryptoError) -> Ed25519PrivateKey {
        try SecureFile.checkFolder(folder)
        return try Ed25519PrivateKey(
            pem: try SecureFile.read(keyFile(folder), refusing: SecureFile.useByOthers))
    }

    /// A new key for the folder, in the place of any that it has.
    static func newKey(in folder: String) throws(UplinkError) -> Ed25519PrivateKey {
        do throws(CryptoError) {
            try SecureFile.makeFolder(folder)
            let key = try makeKey(keyFile(folder))
            unsafe unlink(nextKeyFile(folder))
            return key
        } catch {
            throw .identity("cannot make a key in \(folder): \(error)")
        }
    }

    private static func makeKey(_ file: String) throws(CryptoError) -> Ed25519PrivateKey {
        let key = try Ed25519PrivateKey.generate()
        try SecureFile.write(file, try key.pem())
        return key
    }

    /// The key that will follow the present one: made when it is first asked for, and kept.
    static func nextKey(in folder: String) throws(UplinkError) -> Ed25519PrivateKey {
        let file = nextKeyFile(folder)
        do throws(CryptoError) {
            if let bytes = try SecureFile.readIfPresent(file, refusing: SecureFile.useByOthers),
                let key = try? Ed25519PrivateKey(pem: bytes)
            {
                return key
            }
            // A damaged one has never been used.
            return try makeKey(file)
        } catch {
            throw .identity("cannot make the next key \(file): \(error)")
        }
    }

    /// Puts the next key in the place of the present one, on the disk first.
    ///
    /// Does nothing if the key in use is already the one that is asked for.
    mutating func useNextKey(_ publicKey: [UInt8], in folder: String) throws(UplinkError) {
        guard key.publicKey.bytes != publicKey else { return }
        let next = try Self.nextKey(in: folder)
        guard next.publicKey.bytes == publicKey else {
            throw .identity("the relay names a key that this agent has not offered")
        }
        do throws(CryptoError) {
            try SecureFile.write(Self.keyFile(folder), try next.pem())
        } catch {
            throw .identity("cannot write \(Self.keyFile(folder)): \(error)")
        }
        unsafe unlink(Self.nextKeyFile(folder))
        key = next
    }

    /// Reads the identity of a folder that has joined.
    static func load(from folder: String) throws(UplinkError) -> Identity {
        guard let bytes = try? SecureFile.read(relayFile(folder)) else {
            throw .identity(
                "this agent has not joined a relay; run: homeline-agent join hl1.… (the relay's "
                    + "operator prints the line with: homeline-relay invite)")
        }
        let json = try? JSON(parsing: bytes)
        guard let relay = json?["relay"]?.stringValue,
            let agentID = json?["agent_id"]?.stringValue, let name = json?["name"]?.stringValue
        else { throw .identity("\(relayFile(folder)) is damaged; join again") }
        // An unreadable pin must not turn into "any public authority will do".
        let pin = json?["pin"]
        let read = pin?.stringValue.flatMap { PublicKeyPin($0) }
        guard (pin == nil) == (read == nil) else {
            throw .identity("\(relayFile(folder)) holds no usable pin; join again")
        }
        let key: Ed25519PrivateKey
        do throws(CryptoError) {
            key = try existingKey(in: folder)
        } catch {
            throw .identity("cannot use \(keyFile(folder)), restore it or join again: \(error)")
        }
        return Identity(key: key, relay: relay, pin: read, agentID: agentID, name: name)
    }

    /// Writes what `load` reads, except the key, which is already stored.
    func save(to folder: String) throws(UplinkError) {
        var json: JSON.Object = [
            "relay": .string(relay), "agent_id": .string(agentID), "name": .string(name),
        ]
        if let pin { json["pin"] = .string(pin.description) }
        do throws(CryptoError) {
            try SecureFile.write(Self.relayFile(folder), JSON.object(json).encoded())
        } catch {
            throw .identity("cannot write \(Self.relayFile(folder)): \(error)")
        }
    }
}
