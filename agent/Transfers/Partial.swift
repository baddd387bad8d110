// A file that a transfer writes under a hidden name, until it is complete.
// Invariant: the name is the same for the same source, size and time, so that a repetition finds
// it.
import Crypto
import Loop
import SSH
import Wire

/// A file that is being written under a hidden name.
@IO struct Partial {
    let entry: TransferEntry
    /// The final path.
    let path: String
    /// The hidden path, in the same directory.
    let name: String
    let file: any OpenFile
    /// Where the next bytes go.
    var offset: Int
    /// Where the last bytes that were written end.
    var written = 0
    /// Whether there is a file of the final name.
    var exists = false

    init(entry: TransferEntry, path: String, name: String, file: any OpenFile, offset: Int) {
        (self.entry, self.path, self.name) = (entry, path, name)
        (self.file, self.offset, written) = (file, offset, offset)
    }

    /// Goes on behind some bytes.
    mutating func skip(_ count: Int) throws(TransferFailure) {
        guard count <= entry.size - offset else {
            throw .entry(.failed(reason: "its content is longer than its size"))
        }
        offset += count
    }

    /// The hidden name beside a path: the same for the same content, so that it is found again.
    static func name(of path: String, _ content: String) -> String {
        let folder = path.lastIndex(of: "/").map { path[...$0] } ?? ""
        let mark = Hex.encode(Array(SHA256.hash(Array("\(path)\n\(content)".utf8)).prefix(10)))
        return "\(folder).homeline-\(mark).part"
    }
}

extension FileStore {
    /// The digest of a whole file, read piece by piece.
    func digest(of path: String) async throws(FileError) -> [UInt8] {
        let file = try await open(path, .read, mode: nil)
        let pieces = file.pieces(from: 0, upTo: .max)
        var hasher = SHA256()
        while true {
            let piece = try await pieces.next()
            guard !piece.isEmpty else { break }
            hasher.update(piece)
        }
        // It stays open until all of it was read.
        try await file.close()
        return hasher.finish()
    }
}
