// What makes the agent dial at once: its machine woke, or the network changed. The times are judged
// without a clock; the network is a real one, in a namespace of the test's own.
import Foundation
import Loop
import Support
import Testing

@testable import homeline_agent

@Suite struct MachineWatchTests {
    @Test func `a clock that runs on while the timers stand still shows a sleep`() {
        let start = ContinuousClock.now
        for (elapsed, slept) in [
            (5.0, nil), (6, nil), (15, nil), (15.5, 10.5), (3605, 3600), (0, nil),
        ] as [(Double, Double?)] {
            let found = MachineWatch.sleep(from: start, to: start + .seconds(elapsed))
            #expect(found == slept.map { .seconds($0) }, "\(elapsed)")
        }
    }

    @Test func `the network is reported when it has settled, and not more than every 10 s`() {
        let now = ContinuousClock.now
        #expect(MachineWatch.due(now, after: nil) == now + .milliseconds(500))
        #expect(MachineWatch.due(now, after: now - .seconds(60)) == now + .milliseconds(500))
        #expect(MachineWatch.due(now, after: now - .seconds(2)) == now + .seconds(8))
    }

    @Test(.needs(.root, .mounts, "ip"))
    @IO func `an address that comes ends the wait for the next dial`() async throws {
        let relay = try TestRelay()
        let folder = try TemporaryDirectory("machine")
        // The agent runs in a network without the relay, so that each dial fails.
        let identity = Identity(
            key: try Identity.key(in: folder.path), addresses: [relay.url], pin: relay.pin,
            agentID: "id", name: "site")
        try identity.save(to: folder.path)
        let script = """
            ip link set lo up
            "$0" run --data "$1" 2>"$1/log" & agent=$!
            i=0
            until [ "$(grep -c 'not connected' "$1/log")" -ge 4 ] || [ $i = 1200 ]; do
                sleep 0.05; i=$((i + 1))
            done
            ip address add 192.0.2.1/24 dev lo
            i=0
            until grep -q 'network has changed' "$1/log" || [ $i = 200 ]; do
                sleep 0.05; i=$((i + 1))
            done
            kill $agent; wait $agent; cat "$1/log"
            """
        let process = try RunningProcess(
            "/usr/bin/unshare",
            ["-n", "sh", "-c", script, Repository.program("homeline-agent"), folder.path],
            environment: ["HOME": folder.path])
        try await process.finished()
        #expect(
            process.output.contains("the network has changed: dialling again"), "\(process.output)")
        relay.kill()
    }
}
