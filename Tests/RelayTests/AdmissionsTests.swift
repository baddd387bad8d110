// Who makes room among the connections that are being admitted.
import Testing

@testable import homeline_relay

@Suite struct AdmissionsTests {
    @Test func `an address that floods evicts its own silent connections, the oldest first`() {
        var admissions = Admissions(limit: 8, share: 3)
        var evicted: Int?
        for number in 1...3 {
            let added = admissions.add(from: "flood")
            #expect(added.number == number && added.evicted == nil)
        }
        admissions.spoke(1)
        evicted = admissions.add(from: "flood").evicted
        #expect(evicted == 2)
        evicted = admissions.add(from: "flood").evicted
        #expect(evicted == 3)
        evicted = admissions.add(from: "agent").evicted
        #expect(evicted == nil)
        #expect(admissions.count == 4)
    }

    @Test func `a crowd of addresses makes room for a newcomer`() {
        var admissions = Admissions(limit: 4, share: 3)
        var evicted: Int?
        for host in ["a", "b", "c", "d"] { _ = admissions.add(from: host) }
        admissions.spoke(1)
        evicted = admissions.add(from: "agent").evicted
        #expect(evicted == 2)
        admissions.remove(3)
        evicted = admissions.add(from: "e").evicted
        #expect(evicted == nil)
        #expect(admissions.count == 4)
    }

    @Test func `a proxy on this machine counts among all alone`() {
        var admissions = Admissions(limit: 6, share: 2)
        var evicted: Int?
        for _ in 1...5 {
            evicted = admissions.add(from: nil).evicted
            #expect(evicted == nil)
        }
        evicted = admissions.add(from: "a").evicted
        #expect(evicted == nil)
        evicted = admissions.add(from: nil).evicted
        #expect(evicted == 1 && admissions.count == 6)
    }

    @Test func `where all have spoken, the oldest goes`() {
        var admissions = Admissions(limit: 4, share: 2)
        for number in 1...2 {
            _ = admissions.add(from: "a")
            admissions.spoke(number)
        }
        var evicted = admissions.add(from: "a").evicted
        #expect(evicted == 1)
        evicted = admissions.add(from: "b").evicted
        #expect(evicted == nil)
        admissions.spoke(3)
        admissions.spoke(4)
        _ = admissions.add(from: "c")
        evicted = admissions.add(from: "d").evicted
        #expect(evicted == 5 && admissions.count == 4)
    }

    @Test func `more connections wait while many are arriving, and not for long`() {
        var (arrivals, now) = (Arrivals(), ContinuousClock.now)
        func isCrowded(_ now: ContinuousClock.Instant) -> Bool { arrivals.isCrowded(at: now) }
        for number in 1..<Arrivals.limit { arrivals.progress(number, at: now) }
        #expect(!isCrowded(now))
        now += .milliseconds(100)
        arrivals.progress(1000, at: now)
        #expect(isCrowded(now))
        arrivals.end(7)
        #expect(!isCrowded(now))
        arrivals.progress(1001, at: now)
        #expect(isCrowded(now + .milliseconds(399)))
        // Those that say no more do not count any longer.
        #expect(!isCrowded(now + .milliseconds(400)))
        arrivals.end(1000)
        arrivals.end(1)
        #expect(!isCrowded(now + .milliseconds(401)))
        // One that has completed its handshake counts on.
        for number in 1...Arrivals.limit { arrivals.progress(number, at: now) }
        now += .milliseconds(300)
        arrivals.progress(1, at: now)
        #expect(isCrowded(now))
        #expect(!isCrowded(now + .milliseconds(300)))
    }
}
