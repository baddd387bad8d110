// An agent whose relay has several addresses: the real programs, joined and run over lines that
// fail.
import Foundation
import JSON
import Support
import Testing

@Suite struct SeveralAddressesTests {
    @Test func `the second address serves while the first refuses, and the first once it is back`()
        async throws
    {
        let home = try await Installation.start()
        let port = try #require(URL(string: home.tunnel)?.port.flatMap(UInt16.init(exactly:)))
        let links = [try SlowLink(to: port), try SlowLink(to: port)]
        let urls = links.map { "tls://127.0.0.1:\($0.port)" }
        links[0].refuse()
        let invitation = try await home.invitation("site", at: urls.joined(separator: ","))
        #expect(invitation.hasPrefix("hl2."))
        let joined = try await RunningProcess.run(
            Repository.program("homeline-agent"), ["join", invitation, "--data", home.data("site")])
        #expect(joined.hasPrefix("Joined \(urls[0]), \(urls[1]) as site."))
        let caller = try await home.caller()
        func address() async throws -> String? {
            try await caller.structured("agent_describe", ["agent": "site"])["relay_address"]?
                .stringValue
        }
        let log = home.directory.file("site.log")
        try await home.startAgent("site", caller: caller, errors: log)
        #expect(try await address() == urls[1])
        let id = try #require(
            try await caller.structured("ssh_session_open", ["target": "site/local"])[
                "session_id"]?.stringValue)
        func run(_ command: String) async throws -> String? {
            try await caller.structured(
                "ssh_session_command", ["session_id": .string(id), "command": .string(command)])[
                    "output"]?.stringValue
        }
        _ = try await run("kept=1")

        links[0].admit()
        links[1].cut()
        #expect(await holds { (try? await address()) == urls[0] })
        #expect(try await run("echo $kept") == "1\n")
        let lines = try String(contentsOfFile: log, encoding: .utf8)
        for url in urls { #expect(lines.contains("connected to \(url) as site"), "\(lines)") }
        let words = "not connected to \(urls[0]): "
        #expect(lines.contains(words) && lines.contains("; dialling \(urls[1])"), "\(lines)")

        links[1].refuse()
        let doctor = try RunningProcess(
            Repository.program("homeline-agent"), ["doctor", "--json", "--data", home.data("site")])
        #expect(try await doctor.finished(within: .seconds(30)) == .exited(0), "\(doctor.output)")
        let checks = try JSON(parsing: doctor.output)["checks"]?.arrayValue ?? []
        func verdicts(_ name: String) -> [String?] {
            checks.filter { $0["name"] == .string(name) }.map { $0["verdict"]?.stringValue }
        }
        #expect(verdicts("address") == ["ok", "ok"] && verdicts("hello") == ["ok"])
        #expect(verdicts("tls") == ["ok", "warning"], "\(checks)")
        #expect(
            checks.contains {
                $0["came"]?.stringValue?.contains("connected to \(urls[0]);") == true
            },
            "\(checks)")
        await home.stop()
    }
}
