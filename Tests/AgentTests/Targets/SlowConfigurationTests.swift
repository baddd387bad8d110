// A configuration that takes long to read (`Match exec`): what a list and a call make of it.
import Foundation
import JSON
import Loop
import Support
import Testing
import Wire

@testable import homeline_agent

@Suite(.timeLimit(.minutes(1))) struct SlowConfigurationTests {
    /// A list says in time what is known, and does not hold up its caller's own host.
    @Test(.needs("ssh")) @IO func `names that ssh is slow to resolve hold up nothing else`()
        async throws
    {
        let folder = try TemporaryDirectory("slow")
        let names = (0..<12).map { "slow-\($0)" }
        let config = try folder.write(
            """
            Host quick fast \(names.joined(separator: " "))
             HostName 192.0.2.1
            Match originalhost slow-* exec "touch \(folder.file("began")); \
            while [ ! -e \(folder.file("end")) ]; do sleep 0.05; done"
             Port 24
            """, to: "config")
        let targets = Targets(
            settings: TargetSettings(sshConfig: config),
            place: Place(environment: [:], user: "me", home: folder.path))
        defer { _ = try? folder.write("", to: "end") }
        try await Sharer.serving("ada") { () async throws in
            let list = IO.task {
                await targets.list(ListTargets(), agent: "site", within: .seconds(1))
            }
            #expect(
                await holds { FileManager.default.fileExists(atPath: folder.file("began")) })
            #expect(try await targets.resolve(TargetName(place: "ada@quick")).port == 22)
            let found = await list.value.found.map(\.info)
            #expect(found.map(\.target).prefix(3) == ["site/local", "site/quick", "site/fast"])
            try #require(found.count == 15)
            #expect(found[1].hostname == "192.0.2.1" && found[2].reason == nil)
            for slow in found[3...] { #expect(slow.reason?.contains("not said in time") == true) }

            // A query that may be about where a name leads says what it does not know.
            let asked = try ListTargets(Fields(object: ["query": "192.0.2"]))
            let page = await targets.list(asked, agent: "site", within: .milliseconds(300))
            #expect(page.found.map(\.info.target) == ["site/quick", "site/fast"])
            #expect(page.leftOut?.contains("12 names were not resolved in time") == true)
            targets.policy.deniedTargets = ["slow-3"]
            let rest = await targets.list(ListTargets(), agent: "site", within: .milliseconds(100))
            #expect(rest.found.count == 14)
        }
    }
}
