// What the agent keeps of a detached command, to find it again after the agent's restart: a file of
// its own in the agent's data folder. Invariant: no password is stored; whose command it is hangs
// on the principal's id.
import Crypto
import Glibc
import JSON
import Loop
import Wire

/// A detached command as it is stored.
struct DetachedRecord: Sendable {
    let id: String
    let target: String
    let owner: Owner
    let order: CommandRun.Order
    /// How its host is entered, without a password.
    let access: JSON.Object
    /// When it was started, in seconds since 1970.
    let started: Int

    /// The record of a call that starts a command.
    init(_ id: String, _ request: ExecuteCommand, _ owner: Owner, _ order: CommandRun.Order) {
        (self.id, target, self.owner, self.order) = (id, request.target, owner, order)
        var access = JSON.Object()
        access["username"] = request.access.username.map { .string($0) }
        access["port"] = request.access.port.map { .int(Int64($0)) }
        access["via"] = .array(request.access.via.map { .string($0) })
        access["key"] = request.access.key.map { .string($0) }
        access["secret"] = request.access.secret.map { .string($0) }
        self.access = access
        started = Int(time(nil))
    }

    /// Reads a stored record; nil if it is not one.
    init?(_ json: JSON) {
        guard let id = json["id"]?.stringValue, let target = json["target"]?.stringValue,
            let principal = json["owner"]?.stringValue, let label = json["label"]?.stringValue,
            let host = json["host"]?.stringValue, let preview = json["command"]?.stringValue,
            let started = json["started"]?.intValue,
            let place = try? TargetName(place: host),
            let via = try? (json["host_via"]?.arrayValue ?? []).map({
                try TargetName(place: $0.stringValue ?? "")
            })
        else { return nil }
        (self.id, self.target, self.started) = (id, target, Int(started))
        owner = Owner(
            Caller(id: principal, label: label, reach: []),
            at: TargetName(host: place.host, user: place.user, port: place.port, via: via))
        order = CommandRun.Order(
            preview: preview, directory: json["cwd"]?.stringValue, hasTerminal: false,
            // Earlier releases marked a command by its id, which was random.
            mark: json["mark"]?.stringValue ?? id)
        access = json["access"]?.objectValue ?? [:]
    }

    /// As it is stored.
    var json: JSON {
        var object: JSON.Object = [
            "id": .string(id), "mark": .string(order.mark), "target": .string(target),
            "owner": .string(owner.id),
            "label": .string(owner.label), "command": .string(order.preview),
            "access": .object(access), "started": .int(Int64(started)),
        ]
        let host = owner.host
        object["host"] = .string(
            TargetName(host: host.host, user: host.user, port: host.port).description)
        object["host_via"] = .array(host.via.map { .string($0.description) })
        object["cwd"] = order.directory.map { .string($0) }
        return .object(object)
    }
}

/// The stored records of one agent.
struct DetachedRecords: Sendable {
    private let folder: String

    /// The records in a folder, which is made.
    init(folder: String) throws(CryptoError) {
        self.folder = folder
        try SecureFile.makeFolder(folder)
    }

    private func path(_ id: String) -> String { "\(folder)/\(id).json" }

    /// Stores a record.
    func store(_ record: DetachedRecord) throws(Fault) {
        do throws(CryptoError) {
            try SecureFile.write(path(record.id), record.json.encoded())
        } catch {
            throw Fault(.unavailable, "the agent cannot store the command: \(error)")
        }
    }

    /// Forgets a record.
    func forget(_ id: String) { _ = unsafe unlink(path(id)) }

    /// All records that can be read.
    var all: [DetachedRecord] {
        guard let stream = unsafe opendir(folder) else { return [] }
        defer { unsafe closedir(stream) }
        var found: [DetachedRecord] = []
        while let entry = unsafe readdir(stream) {
            let name = unsafe withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            guard name.hasSuffix(".json"),
                let bytes = try? SecureFile.readIfPresent(
                    "\(folder)/\(name)", refusing: SecureFile.changeByOthers),
                let json = try? JSON(parsing: bytes), let record = DetachedRecord(json)
            else { continue }
            found.append(record)
        }
        return found
    }
}
