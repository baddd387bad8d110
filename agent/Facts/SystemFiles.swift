// Files of the system from which the machine's facts are read. Invariant: no read waits for a
// writer or takes more than its limit.
import Glibc

/// The files of a system; `root` is not empty where a test lays out a system of its own.
struct SystemFiles: Sendable {
    var root = ""

    /// The beginning of a file, at most `limit` bytes; nil if it cannot be read.
    func head(of path: String, limit: Int = 16 << 10) -> String? {
        // Non-blocking, so that a FIFO under this name does not hang the reader.
        let file = unsafe open(root + path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: min(limit, 16 << 10))
        while bytes.count < limit {
            let count = unsafe Glibc.read(file, &piece, min(piece.count, limit - bytes.count))
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { return nil }
            guard count > 0 else { break }
            bytes += piece[..<count]
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The first line of a short file; nil if it is empty or cannot be read.
    func line(of path: String) -> String? {
        let line = head(of: path, limit: 1024)?.split(separator: "\n").first ?? ""
        return line.isEmpty ? nil : String(line)
    }

    /// Whether something has this path.
    func has(_ path: String) -> Bool { unsafe access(root + path, F_OK) == 0 }

    /// Whether a path is a file that this user may run.
    func hasProgram(_ path: String) -> Bool {
        var found = stat()
        return unsafe stat(root + path, &found) == 0 && found.st_mode & S_IFMT == S_IFREG
            && access(root + path, X_OK) == 0
    }

    /// The value of a key in lines such as `KEY=value` or `key : value`.
    static func value(_ key: String, in text: String, _ separator: Character) -> String? {
        for line in text.split(separator: "\n") {
            guard let split = line.firstIndex(of: separator),
                line[..<split].trimmed == key
            else { continue }
            let value = line[line.index(after: split)...].trimmed
            let isQuoted =
                value.count > 1 && (value.first == "\"" || value.first == "'")
                && value.last == value.first
            return isQuoted ? String(value.dropFirst().dropLast()) : value
        }
        return nil
    }
}

extension Substring {
    /// The text without blanks at its ends.
    fileprivate var trimmed: String {
        let start = drop { $0 == " " || $0 == "\t" }
        let end = start.lastIndex { $0 != " " && $0 != "\t" }
        return end.map { String(start[...$0]) } ?? ""
    }
}
