// The line protocol of peers/peer.py: `ready`, then for each line N an array of N times in µs.
import Glibc
import Loop

/// The operation that a row repeats; one call is one sample.
typealias Operation = () throws -> Void

enum LineProtocol {
    /// Answers until the input ends.
    static func serve(_ operation: Operation) throws {
        ready()
        while let count = try count(readLine()) {
            var times: [Double] = []
            times.reserveCapacity(count)
            for _ in 0..<count {
                let start = ContinuousClock.now
                try operation()
                times.append((ContinuousClock.now - start) / .microseconds(1))
            }
            answer(times)
        }
    }

    /// Answers for an operation on the loop.
    @IO static func serveOnLoop(_ operation: @IO () async throws -> Void) async throws {
        try await serveRounds { count in
            var times: [Double] = []
            times.reserveCapacity(count)
            for _ in 0..<count {
                let start = ContinuousClock.now
                try await operation()
                times.append((ContinuousClock.now - start) / .microseconds(1))
            }
            return times
        }
    }

    /// Answers for whole rounds: `round` takes a count and returns that many times in µs.
    @IO static func serveRounds(_ round: @IO (Int) async throws -> [Double]) async throws {
        ready()
        while let count = try count(await Blocking.run { readLine() }) {
            answer(try await round(count))
        }
    }

    private static func count(_ line: String?) throws -> Int? {
        guard let line else { return nil }
        guard let count = Int(line), count >= 0 else { throw BenchError("not a count: \(line)") }
        return count
    }

    private static func ready() { say("ready") }

    private static func say(_ line: String) {
        print(line)
        fflush(nil)
    }

    /// Prints on standard error why a row ends.
    static func complain(_ error: any Error) {
        let text = Array("homeline-bench: \(error)\n".utf8)
        _ = text.withUnsafeBytes { write(2, $0.baseAddress, $0.count) }
    }

    private static func answer(_ times: [Double]) {
        say("[" + times.map { "\(($0 * 10).rounded() / 10)" }.joined(separator: ",") + "]")
    }

    /// A variable of the environment that a row needs.
    static func setting(_ name: String) throws -> String {
        guard let value = getenv(name) else { throw BenchError("\(name) is not set") }
        return String(cString: value)
    }
}
