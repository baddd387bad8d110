// The operator's runbooks: the Markdown files of one folder. Flow: Runbooks looks here, beside the
// loop. Invariant: a file that is no runbook costs a sentence, and nothing of it is used; what is
// read is bounded, and only the operator's own files count.
import Crypto
import Glibc

/// A folder of runbooks.
struct RunbookFolder: Sendable {
    /// The most files that are read.
    static let mostFiles = 200
    /// The most names that are looked at: a folder with more is not one of runbooks.
    private static let mostNames = 10_000
    /// The longest file in bytes: a runbook goes into a model's context.
    static let longestFile = 64 << 10

    /// What tells a file from an earlier one of its name.
    struct Stamp: Sendable, Equatable {
        let size: Int64
        let seconds: Int
        let nanoseconds: Int
        let inode: UInt64
    }

    /// What was read.
    struct Content: Sendable {
        var runbooks: [Runbook] = []
        /// What could not be used, and why: a sentence for each.
        var problems: [String] = []
    }

    let path: String

    /// The files by their names; nil: the folder cannot be read.
    func stamps() -> [String: Stamp]? {
        guard let names = names() else { return nil }
        var stamps: [String: Stamp] = [:]
        for name in names {
            var found = stat()
            guard unsafe stat("\(path)/\(name)", &found) == 0 else { continue }
            stamps[name] = Stamp(
                size: Int64(found.st_size), seconds: found.st_mtim.tv_sec,
                nanoseconds: found.st_mtim.tv_nsec, inode: UInt64(found.st_ino))
        }
        return stamps
    }

    /// Reads all files, in the order of their names.
    func read() -> Content {
        var content = Content()
        guard let names = names() else {
            content.problems.append(
                "\(path): cannot be read: Homeline's own prompts alone are offered")
            return content
        }
        if names.count > Self.mostFiles {
            content.problems.append(
                "\(path): only the first \(Self.mostFiles) of \(names.count) files are read")
        }
        for name in names.prefix(Self.mostFiles) {
            do throws(RunbookError) {
                let runbook = try read(name)
                guard !content.runbooks.contains(where: { $0.name == runbook.name }) else {
                    throw RunbookError(
                        reason: "another file has the name \"\(runbook.name)\" already")
                }
                content.runbooks.append(runbook)
            } catch {
                content.problems.append("\(path)/\(name): \(error)")
            }
        }
        return content
    }

    private func read(_ name: String) throws(RunbookError) -> Runbook {
        let bytes: [UInt8]
        var isRegular = true
        do throws(CryptoError) {
            // What a model is told to do comes from the operator alone.
            bytes = try SecureFile.read(
                "\(path)/\(name)", limit: Self.longestFile, refusing: SecureFile.changeByOthers
            ) { file in
                var found = stat()
                isRegular = unsafe fstat(file, &found) == 0 && found.st_mode & S_IFMT == S_IFREG
                return isRegular
            }
        } catch {
            guard isRegular else { throw RunbookError(reason: "it is not a regular file") }
            throw RunbookError(reason: "it cannot be read: \(error)")
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw RunbookError(reason: "it is not UTF-8")
        }
        return try RunbookFile.read(text, named: String(name.dropLast(3)))
    }

    /// The names of its Markdown files, sorted; nil if the folder cannot be read.
    private func names() -> [String]? {
        guard let stream = unsafe opendir(path) else { return nil }
        defer { unsafe closedir(stream) }
        var names: [String] = []
        while names.count < Self.mostNames, let entry = unsafe readdir(stream) {
            let name = unsafe withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name.hasSuffix(".md"), !name.hasPrefix(".") { names.append(name) }
        }
        return names.sorted()
    }
}
