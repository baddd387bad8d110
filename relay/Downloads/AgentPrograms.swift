// The agent's programs that this relay hands out: files that the release build or an operator put
// into DIR/agents, or beside the relay's own program. Invariant: what is sent under a name is what
// the sums say of it, as both come from the same opened file as long as nobody changes it.
import Crypto
import Glibc
import Loop

/// The agent's programs, one for each kind of machine.
@IO final class AgentPrograms {
    /// Where they are looked for, in this order.
    private let folders: [String]
    /// Sums that were made, by the state of the file.
    private var known: [AgentProgram: String] = [:]

    /// Programs in these folders; the first folder that has a name counts.
    init(folders: [String]) { self.folders = folders }

    /// Those of the relay on a data folder.
    convenience init(data: String) {
        let own = Process.programPath.flatMap { path in
            path.lastIndex(of: "/").map { String(path[..<$0]) }
        }
        self.init(folders: [data + "/agents"] + (own.map { [$0] } ?? []))
    }

    /// The programs that are there now, by their names.
    private func found() async -> [AgentProgram] {
        let folders = folders
        return await Blocking.run {
            var names: Set<String> = []
            var programs: [AgentProgram] = []
            for folder in folders {
                for machine in AgentProgram.machines(in: folder)
                where names.insert(machine).inserted {
                    if let program = AgentProgram(folder: folder, machine: machine) {
                        programs.append(program)
                    }
                }
            }
            return programs.sorted { $0.machine < $1.machine }
        }
    }

    /// The program for a kind of machine, such as `linux-x86_64`; nil: there is none.
    func program(for machine: String) async -> AgentProgram? {
        await found().first { $0.machine == machine }
    }

    /// What `sha256sum` prints of all of them; nil: there is none.
    func sums() async -> String? {
        let programs = await found()
        var text = ""
        for program in programs {
            guard let sum = await sum(of: program) else { continue }
            text += "\(sum)  \(AgentProgram.prefix)\(program.machine)\n"
        }
        known = known.filter { programs.contains($0.key) }
        return text.isEmpty ? nil : text
    }

    /// The SHA-256 of `sums`, which an operator's line carries: it stands for every program.
    func seal() async -> String? {
        await sums().map { Hex.encode(SHA256.hash(Array($0.utf8))) }
    }

    private func sum(of program: AgentProgram) async -> String? {
        if let sum = known[program] { return sum }
        let sum = await Blocking.run { program.sum() }
        known[program] = sum
        return sum
    }
}

/// One such file, and its state when it was looked at.
struct AgentProgram: Hashable, Sendable {
    static let prefix = "homeline-agent-"
    /// The most bytes of such a file: a debug build has 100 MB.
    static let limit = 256 << 20
    /// Bytes that are read and sent at once.
    static let piece = 256 << 10

    let path: String
    /// The kind of machine, such as `linux-x86_64`.
    let machine: String
    let size: Int
    private let file: [Int]

    /// The file for a kind of machine; nil: there is none that can be handed out.
    init?(folder: String, machine: String) {
        path = "\(folder)/\(Self.prefix)\(machine)"
        self.machine = machine
        var state = stat()
        guard unsafe stat(path, &state) == 0, state.st_mode & S_IFMT == S_IFREG,
            (1...Self.limit).contains(Int(state.st_size))
        else { return nil }
        size = Int(state.st_size)
        file = [
            Int(state.st_dev), Int(clamping: state.st_ino), state.st_mtim.tv_sec,
            state.st_mtim.tv_nsec,
        ]
    }

    /// The kinds of machine that a folder has files for.
    static func machines(in folder: String) -> [String] {
        guard let stream = unsafe opendir(folder) else { return [] }
        defer { unsafe closedir(stream) }
        var machines: [String] = []
        while let entry = unsafe readdir(stream) {
            let name = unsafe withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            guard name.hasPrefix(prefix) else { continue }
            let machine = String(name.dropFirst(prefix.count))
            if isMachine(machine) { machines.append(machine) }
        }
        return machines
    }

    /// Whether a text is such as `linux-x86_64`: it is a part of a path, and of a line of sums.
    static func isMachine(_ text: String) -> Bool {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        return parts.count == 2
            && parts.allSatisfy { part in
                (1...32).contains(part.utf8.count)
                    && part.utf8.allSatisfy {
                        (48...57).contains($0) || (97...122).contains($0) || $0 == 95
                    }
            }
    }

    /// Its SHA-256 in hex; nil: it cannot be read.
    func sum() -> String? {
        guard let reading = Reading(self) else { return nil }
        var hasher = SHA256()
        while let bytes = reading.next() {
            if bytes.isEmpty { return Hex.encode(hasher.finish()) }
            hasher.update(bytes)
        }
        return nil
    }

    /// The open file, read piece by piece.
    final class Reading: Sendable {
        private let descriptor: Int32

        /// Opens it; nil: it cannot be read.
        init?(_ program: AgentProgram) {
            descriptor = unsafe open(program.path, O_RDONLY | O_CLOEXEC)
            if descriptor < 0 { return nil }
        }

        deinit { close(descriptor) }

        /// The next bytes; empty at the end, nil after an error.
        func next() -> [UInt8]? {
            var bytes = [UInt8](repeating: 0, count: AgentProgram.piece)
            while true {
                let count = unsafe read(descriptor, &bytes, bytes.count)
                if count < 0, errno == EINTR { continue }
                return count < 0 ? nil : Array(bytes.prefix(count))
            }
        }
    }
}
