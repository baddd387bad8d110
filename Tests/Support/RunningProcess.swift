// One child process of a test: its output collected, its end awaited, its whole group ended with
// it. It also carries a mark in its environment, by which everything it ever started can be found.
// Invariant: only processes started from here are ever signalled, and none outlives the test run.
import Foundation

/// A started program whose output is collected and which ends with the test.
public final class RunningProcess: Sendable {
    /// How a process ended.
    public enum End: Equatable, Sendable {
        /// It exited with this code.
        case exited(Int32)
        /// A signal ended it.
        case signalled(Int32)
    }

    /// The process id, which is also its group's.
    public let id: Int32
    /// Memory that the process holds now (VmRSS); nil when it is gone.
    public var residentBytes: Int? {
        let status = try? String(contentsOfFile: "/proc/\(id)/status", encoding: .utf8)
        let line = status?.split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
        return line?.split(whereSeparator: \.isWhitespace).dropFirst().first
            .flatMap { Int($0) }.map { $0 * 1024 }
    }

    /// The value of `HOMELINE_TEST_MARK` in its environment and that of everything it starts.
    public let mark: String
    private struct State {
        var output: [UInt8] = []
        var errors: [UInt8] = []
        var end: End?
        var openPipes = 2
    }
    private let state = Box(State())
    /// Its standard input; nil once that has been ended.
    private let input: Box<Int32?>

    /// Starts `path` with `arguments`; `environment` is added to the test's own.
    public init(
        _ path: String, _ arguments: [String] = [], environment: [String: String] = [:],
        directory: String? = nil, mark: String? = nil
    ) throws {
        let mark = mark ?? UUID().uuidString
        var all = ProcessInfo.processInfo.environment.merging(environment) { _, new in new }
        all["HOMELINE_TEST_MARK"] = mark
        let child = try Spawn.start(path, arguments, environment: all, directory: directory)
        (id, input, self.mark) = (child.id, Box(child.input), mark)
        Spawn.alive.withLock { _ = $0.insert(child.id) }
        for (descriptor, field) in [
            (child.output, \State.output), (child.errors, \State.errors),
        ] as [(Int32, WritableKeyPath<State, [UInt8]> & Sendable)] {
            Thread.detachNewThread { [state] in
                Spawn.readAll(descriptor) { bytes in
                    state.withLock { $0[keyPath: field].append(contentsOf: bytes) }
                }
                state.withLock { $0.openPipes -= 1 }
            }
        }
        Thread.detachNewThread { [state, id] in
            let end = Spawn.reap(id)
            state.withLock { $0.end = end }
        }
    }

    deinit {
        signal(SIGKILL)
        endInput()
    }

    /// What it has written to standard output so far.
    public var output: String { state.withLock { String(decoding: $0.output, as: UTF8.self) } }

    /// What it has written to standard error so far.
    public var errors: String { state.withLock { String(decoding: $0.errors, as: UTF8.self) } }

    /// How it ended, or nil while it runs.
    public var end: End? { state.withLock { $0.end } }

    /// Writes `text` to its standard input.
    public func send(_ text: String) { send(bytes: Array(text.utf8)) }

    /// Writes bytes to its standard input.
    public func send(bytes: [UInt8]) {
        var bytes = bytes[...]
        guard let input = input.withLock({ $0 }) else { return }
        while !bytes.isEmpty {
            let written = bytes.withUnsafeBytes { write(input, $0.baseAddress, $0.count) }
            guard written > 0 else { return }
            bytes = bytes.dropFirst(written)
        }
    }

    /// Ends its standard input.
    public func endInput() {
        input.withLock {
            if let descriptor = $0 { close(descriptor) }
            $0 = nil
        }
    }

    /// Signals the process and its group, if it still runs.
    public func signal(_ number: Int32) {
        Spawn.alive.withLock { if $0.contains(id) { kill(-id, number) } }
    }

    /// Waits until a line of output (or of errors) contains `text` and returns that line.
    public func line(containing text: String, within limit: Duration = .seconds(20)) async throws
        -> String
    {
        let found = await eventually(within: limit) { () -> String?? in
            for whole in [output, errors] {
                let lines = whole.split(
                    omittingEmptySubsequences: false, whereSeparator: \.isNewline)
                if let line = lines.dropLast().first(where: { $0.contains(text) }) {
                    return .some(String(line))
                }
            }
            return end != nil && state.withLock({ $0.openPipes == 0 }) ? .some(nil) : nil
        }
        if let line = found ?? nil { return line }
        throw Unavailable("no line with “\(text)” (\(String(describing: end))): \(output)\(errors)")
    }

    /// Waits for its end and for all of its output; throws when `limit` passes first.
    @discardableResult
    public func finished(within limit: Duration = .seconds(60)) async throws -> End {
        let over = await eventually(within: limit) { end }
        guard let over else { throw Unavailable("still running: \(output)\(errors)") }
        _ = await holds { state.withLock { $0.openPipes == 0 } }
        return over
    }

    /// Asks it to end (TERM), then insists (KILL); returns when it is gone.
    @discardableResult
    public func stop(within limit: Duration = .seconds(15)) async -> End? {
        signal(SIGTERM)
        if await !holds(within: limit, { end != nil }) { signal(SIGKILL) }
        return await eventually(within: .seconds(5)) { end }
    }

    /// Processes that carry this one's mark, so were started by it, and still run.
    public func survivors() -> [Int32] { Spawn.marked(mark).filter { $0 != id || end == nil } }

    /// Runs `path` to its end and returns its output; throws unless it exits with 0.
    @discardableResult
    public static func run(
        _ path: String, _ arguments: [String] = [], environment: [String: String] = [:],
        directory: String? = nil, within limit: Duration = .seconds(60)
    ) async throws -> String {
        let child = try RunningProcess(
            path, arguments, environment: environment, directory: directory)
        let end = try await child.finished(within: limit)
        guard end == .exited(0) else {
            throw Unavailable("\(path) \(arguments): \(end): \(child.errors)\(child.output)")
        }
        return child.output
    }
}
