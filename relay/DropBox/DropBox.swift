// The drop-box: files that wait on the relay's disk for a client or a target, each with its owner
// and an end. Flow: DropTransfers and FileDoor write and read them; `file_drop` lists, deletes and
// makes URLs. Invariant: the store says which files there are, a file has its final name only when
// it is whole, and what the store does not know is swept away.
import Crypto
import Glibc
import Loop
import Wire

/// The files that wait on the relay.
@IO final class DropBox {
    /// The most files of all owners, and of one: a list of them is short, and so is a sweep.
    nonisolated static let files = 256
    nonisolated static let ownerFiles = 64
    /// The most bytes of a file's name, as file systems take them.
    nonisolated static let nameLimit = 255
    /// How many bytes room is made for at once, for a file whose size nobody has announced.
    nonisolated static let step = 16 << 20
    /// The time between two sweeps.
    nonisolated static let sweepPeriod = Duration.seconds(60)
    /// How long a newer upload waits for the end of the one whose place it takes.
    private static let succession = Duration.seconds(5)

    let caps: DropCaps
    /// The URL above `/files`, by which clients reach the relay.
    var base = ""
    private let store: Store
    private let folder: String
    private let lifetime: Duration
    private let spare: Int
    /// What reads and writes files now: the file of each, and what ends it.
    private var uses: [Int: (file: String, stop: @IO () -> Void)] = [:]
    private var lastUse = 0
    private let changed = Condition()

    /// A drop-box for `bytes` bytes, of which one owner has at most half; 0: there is none.
    ///
    /// `spare` is how many bytes of the disk it leaves free.
    init(
        store: Store, folder: String, bytes: Int, lifetime: Duration, spare: Int = DropFile.spare
    ) {
        (self.store, self.folder, self.lifetime) = (store, folder, lifetime)
        self.spare = spare
        caps = DropCaps(
            bytes: bytes, ownerBytes: bytes / 2 + bytes % 2, files: Self.files,
            ownerFiles: Self.ownerFiles)
    }

    /// Throws if the operator has switched it off.
    func checkUsable() throws(DropError) { if caps.bytes == 0 { throw .off } }

    // MARK: Files

    /// Whether a text can be a file's name.
    nonisolated static func isName(_ text: String) -> Bool {
        (1...nameLimit).contains(text.utf8.count) && ![".", ".."].contains(text)
            && text.unicodeScalars.allSatisfy {
                $0 != "/" && $0.value >= 32 && !(127..<160).contains($0.value)
            }
    }

    /// Makes a place for a file that is to come from a target.
    func expect(_ name: String, of owner: String, size: Int) async throws(DropError) -> DropRecord {
        let record = try newRecord(name, of: owner, .arriving, size: size, room: size)
        try await add(record, url: nil)
        return record
    }

    /// Makes a URL to which a file can be sent once.
    func uploadURL(
        for name: String, of owner: String, room: Int?
    ) async throws(DropError) -> (record: DropRecord, url: String) {
        let record = try newRecord(
            name, of: owner, .awaited, size: 0, room: min(room ?? .max, caps.ownerBytes))
        let url = DropURL()
        try await add(record, url: url.hash)
        return (record, url.text(base: base, name: nil))
    }

    private func newRecord(
        _ name: String, of owner: String, _ state: DropInfo.State, size: Int, room: Int
    ) throws(DropError) -> DropRecord {
        try checkUsable()
        guard Self.isName(name) else { throw .badName }
        let now = store.now()
        return DropRecord(
            id: Store.newID(), owner: owner, name: name, state: state, size: size, sha256: nil,
            room: room, created: now, expires: now + lifetime.components.seconds)
    }

    private func add(_ record: DropRecord, url: [UInt8]?) async throws(DropError) {
        if let lack = try await stored({ () throws(StoreError) in
            try await store.addDrop(record, url: url, caps)
        }) {
            throw .lacking(lack, caps)
        }
    }

    /// A URL of a whole file; an earlier one ends.
    func downloadURL(of record: DropRecord) async throws(DropError) -> String {
        let url = DropURL()
        try await stored { () throws(StoreError) in
            try await store.renewDropURL(url.hash, of: record)
        }
        return url.text(base: base, name: record.name)
    }

    /// The files of an owner, the newest first.
    func list(of owner: String) async throws(DropError) -> [DropRecord] {
        let now = store.now()
        return try await stored { () throws(StoreError) in try await store.drops(of: owner) }
            .filter { !$0.isOver(at: now) }
    }

    /// An owner's whole file of this name.
    func find(_ name: String, of owner: String) async throws(DropError) -> DropRecord {
        try checkUsable()
        guard
            let record = try await list(of: owner)
                .first(where: { $0.name == name && $0.state == .whole })
        else { throw .unknownName(name) }
        return record
    }

    /// Deletes every file of an owner that has this name, whatever its state; returns how many.
    func delete(_ name: String, of owner: String) async throws(DropError) -> Int {
        let records = try await list(of: owner).filter { $0.name == name }
        guard !records.isEmpty else { throw .unknownName(name) }
        try await remove(records.map(\.id), .deleted)
        return records.count
    }

    /// Removes files, and ends what reads and writes them.
    func remove(_ ids: [String], _ why: DropURLEnd) async throws(DropError) {
        guard !ids.isEmpty else { return }
        try await stored { () throws(StoreError) in try await store.deleteDrops(ids, why) }
        for id in ids { stopUses(of: id) }
        await unlink(ids)
    }

    /// Removes what belongs to a principal that has lost its rights.
    func removeAll(of owner: String) async {
        do throws(DropError) {
            let records = try await stored { () throws(StoreError) in
                try await store.drops(of: owner)
            }
            try await remove(records.map(\.id), .revoked)
        } catch {
            Process.log("the drop-box: \(error)")
        }
    }

    // MARK: URLs

    /// The file that a URL leads to.
    func find(
        _ url: DropURL
    ) async throws(DropError) -> (record: DropRecord, direction: DropDirection) {
        guard caps.bytes > 0,
            let found = try await stored({ () throws(StoreError) in
                try await store.drop(byURL: url.hash)
            })
        else { throw .unknownURL }
        if let end = found.end { throw .ended(end) }
        guard let record = found.record, !record.isOver(at: store.now()) else {
            throw .ended(.expired)
        }
        return (record, found.direction)
    }

    // MARK: Bytes

    private func path(_ id: String, isPartial: Bool) -> String {
        "\(folder)/\(id)" + (isPartial ? Self.partial : "")
    }

    private static let partial = ".part"

    /// Opens a whole file.
    func read(_ record: DropRecord) async throws(DropError) -> DropFile {
        try await DropFile.reading(path(record.id, isPartial: false))
    }

    /// How much of a file is there that is not whole.
    func received(of record: DropRecord) async -> Int {
        guard let file = try? await DropFile.reading(path(record.id, isPartial: true)) else {
            return 0
        }
        return (try? await file.size()) ?? 0
    }

    /// Opens a file that is not whole, after what is there, or from its beginning.
    func write(_ record: DropRecord, keeps: Bool) async throws(DropError) -> DropWriter {
        let end = IO.now + Self.succession
        stopUses(of: record.id)
        await changed.wait(until: end) { uses.values.allSatisfy { $0.file != record.id } }
        // The one before may have sent the whole file meanwhile.
        guard
            let present = try await stored({ () throws(StoreError) in
                try await store.drop(record.id)
            })
        else { throw .deleted }
        guard present.state != .whole else { throw .ended(.used) }
        try await makeFolder()
        guard
            let file = try await DropFile.writing(
                path(record.id, isPartial: true), keeps: keeps, sparing: spare)
        else { throw .overtaken }
        return DropWriter(file, from: try await file.size())
    }

    /// Makes room for a file up to a size.
    func makeRoom(for record: DropRecord, upTo size: Int) async throws(DropError) {
        guard size <= record.room else { throw .tooLarge(limit: record.room) }
        switch try await stored({ () throws(StoreError) in
            try await store.resizeDrop(record, to: size, caps)
        }) {
        case .resized: break
        case .lacks(let lack): throw .lacking(lack, caps)
        case .gone: throw .deleted
        }
    }

    /// A broken upload holds what is there of it, and no more; of one that was deleted nothing is
    /// left.
    func breakOff(_ record: DropRecord, _ writer: DropWriter) async {
        guard await !isDeleted(record) else { return await unlink([record.id]) }
        try? await writer.file.settle(at: writer.offset)
        try? await makeRoom(for: record, upTo: writer.offset)
    }

    /// Gives a file that has come as a whole its name, once the disk has it.
    ///
    /// `expected` is the digest that it must have, where its sender has said that.
    func finish(
        _ record: DropRecord, _ writer: DropWriter, expected: [UInt8] = []
    ) async throws(DropError) -> DropRecord {
        try await makeRoom(for: record, upTo: writer.offset)
        try await writer.file.settle(at: writer.offset)
        // From the disk: the digest is of what will be read.
        let digest = try await writer.file.digest()
        guard expected.isEmpty || expected == digest else { throw .changed }
        let (partial, final) = (
            path(record.id, isPartial: true), path(record.id, isPartial: false)
        )
        let folder = folder
        let code = await Blocking.run { DropFile.rename(partial, to: final, in: folder) }
        guard code == 0 else { throw code == ENOENT ? .deleted : .system(code) }
        guard
            let (whole, replaced) = try await stored({ () throws(StoreError) in
                try await store.finishDrop(record.id, size: writer.offset, sha256: digest)
            })
        else {
            await unlink([record.id])
            throw .deleted
        }
        if let replaced {
            stopUses(of: replaced)
            await unlink([replaced])
        }
        return whole
    }

    /// Whether a file was deleted.
    func isDeleted(_ record: DropRecord) async -> Bool {
        do throws(StoreError) { return try await store.drop(record.id) == nil } catch {
            return false
        }
    }

    /// Notes who reads or writes a file, so that the file's end ends that.
    func use(_ id: String, stop: @escaping @IO () -> Void) -> Int {
        lastUse += 1
        uses[lastUse] = (id, stop)
        return lastUse
    }

    /// A use has ended.
    func ended(_ use: Int) {
        uses[use] = nil
        changed.broadcast()
    }

    private func stopUses(of id: String) {
        for use in uses.values where use.file == id { use.stop() }
    }

    // MARK: Sweeping

    /// Removes what an earlier process has left unfinished, and sweeps from now on until the timer
    /// is cancelled.
    ///
    /// Of two processes, one of which takes over, both may sweep.
    func start() async -> LoopTimer {
        await sweep()
        do throws(DropError) { try await clear() } catch { Process.log("the drop-box: \(error)") }
        return LoopTimer(after: Self.sweepPeriod, repeating: Self.sweepPeriod) { [weak self] in
            IO.task { await self?.sweep() }
        }
    }

    /// Removes what is unfinished, and files that the store does not know.
    ///
    /// The folder is read first: a file that gets its name meanwhile is not among these.
    private func clear() async throws(DropError) {
        let folder = folder
        let names = await Blocking.run { Self.idleNames(in: folder) }
        let (ids, known) = try await stored { () throws(StoreError) in
            (try await store.wholeDropIDs(), try await store.drops())
        }
        let strangers = names.filter { !ids.contains($0) }
        let paths = known.map { path($0.id, isPartial: true) }
        let isIdle = await Blocking.run {
            for name in strangers { _ = unsafe Glibc.unlink("\(folder)/\(name)") }
            return paths.map { !DropFile.isBeingWritten($0) }
        }
        for (record, isIdle) in zip(known, isIdle) where isIdle {
            switch record.state {
            case .arriving: try? await remove([record.id], .deleted)
            case .awaited: try? await makeRoom(for: record, upTo: 0)
            case .whole: break
            }
        }
    }

    /// Removes what has expired, and forgets old URLs.
    func sweep() async {
        do throws(DropError) {
            let now = store.now()
            let all = try await stored { () throws(StoreError) in try await store.drops() }
            try await remove(all.filter { $0.isOver(at: now) }.map(\.id), .expired)
            try await stored { () throws(StoreError) in try await store.forgetDropURLs() }
        } catch {
            Process.log("the drop-box: \(error)")
        }
    }

    /// The names in the folder of files that nobody writes.
    private nonisolated static func idleNames(in folder: String) -> [String] {
        guard let stream = unsafe opendir(folder) else { return [] }
        defer { unsafe closedir(stream) }
        var names: [String] = []
        while let entry = unsafe readdir(stream) {
            let name = unsafe withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            guard ![".", ".."].contains(name),
                !DropFile.isBeingWritten("\(folder)/\(name)")
            else { continue }
            names.append(name)
        }
        return names
    }

    private func makeFolder() async throws(DropError) {
        let folder = folder
        let failure = await Blocking.run { () -> String? in
            do throws(CryptoError) {
                try SecureFile.makeFolder(folder)
                return nil
            } catch {
                return "\(error)"
            }
        }
        if let failure { throw .disk(failure) }
    }

    private func unlink(_ ids: [String]) async {
        let paths = ids.flatMap { [path($0, isPartial: true), path($0, isPartial: false)] }
        await Blocking.run { for path in paths { _ = unsafe Glibc.unlink(path) } }
    }

    private func stored<Value>(
        _ body: @IO () async throws(StoreError) -> Value
    ) async throws(DropError) -> Value {
        do throws(StoreError) { return try await body() } catch { throw .disk("\(error)") }
    }
}
