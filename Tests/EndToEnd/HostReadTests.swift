// host_read and host_report on real hosts: what each subject shows of what is known to be there.
import Foundation
import JSON
import Support
import Testing

@Suite struct HostReadTests {
    private func read(_ host: String, _ what: String, _ more: JSON.Object = [:]) async throws
        -> JSON
    {
        var arguments: JSON.Object = ["target": .string("site/\(host)"), "what": .string(what)]
        for (name, value) in more { arguments[name] = value }
        return try await Place.shared.value.caller.structured("host_read", .object(arguments))
    }

    @Test(arguments: ["bash", "ash", "zsh", "local"])
    func `what is on the host is in the rows`(host: String) async throws {
        let user = NSUserName()
        let users = try await read(host, "users", ["limit": 500])
        #expect(users["rows"]?.arrayValue?.contains { $0["name"] == .string(user) } == true)
        let memory = try await read(host, "memory")
        let total = memory["rows"]?[0]?["total_kib"]?.intValue ?? 0
        #expect(memory["rows"]?[0]?["kind"] == "memory" && total > 100_000, "\(memory)")
        let disks = try await read(host, "disks")
        let root = disks["rows"]?.arrayValue?.first { $0["mount"] == "/" }
        #expect((root?["size_kib"]?.intValue ?? 0) > 1000, "\(disks)")
        let processes = try await read(host, "processes", ["query": "sshd", "limit": 3])
        #expect(processes["rows"]?[0]?["pid"]?.intValue != nil, "\(processes)")
        let network = try await read(host, "network")
        let loopback = network["rows"]?.arrayValue?.first { $0["interface"] == "lo" }
        #expect(loopback?["addresses"]?.stringValue?.contains("127.0.0.1") == true)
    }

    @Test func `a port that somebody listens on is shown`() async throws {
        let place = try await Place.shared.value
        let port = Int64(try #require(URL(string: place.home.url)?.port))
        let ports = try await read("bash", "ports", ["limit": 500])
        #expect(
            ports["rows"]?.arrayValue?.contains { $0["port"] == .int(port) } == true, "\(ports)")
    }

    @Test func `what a caller sends is data`() async throws {
        let name = "x'; touch /tmp/homeline-injected-\(UInt32.random(in: 0...UInt32.max)); '"
        _ = try await read("bash", "journal", ["name": .string(name)])
        let files = try FileManager.default.contentsOfDirectory(atPath: "/tmp")
        #expect(!files.contains { $0.hasPrefix("homeline-injected") })
    }

    @Test func `a first look has at most 4 KB`() async throws {
        let found = try await Place.shared.value.caller.structured(
            "host_report", ["target": "site/bash"])
        let report = found["report"]?.stringValue ?? ""
        #expect(report.utf8.count <= 4000)
        for title in ["host: ", "load: ", "memory: ", "tools:"] {
            #expect(report.contains(title), "\(report)")
        }
    }
}
