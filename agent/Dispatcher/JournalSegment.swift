// A part of the journal: a file that only grows, and what is known of each key in it. A record is
// one line of JSON: `{"begin":KEY,"of":PRINCIPAL,"method":…}` before a call is served, and
// `{"end":KEY,"of":…,"method":…,"reply":{…}}` after it. Invariant: a line that a crash has cut is
// passed over, and what is read never ends the program.
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
        /// As in `JournaledCall`; nil for a call of an earlier process.
        let arguments: Int?
        let outcome: Outcome
    }

    /// The most bytes of a reply that is stored: longer ones are outputs, which their session or
    /// command still has.
    nonisolated static let replyLimit = 64 << 10
    /// Bytes after which a file takes no more: a start reads two files of this size in about 0.1 s.
    nonisolated static let fileLimit = 4 << 20
    /// Entries after which a file takes no more: each takes about 200 bytes of memory.
    nonisolated static let entryLimit = 10_000
    /// Seconds after which a file takes no more; two files hold at least this time and at most
    /// twice as much.
    nonisolated static let age: Int64 = 12 * 3600

    private let path: String?
    private var descriptor: Int32 = -1
    private var size = 0
    private var entries: [JournaledCall.Key: Entry] = [:]
    /// When it was begun, in seconds since 1970.
    private var since: Int64
    /// Why the file cannot be written; nil while it can.
    private(set) var failure: String?

    /// Opens a file of the folder and reads what is in it; without a path, nothing is stored.
    init(_ path: String?, now: Int64) {
        self.path = path
        since = now
        guard let path else { return }
        descriptor = unsafe open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0o600)
        if descriptor < 0 { fail("open") } else { read(path) }
        if descriptor >= 0, size == 0 { write(Array("{\"since\":\(now)}\n".utf8)) }
    }

    isolated deinit { if descriptor >= 0 { close(descriptor) } }

    /// Whether the next file must be begun.
    func isFull(now: Int64) -> Bool {
        size >= Self.fileLimit || entries.count >= Self.entryLimit || now - since >= Self.age
            || now < since
    }

    /// What is known of a key.
    subscript(key: JournaledCall.Key) -> Entry? { entries[key] }

    /// Writes down that a call begins.
    func begin(_ call: JournaledCall) {
        entries[call.key] = Entry(
            method: call.method, arguments: call.arguments, outcome: .unknown)
        write(Self.line("begin", call) + Array("}\n".utf8))
    }

    /// Writes down how a call ended; false if the reply is not in the file.
    @discardableResult
    func end(_ call: JournaledCall, _ reply: [UInt8]) -> Bool {
        var line = Self.line("end", call)
        let isShort = reply.count <= Self.replyLimit
        if isShort {
            line += Array(",\"reply\":".utf8)
        } else {
            line += Array(",\"bytes\":\(reply.count)".utf8)
        }
        let offset = size + line.count
        if isShort { line += reply }
        let isStored = write(line + Array("}\n".utf8)) && isShort
        entries[call.key] = Entry(
            method: call.method, arguments: call.arguments,
            outcome: isStored
                ? .stored(offset: offset, count: reply.count) : .left(count: reply.count))
        return isStored
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

    /// Gives the file another name; only what is open knows it from then on.
    func move(to name: String) {
        if let path, unsafe rename(path, name) != 0 { fail("rename") }
    }

    // MARK: The file

    private static func line(_ what: String, _ call: JournaledCall) -> [UInt8] {
        var line = Array("{\"\(what)\":".utf8)
        JSON.write(string: call.key.name, into: &line)
        line += Array(",\"of\":".utf8)
        JSON.write(string: call.key.principal, into: &line)
        line += Array(",\"method\":".utf8)
        JSON.write(string: call.method, into: &line)
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
        failure = nil
        size += line.count
        return true
    }

    private func fail(_ step: String, _ code: Int32 = errno) {
        failure = "\(step): \(CryptoError.file(path: path ?? "", code: code))"
    }

    private func read(_ path: String) {
        guard
            let bytes = try? SecureFile.read(
                path, limit: 2 * Self.fileLimit + Self.replyLimit,
                refusing: SecureFile.useByOthers)
        else { return fail("read") }
        size = bytes.count
        var start = 0
        while let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) {
            take(Array(bytes[start..<end]), at: start)
            start = end + 1
        }
        guard start < size else { return }
        // A crash may have cut the last line anywhere: the next one begins after it.
        take(Array(bytes[start...]), at: start)
        write([UInt8(ascii: "\n")])
    }

    private func take(_ line: [UInt8], at start: Int) {
        guard let members = try? JSON.members(of: line) else { return }
        var places: [String: Range<Int>] = [:]
        for member in members { places[member.name] = member.value }
        func value(_ name: String) -> JSON? {
            places[name].flatMap { try? JSON(parsing: Array(line[$0])) }
        }
        if let time = value("since")?.intValue { since = time }
        guard let name = (value("begin") ?? value("end"))?.stringValue,
            let principal = value("of")?.stringValue, let method = value("method")?.stringValue
        else { return }
        var outcome = Entry.Outcome.unknown
        if let place = places["reply"] {
            outcome = .stored(offset: start + place.lowerBound, count: place.count)
        } else if let count = value("bytes")?.intValue {
            outcome = .left(count: Int(count))
        }
        entries[JournaledCall.Key(principal: principal, name: name)] = Entry(
            method: method, arguments: nil, outcome: outcome)
    }
}
