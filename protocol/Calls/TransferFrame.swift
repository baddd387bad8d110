// What the two ends of a transfer say to each other over a stream, which are agents or the relay's
// drop-box, and how it is written. Pure.
// Invariant: a frame is bounded, and one that cannot be read ends the transfer.
import JSON

/// An entry of what is transferred.
public struct TransferEntry: Sendable, Equatable {
    /// What an entry is.
    public enum Kind: String, Sendable {
        /// A file.
        case file
        /// A directory.
        case directory
        /// A symbolic link.
        case link
    }

    /// Counts the entries of a transfer.
    public var number: Int
    /// Its path below the source; empty: the source itself.
    public var path: String
    /// What it is.
    public var kind: Kind
    /// The bytes of a file.
    public var size = 0
    /// Permission bits.
    public var mode: UInt32?
    /// Seconds since 1970 of the last change.
    public var modified: UInt32?
    /// Where a link points.
    public var link: String?
    /// Whether its content follows at once, as it is small.
    public var isInline = false

    /// An entry to be filled in.
    public init(number: Int, path: String, kind: Kind) {
        (self.number, self.path, self.kind) = (number, path, kind)
    }
}

/// One message of a transfer.
public enum TransferFrame: Sendable, Equatable {
    // From the source.
    /// First: how much there is, the source's absolute path and its name.
    case total(files: Int, bytes: Int, path: String, name: String)
    /// What comes next.
    case entry(TransferEntry)
    /// The next bytes of the file.
    case data([UInt8])
    /// So many zeros.
    case hole(Int)
    /// The file is complete; its digest, or nothing.
    case end(sha256: [UInt8])
    /// An entry cannot be read; if a file's content has begun, it is that file.
    case failed(path: String, reason: String)
    /// Everything was sent.
    case done
    // From the destination.
    /// Send the content of the file from this offset on; nil: not at all.
    case want(number: Int, from: Int?)
    /// Send no more of the file.
    case abandon(number: Int)
    // From either.
    /// The transfer is over.
    case broken(code: String, reason: String)

    /// The most bytes of a piece of content.
    public static let piece = 256 << 10
    /// The most bytes of a frame's body: a piece, or an entry with two paths of 4 KiB as JSON.
    public static let limit = 256 << 10

    /// What it costs to hold it.
    public var weight: Int {
        switch self {
        case .data(let bytes): bytes.count
        case .total(_, _, let path, let name): Self.note + path.utf8.count + name.utf8.count
        case .entry(let entry):
            Self.note + entry.path.utf8.count + (entry.link?.utf8.count ?? 0)
        case .failed(let text, let reason), .broken(let text, let reason):
            Self.note + text.utf8.count + reason.utf8.count
        case .hole, .end, .done, .want, .abandon: Self.note
        }
    }

    /// What a frame without texts costs, in bytes.
    private static let note = 512
}

extension TransferFrame {
    private enum Kind: UInt8 {
        case note = 1
        case data, hole, end
    }

    /// As bytes: kind, length, body.
    public var encoded: [UInt8] {
        switch self {
        case .data(let bytes): Self.framed(.data, bytes)
        case .hole(let count): Self.framed(.hole, Array(String(count).utf8))
        case .end(let digest): Self.framed(.end, digest)
        case .total(let files, let bytes, let path, let name):
            note(
                "total",
                [
                    "files": .integer(files), "bytes": .integer(bytes), "path": .string(path),
                    "name": .string(name),
                ])
        case .entry(let entry): note("entry", entry.members)
        case .failed(let path, let reason):
            note("failed", ["path": .string(path), "reason": .string(reason)])
        case .done: note("done", [:])
        case .want(let number, let offset):
            note(
                "want",
                [
                    "number": .integer(number), "from": offset.map { .integer($0) } ?? .null,
                ])
        case .abandon(let number): note("abandon", ["number": .integer(number)])
        case .broken(let code, let reason):
            note("broken", ["code": .string(code), "reason": .string(reason)])
        }
    }

    private func note(_ name: String, _ members: JSON.Object) -> [UInt8] {
        var members = members
        members["is"] = .string(name)
        return Self.framed(.note, RawJSON(.object(members)).bytes)
    }

    private static func framed(_ kind: Kind, _ body: [UInt8]) -> [UInt8] {
        let count = UInt32(body.count)
        return [kind.rawValue] + (0..<4).map { UInt8(truncatingIfNeeded: count >> (24 - 8 * $0)) }
            + body
    }

    /// The bytes before a frame's body.
    public static let headBytes = 5

    /// The length of the body that a head announces; nil: these bytes are not a head.
    public static func bodyBytes(_ head: ArraySlice<UInt8>) -> Int? {
        guard head.count == headBytes, let kind = head.first, Kind(rawValue: kind) != nil else {
            return nil
        }
        let count = head.dropFirst().reduce(0) { $0 << 8 | Int($1) }
        return count <= limit ? count : nil
    }

    /// Reads a frame; nil: it is none.
    public init?(_ kind: UInt8, _ body: [UInt8]) {
        switch Kind(rawValue: kind) {
        case .data where !body.isEmpty: self = .data(body)
        case .hole:
            guard let count = Int(String(decoding: body, as: UTF8.self)), count > 0 else {
                return nil
            }
            self = .hole(count)
        case .end where body.isEmpty || body.count == 32: self = .end(sha256: body)
        case .note:
            guard let json = try? JSON(parsing: body) else { return nil }
            self.init(json)
        case .data, .end, nil: return nil
        }
    }

    private init?(_ json: JSON) {
        func number(_ name: String) -> Int? {
            json[name]?.intValue.flatMap { $0 >= 0 ? Int($0) : nil }
        }
        func text(_ name: String) -> String? { json[name]?.stringValue }
        switch text("is") {
        case "total":
            guard let files = number("files"), let bytes = number("bytes"),
                let path = text("path"), let name = text("name")
            else { return nil }
            self = .total(files: files, bytes: bytes, path: path, name: name)
        case "entry":
            guard let entry = TransferEntry(json) else { return nil }
            self = .entry(entry)
        case "failed":
            guard let path = text("path"), let reason = text("reason") else { return nil }
            self = .failed(path: path, reason: reason)
        case "done": self = .done
        case "want":
            guard let count = number("number") else { return nil }
            self = .want(number: count, from: number("from"))
        case "abandon":
            guard let count = number("number") else { return nil }
            self = .abandon(number: count)
        case "broken":
            guard let code = text("code"), let reason = text("reason") else { return nil }
            self = .broken(code: code, reason: reason)
        case _: return nil
        }
    }
}

extension TransferEntry {
    fileprivate var members: JSON.Object {
        var all: JSON.Object = [
            "number": .integer(number), "path": .string(path), "kind": .string(kind.rawValue),
            "size": .integer(size), "inline": .bool(isInline),
        ]
        all["mode"] = mode.map { .integer($0) }
        all["modified"] = modified.map { .integer($0) }
        all["link"] = link.map { .string($0) }
        return all
    }

    fileprivate init?(_ json: JSON) {
        guard let number = json["number"]?.intValue, let path = json["path"]?.stringValue,
            let kind = json["kind"]?.stringValue.flatMap(Kind.init(rawValue:)),
            let size = json["size"]?.intValue, size >= 0, Self.isSafe(path)
        else { return nil }
        self.init(number: Int(number), path: path, kind: kind)
        self.size = Int(size)
        mode = json["mode"]?.intValue.map { UInt32(truncatingIfNeeded: $0) & 0o7777 }
        modified = json["modified"]?.intValue.map { UInt32(clamping: $0) }
        link = json["link"]?.stringValue
        isInline = json["inline"]?.boolValue == true
        guard kind != .link || link?.isEmpty == false else { return nil }
    }

    /// Whether a path stays below the source, whoever made it.
    public static func isSafe(_ path: String) -> Bool {
        path.isEmpty
            || path.split(separator: "/", omittingEmptySubsequences: false)
                .allSatisfy { isName(String($0)) }
    }

    /// Whether a file can have this name.
    public static func isName(_ name: String) -> Bool {
        !["", ".", ".."].contains(name) && !name.contains("/") && !name.utf8.contains(0)
    }
}
