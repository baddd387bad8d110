// Everything below a directory that is to be transferred, looked at before it is sent.
// Invariant: each entry has passed the rules; what cannot be sent is named, never left out
// silently.
import Loop
import SSH
import TransferLines
import Wire

/// The entries of a transfer's source.
@IO struct Listing {
    /// The most entries of one transfer: about 30 MiB of memory.
    nonisolated static let limit = 100_000

    struct Entry: Sendable {
        /// The absolute path, and that below the source.
        let path: String
        let below: String
        let attributes: FileAttributes
    }

    private(set) var entries: [Entry] = []
    private(set) var problems: [(below: String, reason: String)] = []

    var files: Int { entries.count { $0.attributes.kind == .file } }
    var bytes: Int {
        entries.reduce(0) {
            $0 + ($1.attributes.kind == .file ? Int(clamping: $1.attributes.size ?? 0) : 0)
        }
    }

    /// Lists what is at a path: links are entries that are not followed.
    init(_ path: String, _ found: FileAttributes, _ reach: Files.Reach) async throws(Fault) {
        entries = [Entry(path: path, below: "", attributes: found)]
        var next = 0
        while next < entries.count {
            let folder = entries[next]
            next += 1
            guard folder.attributes.kind == .directory else { continue }
            guard !Task.isCancelled else { throw .transferStopped }
            let room = Self.limit - entries.count
            let inside: [(name: String, attributes: FileAttributes)]
            do throws(FileError) {
                inside = try await reach.store.entries(of: folder.path, limit: room)
            } catch  where !folder.below.isEmpty && !error.endsTransfer {
                problems.append((folder.below, "\(error)"))
                continue
            } catch {
                throw Fault(error, "\(reach.target): \(folder.path)")
            }
            guard inside.count <= room else {
                throw Fault(
                    .limitReached,
                    "\(reach.target): \(path) has more than \(Self.limit) entries: transfer a part"
                        + " at a time")
            }
            for (name, attributes) in inside.sorted(by: { $0.name < $1.name }) {
                try await add(name, attributes, in: folder, reach)
            }
        }
    }

    private mutating func add(
        _ name: String, _ attributes: FileAttributes, in folder: Entry, _ reach: Files.Reach
    ) async throws(Fault) {
        let below = folder.below.isEmpty ? name : "\(folder.below)/\(name)"
        guard TransferEntry.isName(name), !name.isRepaired else {
            problems.append((below, String.notUTF8))
            return
        }
        let path = folder.path == "/" ? "/\(name)" : "\(folder.path)/\(name)"
        guard attributes.kind != .other else {
            problems.append((below, "it is a device, a pipe or a socket"))
            return
        }
        if reach.isJudged {
            do throws(Fault) {
                _ = try await reach.judge(path, for: .reading)
            } catch {
                problems.append((below, error.message))
                return
            }
        }
        entries.append(Entry(path: path, below: below, attributes: attributes))
    }
}

extension String {
    /// Whether it was made of bytes that are not UTF-8.
    var isRepaired: Bool { unicodeScalars.contains("\u{FFFD}") }

    static let notUTF8 =
        "its name is not UTF-8, and such names are not transferred: rename it, or use tar"
}

extension FileError {
    /// Whether no further file can be read or written.
    var endsTransfer: Bool {
        switch self {
        case .timedOut, .ended, .malformed, .cancelled: true
        case .notFound, .denied, .closed, .unsupported, .failed, .unexplained: false
        }
    }
}
