// What a ticket is good for, as a table.
import Loop
import Testing
import Wire

@testable import homeline_agent

@Suite struct TicketsTests {
    /// A use of the ticket `t`, which was made for ada at second 0.
    struct Use: Sendable {
        var ticket = "t"
        var principal = "ada"
        var second = 1
        var refusal: Tickets<Int>.Refusal?
    }

    @Test(arguments: [
        [Use()],
        [Use(second: 59)],
        [Use(second: 60, refusal: .expired)],
        [Use(), Use(refusal: .unknown)],
        [Use(ticket: "T", refusal: .unknown)],
        // Who it is not for does not use it up.
        [Use(principal: "bob", refusal: .foreign), Use()],
        [Use(principal: "bob", second: 61, refusal: .foreign)],
    ])
    func `a ticket is redeemed once, by its principal, in time`(uses: [Use]) {
        let start = ContinuousClock.now
        var tickets = Tickets<Int>()
        tickets.add("t", for: "ada", 7, at: start)
        for use in uses {
            var refusal: Tickets<Int>.Refusal?
            do throws(Tickets<Int>.Refusal) {
                let matter = try tickets.redeem(
                    use.ticket, by: use.principal, at: start + .seconds(use.second))
                #expect(matter == 7)
            } catch { refusal = error }
            #expect(refusal == use.refusal)
        }
    }

    @Test func `expired tickets and those of a principal are removed`() {
        let start = ContinuousClock.now
        var tickets = Tickets<Int>()
        for (number, principal) in ["ada", "bob", "ada"].enumerated() {
            tickets.add(
                "t\(number)", for: principal, number, at: start + .seconds(10 * number))
        }
        #expect(tickets.remove(expiredAt: start + .seconds(59)) == [])
        #expect(tickets.remove(expiredAt: start + .seconds(60)) == [0])
        #expect(tickets.remove(expiredAt: start + .seconds(60), of: "ada") == [2])
        #expect(tickets.principals == ["bob"])
    }
}
