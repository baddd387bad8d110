// A part of the journal: a file that only grows, and what is known of each key in it. A record is
// one line of JSON: `{"begin":KEY,"of":PRINCIPAL,"method":…,"digest":…}` before a call is served,
// then `end` with its `reply`, or `free` if nothing was begun. Invariant: a line that a crash has
// cut is passed over, and what cannot be written is still known in memory.
import Crypto
import Glibc
import JSON
import Loop

/// A file of the journal.
@IO final class JournalSegment {
    /// What is known of a call.
    struct Entry {
        /// Where the reply is.
        enum Outcome {
            /// The call was begun, and the process ended before it did.
            case unknown
            /// The reply's place in the file.
            case stored(offset: Int, count: Int)
            /// The reply of this many bytes is not in the file.
            case left(count: Int)
        }

        let method: String
        let digest: String
        let outcome: Outcome
    }

    /// The most bytes of a reply that is stored: longer ones are outputs, which their session or
    /// command still has.
    nonisolated static let replyLimit = 64 << 10
    /// Bytes after which a file takes no more replies: a start reads two files in about 0.1 s.
    nonisolated static let fileLimit = 4 << 20
    /// Entries after which a file takes no more: each takes about 200 bytes of memory and of disk.
    nonisolated static let entryLimit = 10_000
    /// Seconds after which a file takes no more; two files hold at least this time and at most
    /// twice as much.
    nonisolated static let age: Int64 = 12 * 3600
    /// Seconds before which a file without room for replies takes keys alone: a relay asks again
    /// within two minutes, and must find what is younger.
    nonisolated static let youth: Int64 = 900
    /// The most bytes of a file: its replies, one more, and the keys.
    nonisolated private static let mostBytes = fileLimit + replyLimit + 2 * 400 * entryLimit

    /// Why nothing is stored in the file; nil while it is.
    private(set) var failure: String?
    /// The number by which the arguments of its calls are hashed.
    private(set) var salt: [UInt8]
    private let path: String?
    private var descriptor: Int32 = -1
    private var size = 0
    private var entries: [JournaledCall.Key: Entry] = [:]
    /// When it was begun; a clock that is set does not move it.
    private var since = IO.now

    /// Opens a file and reads what is in it; without a path, nothing is stored.
    ///
    /// A file that cannot be read is moved aside, as its keys are not known. `salt` is that of a
    /// new file.
    init(_ path: String?, salt: [UInt8]) {
        self.path = path
        self.salt = salt
        guard let path else { return }
        do throws(CryptoError) {
            if let bytes = try SecureFile.readIfPresent(
                path, limit: Self.mostBytes, refusing: SecureFile.useByOthers)
            {
                read(bytes)
            }
        } catch {
            failure = "\(error); it was moved to \(path).unreadable"
            if unsafe rename(path, path + ".unreadable") != 0 { return }
        }
        let (flags, mode) = (O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, mode_t(0o600))
        descriptor = unsafe open(path, flags, mode)
        if descriptor < 0 {
            fail("open")
        } else if size == 0 {
            write(Array("{\"since\":\(Self.clock),\"salt\":\"\(Hex.encode(self.salt))\"}\n".utf8))
        } else if !endsWithLine {
            // A crash may have cut the last line anywhere: the next one begins after it.
            write([UInt8(ascii: "\n")])
        }
    }

    isolated deinit { if descriptor >= 0 { close(descriptor) } }

    /// Whether the next file must be begun.
    var isFull: Bool {
        let age = (IO.now - since).components.seconds
        return entries.count >= Self.entryLimit || age >= Self.age
            || size >= Self.fileLimit && age >= Self.youth
    }

    /// Whether what is in it is too old to be kept.
    var isOutdated: Bool { (IO.now - since).components.seconds >= 2 * Self.age }

    /// What is known of a key.
    subscript(key: JournaledCall.Key) -> Entry? { entries[key] }

    /// Notes that a call begins.
    func begin(_ call: JournaledCall) {
        entries[call.key] = Entry(method: call.method, digest: call.digest, outcome: .unknown)
        if !call.isShortLived { write(Self.line("begin", call) + Array("}\n".utf8)) }
    }

    /// Notes how a call ended; false if the reply is not in the file.
    func end(_ call: JournaledCall, _ reply: [UInt8]) -> Bool {
        var outcome = Entry.Outcome.left(count: reply.count)
        if !call.isShortLived {
            var line = Self.line("end", call)
            let isShort = reply.count <= Self.replyLimit && size < Self.fileLimit
            line += Array((isShort ? ",\"reply\":" : ",\"bytes\":\(reply.count)").utf8)
            let offset = size + line.count
            if isShort { line += reply }
            if write(line + Array("}\n".utf8)), isShort {
                outcome = .stored(offset: offset, count: reply.count)
            }
        }
        entries[call.key] = Entry(method: call.method, digest: call.digest, outcome: outcome)
        if case .stored = outcome { return true }
        return false
    }

    /// Notes that a call began nothing, so that its key is free.
    func free(_ call: JournaledCall) {
        entries[call.key] = nil
        if !call.isShortLived { write(Self.line("free", call) + Array("}\n".utf8)) }
    }

    /// The bytes of a stored reply; nil if the disk fails.
    func reply(at offset: Int, count: Int) -> [UInt8]? {
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            filled = max(0, unsafe pread(descriptor, buffer.baseAddress, count, off_t(offset)))
        }
        return bytes.count == count ? bytes : nil
    }

    /// Has the disk store what was written, which takes milliseconds.
    func sync() async {
        let file = descriptor
        guard file >= 0 else { return }
        // The file is kept open until the disk has answered.
        let failed = await Blocking.run { fdatasync(file) != 0 ? errno : 0 }
        if failed != 0 { fail("fdatasync", failed) }
    }

    /// Gives the file another name; false if that fails, and the file goes on as it is.
    func move(to name: String) -> Bool {
        guard let path, descriptor >= 0 else { return true }
        guard unsafe rename(path, name) == 0 else {
            fail("rename")
            return false
        }
        return true
    }

    // MARK: The file

    private static func line(_ what: String, _ call: JournaledCall) -> [UInt8] {
        var line = Array("{\"\(what)\":".utf8)
        JSON.write(string: call.key.name, into: &line)
        line += Array(",\"of\":".utf8)
        JSON.write(string: call.key.principal, into: &line)
        line += Array(",\"method\":\"\(call.method)\",\"digest\":\"\(call.digest)\"".utf8)
        return line
    }

    @discardableResult
    private func write(_ line: [UInt8]) -> Bool {
        guard descriptor >= 0 else { return false }
        let written = unsafe line.withUnsafeBytes { bytes in
            var count = 0
            repeat {
                count = unsafe Glibc.write(descriptor, bytes.baseAddress, bytes.count)
            } while count < 0 && errno == EINTR
            return count
        }
        guard written == line.count else {
            fail("write", written < 0 ? errno : ENOSPC)
            // A part of a line would spoil the next one.
            if written > 0 { _ = ftruncate(descriptor, off_t(size)) }
            return false
        }
        size += line.count
        return true
    }

    private func fail(_ step: String, _ code: Int32 = errno) {
        failure = "\(step): \(CryptoError.file(path: path ?? "", code: code))"
    }

    private var endsWithLine: Bool {
        reply(at: size - 1, count: 1) == [UInt8(ascii: "\n")]
    }

    private func read(_ bytes: [UInt8]) {
        size = bytes.count
        var start = 0
        while start < size {
            let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) ?? size
            take(Array(bytes[start..<end]), at: start)
            start = end + 1
        }
    }

    private func take(_ line: [UInt8], at start: Int) {
        guard let members = try? JSON.members(of: line) else { return }
        var places: [String: Range<Int>] = [:]
        for member in members { places[member.name] = member.value }
        func text(_ name: String) -> String? { value(name)?.stringValue }
        func value(_ name: String) -> JSON? {
            places[name].flatMap { try? JSON(parsing: Array(line[$0])) }
        }
        if let time = value("since")?.intValue {
            // A clock that was set back since makes the file new.
            since = IO.now - .seconds(min(max(0, Self.clock - time), 2 * Self.age))
            salt = text("salt").flatMap { Hex.decode($0) } ?? salt
        }
        guard let name = text("begin") ?? text("end") ?? text("free"),
            let principal = text("of"), let method = text("method"), let digest = text("digest")
        else { return }
        var outcome = Entry.Outcome.unknown
        if let place = places["reply"] {
            outcome = .stored(offset: start + place.lowerBound, count: place.count)
        } else if let count = value("bytes")?.intValue {
            outcome = .left(count: Int(clamping: count))
        }
        entries[JournaledCall.Key(principal: principal, name: name)] =
            places["free"] == nil ? Entry(method: method, digest: digest, outcome: outcome) : nil
    }

    /// Seconds since 1970.
    private static var clock: Int64 {
        var now = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &now)
        return Int64(now.tv_sec)
    }
}
