// The scripts of ShellFiles, for a POSIX sh with the tools of busybox, and their answers. Pure.
// Invariant: a path is one quoted word that no tool takes for an option, and no tool sees bytes of
// a file as text.
import Loop
import SSH

/// What is done with files, as text for /bin/sh.
enum ShellFileScript {
    /// A path as a word: never an option, and never looked for in CDPATH.
    private static func word(_ path: String) -> String {
        CommandText.quoted(path.hasPrefix("/") ? path : "./" + path)
    }

    /// A line that ends a script with an error in the C library's words.
    private static func fail(_ words: String) -> String {
        "{ echo 'homeline: \(words)' >&2; exit 1; }"
    }

    static func realPath(_ path: String) -> String {
        path == "." ? "pwd -P" : "readlink -f \(word(path))"
    }

    static func target(ofLink path: String) -> String {
        "ls -d \(word(path)) >/dev/null && readlink \(word(path))"
    }

    // MARK: Attributes

    /// `look` prints a line for each path: type and mode, size, owner, group, time, path.
    ///
    /// Without a stat that takes a format (OpenWrt has none), ls and date show the same; `L` and
    /// `l` are the options that follow links.
    private static let look = #"""
        if stat -c %f / >/dev/null 2>&1; then s=1; else s=; fi
        row() { r=$(ls -ldn$l "$1") || return; t=-
        if [ "$L" ] || [ ! -L "$1" ]; then t=$(date -r "$1" +%s 2>/dev/null) || t=-; fi
        p=$1; set -f; set -- $r; set +f; printf '%s\n' "$1 $5 $3 $4 $t $p"; }
        look() { if [ "$s" ]; then stat $L -c '%f %s %u %g %Y %n' "$@"; return; fi
        k=0; for q; do row "$q" || k=1; done; return $k; }

        """#

    static func attributes(of path: String, followingLinks: Bool) -> String {
        look + (followingLinks ? "L=-L; l=L" : "L=; l=") + "\nlook \(word(path))"
    }

    /// The attributes at the start of a line of `look`, and how many bytes of it they take.
    static func attributes(
        from line: ArraySlice<UInt8>
    ) -> (attributes: FileAttributes, length: Int)? {
        let fields = line.prefix(200).split(separator: 0x20, maxSplits: 5).prefix(5)
        guard fields.count == 5, line.count > fields[4].endIndex - line.startIndex else {
            return nil
        }
        let text = fields.map { String(decoding: $0, as: UTF8.self) }
        guard let mode = text[0].utf8.count < 10 ? UInt32(text[0], radix: 16) : bits(text[0]),
            let user = UInt32(text[2]), let group = UInt32(text[3])
        else { return nil }
        var found = FileAttributes()
        (found.mode, found.owner) = (mode, (user, group))
        // A device has two numbers in place of a size.
        found.size = UInt64(text[1])
        found.modified = Int64(text[4]).map { UInt32(clamping: $0) }
        return (found, fields[4].endIndex + 1 - line.startIndex)
    }

    /// The bits of a mode as ls writes it: `drwxr-x--T`.
    private static func bits(_ text: String) -> UInt32? {
        let letters = Array(text.utf8.prefix(10))
        let kinds: [UInt8: UInt32] = [
            0x2d: 0o100000, 0x64: 0o040000, 0x6c: 0o120000, 0x62: 0o060000, 0x63: 0o020000,
            0x70: 0o010000, 0x73: 0o140000,
        ]
        guard letters.count == 10, var mode = kinds[letters[0]] else { return nil }
        for (place, letter) in letters.dropFirst().enumerated() {
            let bit = UInt32(0o400) >> UInt32(place)
            let special = UInt32(0o4000) >> UInt32(place / 3)
            switch letter {
            case UInt8(ascii: "-"): continue
            case UInt8(ascii: "s"), UInt8(ascii: "t"): mode |= bit | special
            case UInt8(ascii: "S"), UInt8(ascii: "T"): mode |= special
            default: mode |= bit
            }
        }
        return mode
    }

    static func ties(of path: String) -> String { "ls -ldn \(word(path))" }

    /// What a line of `ls -l` shows: the number of names, and after the mode a `+` for an access
    /// list.
    static func ties(from line: [UInt8]) -> FileTies {
        let words = line.prefix(100).split(separator: 0x20, maxSplits: 2)
        guard words.count > 1 else { return FileTies() }
        let names = Int(String(decoding: words[1], as: UTF8.self)) ?? 1
        return FileTies(
            names: max(1, names), hasExtendedAttributes: words[0].dropFirst(10).first == 0x2b)
    }

    // MARK: Entries

    /// How many entries are looked at by one stat: their names are its arguments.
    private static let chunk = 100

    /// Prints the names of a chunk, each between `./` and `//`, which no name has, and an empty
    /// line; then the lines of `look`, and a line `/`.
    static func entries(of path: String, limit: Int) -> String {
        let folder = word(path)
        return look + """
            L=; l=; ls -d \(folder)/. >/dev/null && cd \(folder) || exit 1
            [ -r . ] || \(fail("Permission denied"))
            chunk() { printf '%s//' "$@"; echo; look "$@" 2>/dev/null; echo /; }
            n=0; set --
            for f in ./* ./.*; do
            case $f in ./.|./..) continue;; esac
            [ -e "$f" ] || [ -L "$f" ] || continue
            set -- "$@" "$f"; n=$((n+1))
            [ $# -lt \(chunk) ] || { chunk "$@"; set --; }
            [ $n -le \(limit) ] || break
            done
            [ $# -eq 0 ] || chunk "$@"
            """
    }

    /// The entries that the script printed; nil where it printed anything else.
    static func entries(from answer: [UInt8]) -> [(name: String, attributes: FileAttributes)]? {
        var found: [(name: String, attributes: FileAttributes)] = []
        var rest = answer[...]
        while !rest.isEmpty {
            var names: [ArraySlice<UInt8>] = []
            while rest.starts(with: [0x2e, 0x2f]) {
                guard let end = rest.dropFirst(2).firstIndex(of: 0x2f),
                    rest[end...].starts(with: [0x2f, 0x2f])
                else { return nil }
                names.append(rest[..<end])
                rest = rest[(end + 2)...]
            }
            guard rest.first == 10 else { return nil }
            rest.removeFirst()
            // The lines come in the order of the names; an entry may be gone by then.
            var next = names[...]
            while !rest.starts(with: [0x2f, 10]) {
                guard let (attributes, length) = attributes(from: rest) else { return nil }
                rest = rest.dropFirst(length)
                while let name = next.first, !rest.starts(with: name + [10]) {
                    next.removeFirst()
                }
                guard let name = next.popFirst() else { return nil }
                rest = rest.dropFirst(name.count + 1)
                found.append((String(decoding: name.dropFirst(2), as: UTF8.self), attributes))
            }
            rest = rest.dropFirst(2)
        }
        return found
    }

    // MARK: Content

    /// Makes or empties a file; nil where there is nothing to do.
    static func open(_ path: String, _ opening: FileOpening, mode: UInt32?) -> String? {
        guard opening.contains(.write) else { return nil }
        let file = word(path)
        var script = mode.map { "umask \(octal(~$0 & 0o777))\n" } ?? ""
        if !opening.contains(.create) { script += "ls -d \(file) >/dev/null || exit 1\n" }
        if opening.contains(.new) { script += "set -C\n" }
        let isEmptied = opening.contains(.truncate) || opening.contains(.new)
        return script + (isEmptied ? ": >\(file)" : ": >>\(file)")
    }

    /// Prints `count` bytes from an offset on, fewer only at the end.
    ///
    /// A dd without a count of blocks moves the file's offset, which the next program has too.
    static func read(_ path: String, from offset: UInt64, count: Int) -> String {
        let block = 1 << 16
        var parts: [String] = []
        if offset > 0 { parts.append("dd bs=1 skip=\(offset) count=0") }
        if count >= block { parts.append("dd bs=\(block) count=\(count / block)") }
        if count % block > 0 { parts.append("dd bs=\(count % block) count=1") }
        return "{ \(parts.joined(separator: " && ")); } <\(word(path))"
    }

    /// Writes the script's input at an offset; nil: at the end.
    static func write(_ path: String, at offset: UInt64?) -> String {
        guard let offset else { return "cat >>\(word(path))" }
        let seek = "dd bs=1 seek=\(offset) count=0 conv=notrunc </dev/null && "
        return "{ \(offset == 0 ? "" : seek)cat; } 1<>\(word(path))"
    }

    static func sync(_ path: String) -> String {
        // A dd that knows no fsync says so before it opens anything.
        "dd bs=1 count=0 conv=notrunc,fsync </dev/null 1<>\(word(path)) || "
            + "{ dd bs=1 count=0 conv=notrunc </dev/null 1<>\(word(path)) && "
            + "echo 'homeline: invalid option' >&2; exit 1; }"
    }

    // MARK: Changes

    static func makeDirectory(_ path: String) -> String { "mkdir \(word(path))" }

    static func makeLink(at path: String, to target: String) -> String {
        // In a directory of this name, or one that a link leads to, ln would make it inside.
        isFree(path) + "ln -s -- \(CommandText.quoted(target)) \(word(path))"
    }

    private static func isFree(_ path: String) -> String {
        "if [ -e \(word(path)) ] || [ -L \(word(path)) ]; then \(fail("File exists")); fi\n"
    }

    /// The test for a directory, which a link to one is not.
    private static func isDirectory(_ path: String) -> String {
        "[ -d \(word(path)) ] && [ ! -L \(word(path)) ]"
    }

    static func remove(_ path: String) -> String {
        "if \(isDirectory(path)); then \(fail("Is a directory")); fi\nrm \(word(path)) </dev/null"
    }

    static func removeDirectory(_ path: String) -> String { "rmdir \(word(path))" }

    static func rename(_ path: String, to new: String, replacing: Bool) -> String {
        let (old, place) = (word(path), word(new))
        var script = "ls -d \(old) >/dev/null || exit 1\n" + (replacing ? "" : isFree(new))
        let (from, into) = (folder(of: path), folder(of: new))
        if from != into {
            // From one file system to another mv would copy, and could stop in the middle.
            script += """
                ls -d \(word(into))/. >/dev/null || exit 1
                on() { stat -c %d "$1" 2>/dev/null || \
                df -P "$1" | tail -n 1 | { read -r a b c d e m; echo "$m"; }; }
                [ "$(on \(word(from)))" = "$(on \(word(into)))" ] || \
                \(fail("Invalid cross-device link"))

                """
        }
        script += "if \(isDirectory(new)); then \(fail("Is a directory")); fi\n"
        // mv would move it into a directory that a link of this name leads to.
        return script + "if [ -d \(place) ]; then mv -fT \(old) \(place); else "
            + "mv -f \(old) \(place); fi </dev/null"
    }

    private static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// Sets the attributes that are there; nil: none is.
    static func set(_ attributes: FileAttributes, of path: String) -> String? {
        let file = word(path)
        var parts: [String] = []
        if let size = attributes.size {
            parts.append("dd of=\(file) bs=1 seek=\(size) count=0 </dev/null")
        }
        if let owner = attributes.owner {
            parts.append("chown \(owner.user):\(owner.group) \(file)")
        }
        // After the owner, whose change clears the bits that give rights to who runs the file.
        if let mode = attributes.mode { parts.append("chmod \(octal(mode & 0o7777)) \(file)") }
        if let time = attributes.modified {
            let digits = UTCTime(Int64(time)).rfc3339.filter(\.isNumber)
            parts.append(
                "TZ=UTC0 touch -c -t \(digits.prefix(12)).\(digits.suffix(2)) \(file)")
        }
        return parts.isEmpty ? nil : parts.joined(separator: " && ")
    }

    private static func octal(_ bits: UInt32) -> String {
        let text = String(bits, radix: 8)
        return String(repeating: "0", count: max(0, 4 - text.utf8.count)) + text
    }
}
