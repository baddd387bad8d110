// The server's messages of SFTP version 3 (draft-ietf-secsh-filexfer-02): bytes to values. Pure.
// Invariant: whatever a server sends gives a value or an error, never a trap, and a message over
// the limit is refused before it is collected.

/// One message from the server.
enum SFTPReply: Equatable {
    case version(UInt32, extensions: [String])
    case status(code: UInt32, message: String)
    case handle([UInt8])
    case data([UInt8])
    case names([Name])
    case attributes(FileAttributes)
    /// The answer to a request of an extension.
    case extended([UInt8])

    /// A name in a directory, or the answer to a question for a path.
    struct Name: Equatable {
        let name: String
        let attributes: FileAttributes
        /// How many names the file has, where the server's line for people says that.
        var links: Int?
    }

    /// How many extensions are remembered; OpenSSH 10 has 14.
    private static let extensionLimit = 64

    /// Reads one message without its length; the id is 0 for the version.
    static func read(_ bytes: ArraySlice<UInt8>) -> (id: UInt32, reply: SFTPReply)? {
        var reader = WireReader(bytes)
        guard let type = reader.byte(), let id = reader.uint32() else { return nil }
        switch type {
        case 2:
            // Pairs of a name and data; a server may end in the middle of one, as nothing reads on.
            var names: [String] = []
            while names.count < Self.extensionLimit, let name = reader.text(),
                reader.string() != nil
            {
                names.append(name)
            }
            return (0, .version(id, extensions: names))
        case 101:
            guard let code = reader.uint32() else { return nil }
            // Version 3 includes a message here, but some servers leave it out.
            let words = reader.string().map { String(decoding: $0.prefix(500), as: UTF8.self) }
            return (id, .status(code: code, message: words ?? ""))
        case 102:
            // Handles are opaque, at most 256 bytes.
            guard let handle = reader.string(), handle.count <= 256 else { return nil }
            return (id, .handle(Array(handle)))
        case 103: return reader.string().map { (id, .data(Array($0))) }
        case 104:
            guard let count = reader.uint32() else { return nil }
            var names: [Name] = []
            for _ in 0..<count {
                guard let name = reader.text(), let line = reader.string(),
                    let attributes = FileAttributes(&reader)
                else { return nil }
                names.append(
                    Name(name: name, attributes: attributes, links: Self.links(in: line)))
            }
            return (id, .names(names))
        case 105: return FileAttributes(&reader).map { (id, .attributes($0)) }
        case 201: return (id, .extended(Array(reader.rest)))
        default: return nil
        }
    }

    /// The number of names in a line as `ls -l` writes it, which OpenSSH sends with each entry.
    private static func links(in line: ArraySlice<UInt8>) -> Int? {
        let words = line.prefix(40).split(separator: 0x20, maxSplits: 2)
        guard words.count > 1, words[0].count >= 10 else { return nil }
        return Int(String(decoding: words[1], as: UTF8.self))
    }
}

extension FileError {
    /// The error for a status of the server; nil: all went well, or the file is at its end.
    init?(status code: UInt32, _ message: String) {
        switch code {
        case 0, 1: return nil
        case 2, 10: self = .notFound
        case 3: self = .denied
        case 4, 5:
            // OpenSSH says "Failure" for every error without a code, and "Bad message" for a name
            // that is too long and whatever else the kernel calls invalid.
            let isNamed = !["", "Failure", "Bad message"].contains(message)
            self = isNamed ? .failed(reason: message) : .unexplained
        case 6, 7: self = .failed(reason: "the server lost its connection")
        case 8: self = .unsupported
        case 9: self = .failed(reason: "the file is not open any more")
        case 11: self = .exists
        case 12: self = .readOnly
        case 13: self = .failed(reason: "there is no medium")
        case 14: self = .full
        case 15: self = .quota
        case 17: self = .failed(reason: "it is locked")
        case 18: self = .notEmpty
        case 19: self = .failed(reason: "it is not a directory")
        case 21: self = .failed(reason: "symbolic links lead in a circle")
        default: self = .failed(reason: message.isEmpty ? "status \(code)" : message)
        }
    }
}

/// Splits what the server sends into messages.
struct SFTPSplitter {
    /// The longest message in bytes: the most that OpenSSH sends.
    static let limit = 256 << 10
    /// The beginning of a message whose rest has not come.
    private var begun: [UInt8] = []

    /// Adds bytes; returns the complete messages, or nil if one would be too long or empty.
    mutating func take(_ more: [UInt8]) -> [ArraySlice<UInt8>]? {
        var messages: [ArraySlice<UInt8>] = []
        var rest = more[...]
        if !begun.isEmpty {
            // Only what belongs to this message is copied to it.
            fill(to: 4, from: &rest)
            guard begun.count >= 4 else { return messages }
            guard let length = Self.length(begun[...]) else { return nil }
            fill(to: 4 + length, from: &rest)
            guard begun.count == 4 + length else { return messages }
            messages.append(begun.dropFirst(4))
            begun = []
        }
        while rest.count >= 4 {
            guard let length = Self.length(rest) else { return nil }
            guard rest.count >= 4 + length else { break }
            messages.append(rest.dropFirst(4).prefix(length))
            rest = rest.dropFirst(4 + length)
        }
        begun = Array(rest)
        return messages
    }

    private mutating func fill(to count: Int, from rest: inout ArraySlice<UInt8>) {
        let more = rest.prefix(max(0, count - begun.count))
        begun.reserveCapacity(count)
        begun.append(contentsOf: more)
        rest = rest.dropFirst(more.count)
    }

    /// The length of the message that begins here, without its own four bytes.
    private static func length(_ bytes: ArraySlice<UInt8>) -> Int? {
        let length = bytes.prefix(4).reduce(0) { $0 << 8 | Int($1) }
        return (1...limit).contains(length) ? length : nil
    }
}
