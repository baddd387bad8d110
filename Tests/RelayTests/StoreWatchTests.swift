// What another process of the relay stores ends rights here as well.
import Loop
import Support
import Testing
import Tunnel

@testable import homeline_relay

@Suite(.timeLimit(.minutes(1))) struct StoreWatchTests {
    @Test @IO func `an agent that another process has revoked loses its tunnel, and no other does`()
        async throws
    {
        let house = try await House()
        defer { house.close() }
        let (lab, web) = (try await house.joined("lab"), try await house.joined("web"))
        let (first, second) = (try await house.connect(lab), try await house.connect(web))
        #expect(await until { house.fleet.all.allSatisfy { $0.connection != nil } })
        let other = try await Store.open(folder: house.fixture.folder.path)
        var readings = 0
        let watch = StoreWatch(house.store, for: .seconds(20)) { () throws(StoreError) in
            try await house.fleet.reload()
            readings += 1
        }
        // The first look reads, whatever has changed; this process's own changes are known here.
        #expect(await until { readings == 1 })
        _ = try await house.store.updateAgent("web", name: nil, tags: ["a"], by: "test")
        _ = try await other.revokeAgent("lab")
        #expect(await IO.within(.seconds(5)) { await first.ended.wait() } != nil)
        #expect(readings == 2 && !second.tunnel.isClosed)
        #expect(house.fleet.member(lab.record.id) == nil)
        _ = try await other.updateAgent("web", name: "shop", tags: nil, by: "test")
        #expect(await until { house.fleet.agent(named: "shop") != nil })
        watch.cancel()
        await other.close()
    }

    @Test @IO func `a store that cannot be read any more is left alone`() async throws {
        let fixture = try await StoreFixture()
        var readings = 0
        let watch = StoreWatch(fixture.store, for: .seconds(20)) { () throws(StoreError) in
            readings += 1
            throw .keyInvalid
        }
        #expect(await until { readings == 1 })
        try await IO.sleep(for: .milliseconds(1200))
        #expect(readings == 1)
        watch.cancel()
    }
}
