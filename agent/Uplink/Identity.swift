// Who the agent is: its Ed25519 key, which is made here and never leaves, and what the relay said
// on joining. Two files in the data folder, 0600, and while the key is being replaced a third.
import Crypto
import Glibc
import JSON
import Wire

/// A joined agent's identity.
struct Identity: Sendable {
    /// The key by which the relay knows the agent.
    var key: Ed25519PrivateKey
    /// The relay's addresses, as the invitation named them, in the order of dials.
    var addresses: [String]
    /// The pin of the relay's key; nil when a public authority vouches for it.
    var pin: PublicKeyPin?
    /// The id the relay gave.
    var agentID: String
    /// The name at the relay when last welcomed.
    var name: String

    /// The relay in words: its addresses.
    var place: String { addresses.joined(separator: ", ") }

    private static func keyFile(_ folder: String) -> String { folder + "/agent.key" }
    private static func newKeyFile(_ folder: String) -> String { folder + "/agent.key.new" }
    private static func nextKeyFile(_ folder: String) -> String { folder + "/agent.key.next" }
    private static func relayFile(_ folder: String) -> String { folder + "/relay.json" }

    /// The folder's key; a new one where there is none.
    static func key(in folder: String) throws(UplinkError) -> Ed25519PrivateKey {
        do throws(CryptoError) {
            try SecureFile.makeFolder(folder)
            return try existingKey(in: folder)
        } catch .file(_, code: ENOENT) {
            // Only where there is none: an unreadable key is still this agent's identity.
            return try makeKey(keyFile(folder), folder)
        } catch {
            throw .identity("cannot use the key in \(folder): \(error)")
        }
    }

    private static func existingKey(in folder: String) throws(CryptoError) -> Ed25519PrivateKey {
        try SecureFile.checkFolder(folder)
        return try Ed25519PrivateKey(
            pem: try SecureFile.read(keyFile(folder), refusing: SecureFile.useByOthers))
    }

    /// A new key for the folder, beside the one that it has: the same one until it is used.
    static func newKey(in folder: String) throws(UplinkError) -> Ed25519PrivateKey {
        do throws(CryptoError) {
            try SecureFile.makeFolder(folder)
            try SecureFile.checkFolder(folder)
        } catch {
            throw .identity("cannot make a key in \(folder): \(error)")
        }
        return try pending(newKeyFile(folder), in: folder)
    }

    /// Puts a key that has joined in the place of the folder's own.
    static func use(_ key: Ed25519PrivateKey, in folder: String) throws(UplinkError) {
        do throws(CryptoError) {
            try SecureFile.write(keyFile(folder), try key.pem())
        } catch {
            throw .identity("cannot write \(keyFile(folder)): \(error)")
        }
        // Afterwards: where the key was not written, it is still to be found in its own file.
        unsafe unlink(nextKeyFile(folder))
        unsafe unlink(newKeyFile(folder))
    }

    /// The key of a file; a new one where there is none that can be read.
    private static func pending(
        _ file: String, in folder: String
    ) throws(UplinkError) -> Ed25519PrivateKey {
        let bytes: [UInt8]?
        do throws(CryptoError) {
            bytes = try SecureFile.readIfPresent(file, refusing: SecureFile.useByOthers)
        } catch {
            throw .identity("cannot use \(file): \(error)")
        }
        // A damaged one has never been used.
        if let bytes, let key = try? Ed25519PrivateKey(pem: bytes) { return key }
        return try makeKey(file, folder)
    }

    private static func makeKey(
        _ file: String, _ folder: String
    ) throws(UplinkError) -> Ed25519PrivateKey {
        do throws(CryptoError) {
            let key = try Ed25519PrivateKey.generate()
            try SecureFile.write(file, try key.pem())
            return key
        } catch {
            throw .identity("cannot make a key in \(folder): \(error)")
        }
    }

    /// The key that will follow the present one: made when it is first asked for, and kept.
    func nextKey(in folder: String) throws(UplinkError) -> Ed25519PrivateKey {
        let next = try Self.pending(Self.nextKeyFile(folder), in: folder)
        // This process or an earlier one ended when it had put that key in its place.
        guard next.publicKey.bytes == key.publicKey.bytes else { return next }
        return try Self.makeKey(Self.nextKeyFile(folder), folder)
    }

    /// Puts the next key in the place of the present one, on the disk first.
    ///
    /// Does nothing if the key in use is already the one that is asked for.
    mutating func useNextKey(_ publicKey: [UInt8], in folder: String) throws(UplinkError) {
        guard key.publicKey.bytes != publicKey else { return }
        let next = try nextKey(in: folder)
        guard next.publicKey.bytes == publicKey else {
            throw .identity("the relay names a key that this agent has not offered")
        }
        try Self.use(next, in: folder)
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
        // An earlier agent writes and reads `relay` alone.
        let all = json?["relays"]?.arrayValue?.compactMap(\.stringValue) ?? []
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
        return Identity(
            key: key, addresses: all.first == relay ? all : [relay], pin: read, agentID: agentID,
            name: name)
    }

    /// Writes what `load` reads, except the key, which is already stored.
    func save(to folder: String) throws(UplinkError) {
        var json: JSON.Object = [
            "relay": .string(addresses.first ?? ""), "agent_id": .string(agentID),
            "name": .string(name),
        ]
        if addresses.count > 1 { json["relays"] = .array(addresses.map(JSON.string)) }
        if let pin { json["pin"] = .string(pin.description) }
        do throws(CryptoError) {
            try SecureFile.write(Self.relayFile(folder), JSON.object(json).encoded())
        } catch {
            throw .identity("cannot write \(Self.relayFile(folder)): \(error)")
        }
    }

    /// Whether an invitation is of the relay that this agent has joined: the pin is the same.
    ///
    /// Where a public authority vouches for the relay, an address at least must be.
    func isOf(_ invitation: Invitation) -> Bool {
        guard pin == nil else { return pin?.bytes == invitation.pin }
        return invitation.pin == nil && !Set(addresses).isDisjoint(with: invitation.urls)
    }
}
