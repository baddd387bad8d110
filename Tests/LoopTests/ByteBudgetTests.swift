// A budget of bytes: the limit, the shares, and claims that give back exactly what they hold.
import Testing

@testable import Loop

@Suite struct ByteBudgetTests {
    @Test @IO func `no holder has more than its share, nor all more than the limit`() {
        let budget = ByteBudget(limit: 10, share: 6)
        let (a, b) = (budget.claim(for: "a"), budget.claim(for: "b"))
        var grown = [a.grow(by: 4), a.grow(by: 3), a.grow(by: 2)]
        #expect(grown == [true, false, true])
        #expect(budget.room(for: "a") == 0 && budget.room(for: "b") == 4)
        grown = [b.grow(by: 5), b.grow(by: 4)]
        #expect(grown == [false, true])
        #expect(budget.used == 10 && budget.used(by: "a") == 6)
        a.release()
        a.release()
        #expect(budget.used == 4 && budget.used(by: "a") == 0)
        #expect(budget.room(for: "a") == 6)
    }

    @Test @IO func `a claim that ends gives back what it holds, and says so`() async {
        let budget = ByteBudget(limit: 10)
        var told = 0
        budget.onRoom = { told += 1 }
        do {
            let claim = budget.claim(for: "a")
            let isGrown = claim.grow(by: 7)
            #expect(isGrown && budget.used == 7)
        }
        await Task.yield()
        #expect(budget.used == 0 && told == 1)
    }
}
