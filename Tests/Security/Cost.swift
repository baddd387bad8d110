// What an attack costs a process while it lasts: memory at its highest, CPU time, and how long
// calls that have nothing to do with it take. Invariant: the figures are the kernel's, not the
// process's.
import Foundation
import Support

/// The bounds that an attack must keep, and how long it lasts.
enum Trial {
    private static let environment = ProcessInfo.processInfo.environment
    /// Whether `make attack` runs, which asks for more than the short time of `./test`.
    static let isLong = environment["HOMELINE_ATTACK_SECONDS"] != nil
    /// How long one attack lasts.
    static let time =
        Duration.seconds(environment["HOMELINE_ATTACK_SECONDS"].flatMap(Double.init) ?? 0.4)
    /// The most memory that one hostile agent or host may cost.
    static let memory = 64 << 20
    /// The longest delay of a call that has nothing to do with the attack.
    ///
    /// Debug builds on a busy machine get more: `make attack` measures with the programs as they
    /// are shipped.
    static let delay: Duration =
        isLong ? .milliseconds(50) : .milliseconds(500)
}

/// Watches a process and calls beside it.
final class Cost: Sendable {
    private struct Seen {
        var most = 0
        var times: [Duration] = []
        var failures: [String] = []
        var isOver = false
        var ended = 0
    }

    private let seen = Box(Seen())
    private let process: RunningProcess
    private let before: (memory: Int, cpu: Double, time: ContinuousClock.Instant)

    /// Starts watching; `call` is what others do meanwhile, one after the other.
    init(of process: RunningProcess, _ call: @escaping @Sendable () async throws -> Void) {
        self.process = process
        before = (process.residentBytes ?? 0, Self.cpu(process.id), .now)
        Thread.detachNewThread { [seen] in
            while !seen.withLock({ $0.isOver }) {
                let bytes = process.residentBytes ?? 0
                seen.withLock { $0.most = max($0.most, bytes) }
                usleep(10_000)
            }
            seen.withLock { $0.ended += 1 }
        }
        Task { [seen] in
            while !seen.withLock({ $0.isOver }) {
                let start = ContinuousClock.now
                do {
                    try await call()
                    let took = ContinuousClock.now - start
                    seen.withLock { $0.times.append(took) }
                } catch {
                    seen.withLock { $0.failures.append("\(error)") }
                }
            }
            seen.withLock { $0.ended += 1 }
        }
    }

    /// What it came to.
    struct Result: CustomStringConvertible {
        let grown: Int
        let percent: Double
        /// The median time of a call beside the attack, and the longest.
        let median: Duration
        let longest: Duration
        let calls: Int
        let failures: [String]

        var description: String {
            String(
                format:
                    "%+6.1f MiB %5.1f %% CPU, %d calls beside it: median %.1f ms, longest %.1f ms",
                Double(grown) / 1_048_576, percent, calls, median / .milliseconds(1),
                longest / .milliseconds(1))
        }
    }

    /// Ends watching.
    func end() async -> Result {
        let (cpu, time) = (Self.cpu(process.id), ContinuousClock.now)
        seen.withLock { $0.isOver = true }
        _ = await holds(within: .seconds(80)) { seen.withLock { $0.ended == 2 } }
        let state = seen.withLock { $0 }
        let times = state.times.sorted()
        return Result(
            grown: state.most - before.memory,
            percent: (cpu - before.cpu) / ((time - before.time) / .seconds(1)) * 100,
            median: times.isEmpty ? .seconds(99) : times[times.count / 2],
            longest: times.last ?? .seconds(99), calls: times.count, failures: state.failures)
    }

    /// Seconds of CPU time, of the program and of the kernel for it.
    private static func cpu(_ id: Int32) -> Double {
        let text = (try? String(contentsOfFile: "/proc/\(id)/stat", encoding: .utf8)) ?? ""
        let fields = text.drop { $0 != ")" }.split(separator: " ")
        guard fields.count > 13, let user = Double(fields[12]), let system = Double(fields[13])
        else { return 0 }
        return (user + system) / Double(sysconf(Int32(_SC_CLK_TCK)))
    }
}
