// file.edit: replaces exact text in a file, all edits or none.
// Invariant: what is written is the content that was read with the edits applied in order; a text
// that is absent or not unique changes nothing.
import Crypto
import Difference
import Glibc
import Loop
import SSH
import Wire

extension Files {
    /// About how many bytes of difference an answer shows: enough to see what an edit did.
    private nonisolated static let differenceLimit = 8000

    /// Edits a file.
    ///
    /// An edit that has begun is finished even if the caller stops waiting.
    func edit(_ call: EditFile, for caller: Caller) async throws(Fault) -> FileEdited {
        try await finishing { () throws(Fault) in
            try await self.on(call.place, for: caller) { reach throws(Fault) in
                let path = try await reach.admit(call.path, for: .writing)
                return try await self.turns.during(path, at: reach.machine) { () throws(Fault) in
                    try await Self.edit(call, path, reach)
                }
            }
        }
    }

    private static func edit(
        _ call: EditFile, _ path: String, _ reach: Reach
    ) async throws(Fault) -> FileEdited {
        let what = "\(reach.target): \(path)"
        guard let before = try await reach.attributes(path) else {
            throw Fault(.fileNotFound, "\(what): there is no such file")
        }
        try checkKind(before, what)
        let old = try await reach.read(path, from: 0, count: hashLimit + 1)
        guard old.count <= hashLimit else {
            throw Fault(
                .limitReached, "\(what) has more than \(hashLimit) bytes, the most that is edited")
        }
        let (expected, edits) = (call.expectedSHA256, call.edits)
        let outcome = await Blocking.run { () -> Result<Edited, Fault> in
            do throws(Fault) {
                guard expected.map({ $0 == Hex.encode(SHA256.hash(old)) }) ?? true else {
                    throw Fault(
                        .fileChanged, "\(what) is not what expect_sha256 says; read it again")
                }
                return .success(try Edited(old, by: edits, in: what))
            } catch {
                return .failure(error)
            }
        }
        let edited = try outcome.get()
        var result = FileEdited(target: reach.target, path: path)
        let hindrance = try await reach.attempt(path, was: before, mode: nil, keeps: true) {
            file throws(FileError) in try await file.write(edited.bytes, at: 0)
        }
        if hindrance != nil {
            result.isInPlace = true
            try await reach.overwrite(path, with: edited.bytes, old: old, was: before)
        }
        result.size = edited.bytes.count
        result.sha256 = edited.digest
        result.replaced = edited.replaced
        result.difference = edited.difference
        return result
    }

    /// A file's content with edits applied.
    private struct Edited {
        var bytes: [UInt8]
        var replaced = 0
        let digest: String
        let difference: String

        init(_ old: [UInt8], by edits: [EditFile.Edit], in what: String) throws(Fault) {
            var bytes = old
            var replaced = 0
            for (number, edit) in edits.enumerated() {
                let name = "edits[\(number)].old"
                let (text, new) = (Array(edit.old.utf8), Array(edit.new.utf8))
                guard !text.isEmpty else {
                    throw Fault(.invalidArgument, "\"\(name)\" is empty: give the text to replace")
                }
                guard text != new else {
                    throw Fault(.invalidArgument, "\"\(name)\" and its \"new\" are equal")
                }
                let places = Self.places(of: text, in: bytes)
                guard !places.isEmpty else {
                    throw Fault(
                        .fileChanged,
                        "\(what): \"\(name)\" does not occur in it: nothing was changed"
                            + Self.hint(text, in: bytes, isFirst: number == 0))
                }
                guard edit.isForAll || places.count == 1 else {
                    let lines = Self.lines(of: places.prefix(5), in: bytes)
                    throw Fault(
                        .invalidArgument,
                        "\(what): \"\(name)\" occurs \(places.count) times, first on"
                            + " \(lines.count == 1 ? "line" : "lines") \(lines.joined(separator: ", ")):"
                            + " nothing was changed; give more of the text around it, or set all")
                }
                // Before it is made: one byte replaced by many could fill the memory.
                guard bytes.count + places.count * (new.count - text.count) <= Files.hashLimit
                else {
                    throw Fault(
                        .limitReached,
                        "\(what) would have more than \(Files.hashLimit) bytes: nothing was changed"
                    )
                }
                var next: [UInt8] = []
                var start = 0
                for place in places {
                    next += bytes[start..<place]
                    next += new
                    start = place + text.count
                }
                next += bytes[start...]
                (bytes, replaced) = (next, replaced + places.count)
            }
            let difference = UnifiedDiff(old, bytes, limit: Files.differenceLimit)
            self.bytes = bytes
            self.replaced = replaced
            digest = Hex.encode(SHA256.hash(bytes))
            self.difference = difference.text + (difference.isCut ? "... (cut)\n" : "")
        }

        /// Where a text occurs, without overlaps.
        private static func places(of text: [UInt8], in bytes: [UInt8]) -> [Int] {
            var places: [Int] = []
            unsafe bytes.withUnsafeBytes { all in
                guard let base = all.baseAddress else { return }
                var start = 0
                while start + text.count <= all.count {
                    let rest = all.count - start - text.count + 1
                    guard let found = unsafe memchr(base + start, Int32(text[0]), rest) else {
                        break
                    }
                    let place = unsafe UnsafeRawPointer(found) - base
                    if unsafe memcmp(base + place, text, text.count) == 0 {
                        places.append(place)
                        start = place + text.count
                    } else {
                        start = place + 1
                    }
                }
            }
            return places
        }

        private static func lines(of places: ArraySlice<Int>, in bytes: [UInt8]) -> [String] {
            var lines: [String] = []
            for place in places {
                let line = "\(bytes[..<place].count { $0 == 10 } + 1)"
                if lines.last != line { lines.append(line) }
            }
            return lines
        }

        /// What may be wrong with a text that does not occur.
        private static func hint(_ text: [UInt8], in bytes: [UInt8], isFirst: Bool) -> String {
            if text.contains(10), !text.contains(13), bytes.contains(13) {
                let ended = Array(
                    text.split(separator: 10, omittingEmptySubsequences: false)
                        .joined(separator: [13, 10]))
                if !places(of: ended, in: bytes).isEmpty {
                    return "; its lines end in CR LF: write \\r\\n"
                }
            }
            let trimmed = text.drop { $0 <= 32 }.reversed().drop { $0 <= 32 }.reversed()
            if trimmed.count < text.count, !trimmed.isEmpty,
                !places(of: Array(trimmed), in: bytes).isEmpty
            {
                return "; it does with other white space at its beginning or end: read the file"
            }
            return isFirst ? "; read the file" : "; an earlier edit may have changed it"
        }
    }
}
