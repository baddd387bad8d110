// Key exchanges that cost much: a group that is too large is refused before anything is computed, a
// later one ends the link, and slow exchanges without end leave time to others.
import Crypto
import Loop
import Programs
import Support
import Testing

@testable import SSH

@Suite(.timeLimit(.minutes(2))) struct ExchangesTests {
    @Test func `a pass that takes much longer than at first ends the link`() {
        var quick = Exchanges()
        quick.settle("curve25519-sha256")
        #expect(!quick.isMeasured)
        for (first, later, verdict): (Int, Int, Exchanges.Verdict) in [
            (25, 25, .goesOn), (25, 100, .goesOn), (25, 101, .ends), (1, 100, .goesOn),
            (200, 700, .goesOn), (200, 801, .ends),
        ] {
            var slow = Exchanges()
            for time in [1, first, 2] {
                #expect(slow.passed(.milliseconds(time), exchanges: 0) == .goesOn)
            }
            slow.settle("diffie-hellman-group-exchange-sha256")
            #expect(slow.isMeasured)
            #expect(slow.passed(.milliseconds(later), exchanges: 0) == verdict, "\(first) \(later)")
        }
    }

    @Test func `after each slow exchange the link rests, one second for each of all links`() {
        var slow = Exchanges()
        slow.settle("diffie-hellman-group16-sha512")
        let verdicts = [0, 1, 1, 2].map { slow.passed(.milliseconds(20), exchanges: $0) }
        #expect(verdicts == [.goesOn, .rests, .goesOn, .rests])
        var turns = ExchangeTurns()
        let start = IO.now
        #expect(turns.rest(now: start) == .seconds(1))
        #expect(turns.rest(now: start) == .seconds(2))
        #expect(turns.rest(now: start + .seconds(1)) == .seconds(2))
        for _ in 0..<20 { _ = turns.rest(now: start) }
        #expect(turns.rest(now: start) == .seconds(10))
        #expect(turns.rest(now: start + .seconds(60)) == .seconds(1))
    }

    @Test func `a first group that is too large is refused, and the error says what to do`()
        async throws
    {
        let server = try await GroupServer(bits: 16384, later: 16384)
        let configuration = server.link()
        let error = await IO.task { await connectError(configuration) }.value
        #expect(error == .groupTooLarge(address: server.address, bits: 16384))
        #expect(error?.description.contains("moduli") == true && error?.isTransient == false)
    }

    @Test(arguments: [2048, 10240])
    func `a later group of 2048 bits is taken, and one of 10240 ends the link`(bits: Int)
        async throws
    {
        let server = try await GroupServer(bits: 2048, later: bits)
        let configuration = server.link()
        try await onLoop {
            let link = try await Link.connect(configuration)
            defer { link.close() }
            let end = try await link.run("anything").end
            let (failure, rekeys) = (link.failure, link.statistics.rekeys)
            if bits == 2048 {
                #expect(end == ProgramEnd.exited(7) && failure == nil && rekeys == 1)
                return
            }
            guard case .exchangeTooSlow = failure, case .lost(let words) = end else {
                Issue.record("\(end) \(String(describing: failure))")
                return
            }
            #expect(words.contains("moduli"))
            // The same server gets no second step.
            #expect(await connectError(configuration) == failure)
        }
    }
}
