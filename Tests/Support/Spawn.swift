// The system calls under RunningProcess: spawn in an own group, read pipes, reap, find by mark.
// Invariant: a child is signalled only while it is in `alive`, so a reused id is never hit.
import Foundation
import Glibc

enum Spawn {
    struct Child {
        let id: Int32, input: Int32, output: Int32, errors: Int32
    }

    /// The ids of children not yet reaped; all are killed when the test program exits.
    static let alive: Box<Set<Int32>> = {
        atexit { Spawn.alive.withLock { for id in $0 { kill(-id, SIGKILL) } } }
        signal(SIGPIPE, SIG_IGN)
        return Box([])
    }()

    static func start(
        _ path: String, _ arguments: [String], environment: [String: String], directory: String?
    ) throws -> Child {
        _ = alive
        return try one.withLock { _ in
            guard let directory else { return try start(path, arguments, environment) }
            let change = ["-c", "cd \"$0\" && exec \"$@\"", directory, path]
            return try start("/bin/sh", change + arguments, environment)
        }
    }

    /// One start at a time, or a child could inherit the pipes of another.
    private static let one = Box(0)  // a count, as the sanitizer misreads an empty value

    private static func start(
        _ path: String, _ arguments: [String], _ environment: [String: String]
    ) throws -> Child {
        let (input, output, errors) = (try pipe(), try pipe(), try pipe())
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, input.read, 0)
        posix_spawn_file_actions_adddup2(&actions, output.write, 1)
        posix_spawn_file_actions_adddup2(&actions, errors.write, 2)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var (none, every) = (sigset_t(), sigset_t())
        sigemptyset(&none)
        sigfillset(&every)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &every)
        posix_spawnattr_setpgroup(&attributes, 0)
        posix_spawnattr_setflags(
            &attributes,
            Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
        var argv = ([path] + arguments).map { strdup($0) } + [nil]
        var envp = environment.map { strdup("\($0)=\($1)") } + [nil]
        defer { for text in argv + envp { free(text) } }
        var id: pid_t = 0
        let code = posix_spawn(&id, path, &actions, &attributes, &argv, &envp)
        for descriptor in [input.read, output.write, errors.write] { close(descriptor) }
        guard code == 0 else {
            for descriptor in [input.write, output.read, errors.read] { close(descriptor) }
            throw Unavailable("cannot start \(path): errno \(code)")
        }
        return Child(id: id, input: input.write, output: output.read, errors: errors.read)
    }

    private static func pipe() throws -> (read: Int32, write: Int32) {
        var ends: [Int32] = [-1, -1]
        guard Glibc.pipe(&ends) == 0 else { throw Unavailable("pipe: errno \(errno)") }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        return (ends[0], ends[1])
    }

    static func readAll(_ descriptor: Int32, _ take: (ArraySlice<UInt8>) -> Void) {
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = read(descriptor, &buffer, buffer.count)
            if count > 0 { take(buffer[..<count]) }
            if count == 0 || (count < 0 && errno != EINTR) { break }
        }
        close(descriptor)
    }

    /// Waits for the end of `id`, ends the rest of its group, then lets the id go.
    static func reap(_ id: Int32) -> RunningProcess.End {
        var info = siginfo_t()
        while waitid(P_PID, id_t(id), &info, WEXITED | WNOWAIT) != 0 && errno == EINTR {}
        var status: Int32 = 0
        alive.withLock {
            kill(-id, SIGKILL)
            while waitpid(id, &status, 0) < 0 && errno == EINTR {}
            $0.remove(id)
        }
        let number = status & 0x7f
        return number == 0 ? .exited((status >> 8) & 0xff) : .signalled(number)
    }

    /// What a process has started, and what that has: the process that holds an SSH connection may
    /// be a child of the one that guards it.
    static func descendants(of id: Int32) -> [Int32] {
        let path = "/proc/\(id)/task/\(id)/children"
        let text = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
        let children = text.split(separator: " ").compactMap { Int32($0) }
        return children + children.flatMap(descendants)
    }

    /// The ids of all running processes whose environment carries `mark`.
    static func marked(_ mark: String) -> [Int32] {
        let entry = Data("HOMELINE_TEST_MARK=\(mark)".utf8)
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return names.compactMap(Int32.init).filter { id in
            guard let file = FileHandle(forReadingAtPath: "/proc/\(id)/environ") else {
                return false
            }
            defer { try? file.close() }
            return ((try? file.readToEnd()) ?? nil)?.range(of: entry) != nil
        }
    }

    /// Ends every process that carries `mark`.
    static func endAll(marked mark: String) {
        for _ in 0..<20 {
            let found = marked(mark)
            if found.isEmpty { return }
            for id in found { kill(id, SIGKILL) }
            usleep(2000)
        }
    }
}
