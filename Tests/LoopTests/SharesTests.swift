// Shares of places: who gets one, who waits, whose turn is next, and what callers do together.
import Glibc
import Support
import Testing

@testable import Loop

@Suite(.timeLimit(.minutes(1))) struct SharesTests {
    /// `m` takes a place for m, `-m` gives one back, `?m` queues a ticket of m, `>` admits the next
    /// one; the words are what each step gives.
    @Test(
        arguments: [
            ("m m m m b b", 4, nil, "ok ok ok share ok places"),
            ("m m b c", 2, nil, "ok ok places places"),
            ("m b", 1, nil, "ok places"),
            ("m m m b", 8, 2, "ok ok share ok"),
            ("m -m m m -m m", 4, 1, "ok ok ok share ok ok"),
            ("m ?m ?m ?b > > -m > > -m >", 2, 1, "ok queued queued queued b none ok m none ok m"),
            (
                "m c ?m ?m ?m ?b ?b ?c -m > -c > -m > -b >", 2, nil,
                "ok ok queued queued queued queued queued queued ok m ok b ok c ok m"
            ),
        ] as [(String, Int, Int?, String)])
    func `places are shared`(
        _ steps: String, _ limit: Int, _ share: Int?, _ expected: String
    ) {
        var ledger = ShareLedger(limit: limit, share: share)
        var tickets: [String] = []
        let words = steps.split(separator: " ").map { step -> String in
            let name = String(step.drop { "-?".contains($0) })
            switch step.first {
            case "-":
                ledger.giveBack(name)
                return "ok"
            case "?":
                tickets.append(name)
                return ledger.queue(tickets.count - 1, for: name) ? "queued" : "full"
            case ">": return ledger.next().map { tickets[$0] } ?? "none"
            default:
                do throws(Lack) {
                    try ledger.take(for: name)
                    return "ok"
                } catch {
                    switch error {
                    case .places: return "places"
                    case .share: return "share"
                    }
                }
            }
        }
        #expect(words.joined(separator: " ") == expected)
    }

    @Test func `a queue of one principal ends`() {
        var ledger = ShareLedger(limit: 1, share: 1)
        let queued = (0...ShareLedger.waitingLimit).map { ledger.queue($0, for: "mallory") }
        #expect(queued.last == false && !queued.dropLast().contains(false))
        let isQueued = ledger.queue(-1, for: "bob")
        #expect(isQueued)
    }

    @Test @IO func `a place is given back once`() throws {
        let shares = Shares(2)
        let first = try shares.take(for: "ada")
        let second = try shares.take(for: "ada")
        first.giveBack()
        first.giveBack()
        #expect(shares.taken == 1)
        second.giveBack()
        #expect(shares.taken == 0)
    }

    @Test @IO func `a wait ends with a place, at its deadline, or with its task`() async throws {
        let shares = Shares(1)
        let first = try shares.take(for: "mallory")
        let late = IO.now + .seconds(3600)
        await #expect(throws: Lack.self) {
            _ = try await shares.wait(for: "bob", until: IO.now + .milliseconds(5))
        }
        let left = IO.task { (try? await shares.wait(for: "bob", until: late)) != nil }
        _ = await holds { shares.waiting == 1 }
        left.cancel()
        #expect(await left.value == false)
        let taken = IO.task { try? await shares.wait(for: "bob", until: late).giveBack() }
        _ = await holds { shares.waiting == 1 }
        first.giveBack()
        await taken.value
        #expect(shares.taken == 0 && shares.waiting == 0)
        // More places let those in who wait.
        let again = try shares.take(for: "mallory")
        let more = IO.task { (try? await shares.wait(for: "bob", until: late)) != nil }
        _ = await holds { shares.waiting == 1 }
        shares.limit = 4
        #expect(await more.value)
        again.giveBack()
    }

    @Test @IO func `equal work is done once, and not behind another's queue`() async throws {
        let work = JointWork<Int, Int>(Shares(4, share: 1))
        let gate = Once<Void>()
        var runs: [Int] = []
        func ask(_ key: Int, for principal: String) -> Task<Int?, Never> {
            IO.task {
                try? await work.value(key, for: principal, until: IO.now + .seconds(3600)) {
                    runs.append(key)
                    await gate.wait()
                    return key * 10
                }
            }
        }
        let hers = [ask(1, for: "mallory"), ask(1, for: "mallory"), ask(2, for: "mallory")]
        #expect(await holds { runs == [1] && work.shares.waiting == 1 })
        // The key 2 waits in her queue; bob has a place of his own.
        let his = [ask(1, for: "bob"), ask(2, for: "bob")]
        #expect(await holds { runs == [1, 2] })
        gate.set(())
        var answers: [Int?] = []
        for task in hers + his { answers.append(await task.value) }
        #expect(answers == [10, 10, 20, 10, 20])
        // Her turn for 2 came when his run had ended, or before.
        #expect(runs == [1, 2] || runs == [1, 2, 2])
        #expect(work.shares.taken == 0)
    }

    @Test @IO func `names without an answer leave room for the names of others`() async throws {
        let dead = Once<Void>()
        let address = try #require(SocketAddress(ip: "127.0.0.1", port: 22))
        var looked: [String] = []
        let lookups = Lookups(Shares(DNS.limit)) { host, _ in
            looked.append(host)
            if host.hasPrefix("dead") { await dead.wait() }
            return (0, [address])
        }
        let hers = (0..<80).map { index in
            IO.task {
                await Sharer.serving("mallory") {
                    (try? await lookups.resolve("dead\(index % 40)", port: 22))?.count
                }
            }
        }
        #expect(await holds { looked.count == Shares.share(of: DNS.limit) })
        let his = try await Sharer.serving("bob") { () throws(LoopError) in
            try await lookups.resolve("bench", port: 22)
        }
        #expect(his == [address])
        dead.set(())
        for task in hers { #expect(await task.value == 1) }
        #expect(looked.count == 41)
    }
}
