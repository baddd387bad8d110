// What one turn of the loop holds: a slice for each who has much to do, and room for everybody
// else.
import Glibc
import Support
import Testing

@testable import Loop

@Suite(.timeLimit(.minutes(1))) struct TurnTests {
    @Test(arguments: [
        // bytes spent, nanoseconds gone, over
        (0, UInt64(0), false), (Slice.bytes - 1, 0, false), (Slice.bytes, 0, true),
        (1, Slice.nanoseconds - 1, false), (1, Slice.nanoseconds, true),
        (10 * Slice.bytes, 10 * Slice.nanoseconds, true),
    ])
    func `a slice ends with its bytes or its time`(bytes: Int, gone: UInt64, isOver: Bool) {
        var slice = Slice(at: 1000)
        slice.spend(bytes)
        #expect(slice.isOver(at: 1000 + gone) == isOver)
    }

    @Test @IO func `a stream's slice is that of one turn`() {
        let stream = ObjectIdentifier(Answers())
        var burst = Burst()
        func isOver(_ count: Int, turn: UInt, at now: UInt64) -> Bool {
            burst.isOver(stream, adding: count, turn: turn, at: now)
        }
        #expect(isOver(Slice.bytes, turn: 1, at: 10))
        // Little in each of many turns is never over, however long that takes.
        for turn in 2..<5 { #expect(!isOver(1, turn: UInt(turn), at: UInt64(turn) * 10_000_000)) }
        #expect(isOver(1, turn: 4, at: 40_000_000 + Slice.nanoseconds))
    }

    @Test @IO func `workers take turns, each at most once in a turn`() async {
        var order: [String] = []
        let workers = ["a", "b", "c"].map { name in Tireless(name, turns: 20) { order.append($0) } }
        for worker in workers { IO.loop.workLater(worker) }
        #expect(await holds { workers.allSatisfy { $0.left == 0 } })
        for start in stride(from: 0, to: order.count, by: 3) {
            #expect(Set(order[start..<(start + 3)]).count == 3)
        }
    }

    @Test @IO func `neither a tireless worker nor tireless jobs keep a descriptor waiting`()
        async throws
    {
        var ends: [Int32] = [-1, -1]
        #expect(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0)
        let (near, far) = (ends[0], ends[1])
        defer {
            close(near)
            close(far)
        }
        let stop = Once<Void>()
        let worker = Tireless("w", turns: .max) { _ in burn(.milliseconds(1)) }
        IO.loop.workLater(worker)
        // Jobs that make jobs: a loop that runs all that are ready never comes to its descriptors.
        for _ in 0..<4 {
            IO.task {
                while stop.value == nil {
                    burn(.microseconds(20))
                    await Task.yield()
                }
            }
        }
        let readiness = try Readiness(descriptor: near)
        defer { readiness.close() }
        let answers = Answers()
        readiness.watch(.read) { _ in
            var byte: UInt8 = 0
            _ = recv(near, &byte, 1, 0)
            answers.work.append(threadTime() - answers.sent)
            if answers.work.count < 20 {
                answers.sent = threadTime()
                send(far, "x", 1, 0)
            }
        }
        answers.sent = threadTime()
        send(far, "x", 1, 0)
        #expect(await holds { answers.work.count == 20 })
        stop.set(())
        worker.left = 0
        let longest = answers.work.max() ?? .zero
        print("the loop worked at most \(longest) before it looked at a ready descriptor")
        #expect(longest < .milliseconds(100))
    }
}

@IO private final class Answers {
    var sent = Duration.zero
    var work: [Duration] = []
}

/// Uses the time of this thread.
private func burn(_ time: Duration) {
    let end = threadTime() + time
    while threadTime() < end {}
}

/// A worker that always wants another turn, up to a number.
@IO private final class Tireless: Worker {
    var left: Int
    private let name: String
    private let step: @IO (String) -> Void

    init(_ name: String, turns: Int, _ step: @escaping @IO (String) -> Void) {
        (self.name, left, self.step) = (name, turns, step)
    }

    func work() {
        guard left > 0 else { return }
        left -= 1
        step(name)
        if left > 0 { IO.loop.workLater(self) }
    }
}
