// Rules on paths hold for where a path leads, also on servers whose REALPATH follows no links.
import Foundation
import JSON
import Loop
import Support
import Testing
import Wire

@testable import homeline_agent

@Suite(.timeLimit(.minutes(1))) struct LinkRulesTests {
    /// A desk whose target `box` is the server, with a folder `ok` that is allowed and a folder
    /// `shut` that is not, and links between them.
    @IO private static func desk(_ kind: FilesServer.Kind) async throws -> (Desk, FilesServer) {
        let server = try await FilesServer(kind)
        let desk = try await Desk([("box", server, "")])
        let folder = desk.folder
        for name in ["ok/sub", "shut"] { try folder.folder(name) }
        try folder.write("plain", to: "ok/plain")
        try folder.write("canary", to: "shut/secret")
        for (name, target) in [
            ("ok/way", "../shut"), ("ok/file", folder.file("shut/secret")), ("ok/chain", "way"),
            ("ok/sub/up", ".."), ("ok/twisted", "sub/up/way/../shut/secret"),
            ("ok/new", "../shut/new"), ("ok/deep-new", "way/deep"), ("ok/one", "two"),
            ("ok/two", "one"), ("shut/back", "../ok"), ("ok/near", "./sub//up/plain"),
            ("ok/root", "/"),
        ] {
            try FileManager.default.createSymbolicLink(
                atPath: folder.file(name), withDestinationPath: target)
        }
        for number in 0...41 {
            try FileManager.default.createSymbolicLink(
                atPath: folder.file("ok/long\(number)"),
                withDestinationPath: number == 41 ? "plain" : "long\(number + 1)")
        }
        return (desk, server)
    }

    @IO private static func setRules(_ desk: Desk) throws {
        let allowed = try #require(PathRule(desk.folder.file("ok")))
        desk.allow { $0.paths.allowed = [allowed] }
    }

    @Test(arguments: [FilesServer.Kind.resolving, .lexical, .paramiko])
    @IO func `a rule holds for where a path leads`(kind: FilesServer.Kind) async throws {
        let (desk, server) = try await Self.desk(kind)
        defer { withExtendedLifetime(server) {} }
        try Self.setRules(desk)
        func call(
            _ method: Wire.Method, _ path: String, _ more: JSON.Object = [:]
        ) async -> Result<JSON, Fault> {
            let base: JSON.Object = ["target": "site/box", "path": .string(path)]
            return await desk.call(method, base.with(more))
        }
        func isRefused(_ result: Result<JSON, Fault>) -> Bool {
            if case .failure(let fault) = result { return fault.code == .refusedByPolicy }
            return false
        }
        let ways = [
            "way/secret", "file", "chain/secret", "sub/up/way/secret", "twisted", "sub/up/file",
            "way/back/way/secret", "root\(desk.folder.file("shut/secret"))",
        ]
        let climb = String(repeating: "../", count: 20) + desk.folder.path.dropFirst()
        for way in ways + ["way", "chain", "root"] {
            for path in [
                desk.folder.file("ok/\(way)"), "\(climb)/ok/\(way)", "~/\(climb)/ok/\(way)",
            ] {
                let listed = await call(.listFiles, path)
                #expect(isRefused(listed), "\(way): \(listed)")
                guard ways.contains(way) else { continue }
                let read = await call(.readFile, path)
                #expect(isRefused(read), "\(way): \(read)")
                let written = await call(.writeFile, path, ["content": "x"])
                #expect(isRefused(written), "\(way): \(written)")
            }
        }
        for way in ["way/x", "new", "deep-new", "way/deep/er", "sub/up/way/x", "deep-new/er"] {
            let result = await call(
                .writeFile, desk.folder.file("ok/\(way)"), ["content": "x", "create_dirs": true])
            #expect(isRefused(result), "\(way): \(result)")
        }
        #expect(try desk.text("shut/secret") == "canary")
        let made = try FileManager.default.contentsOfDirectory(atPath: desk.folder.file("shut"))
        #expect(made.sorted() == ["back", "secret"])

        for way in ["plain", "sub/up/plain", "near", "way/back/plain", "long5"] {
            let read = try await call(.readFile, desk.folder.file("ok/\(way)")).get()
            #expect(read["content"] == "plain" && read["path"] == desk.file("ok/plain"))
        }
        let fresh = await call(
            .writeFile, desk.folder.file("ok/sub/up/a/b/c"), ["content": "x", "create_dirs": true])
        #expect(try fresh.get()["path"] == desk.file("ok/a/b/c"))
        // Python's own realpath follows links without a limit.
        for way in kind == .resolving ? ["one"] : ["one", "long0"] {
            let fault = await desk.fault(
                .readFile, ["target": "site/box", "path": desk.file("ok/\(way)")])
            #expect(fault != nil && fault?.code != .internal, "\(way)")
        }
        // A list goes into folders alone, whatever the server calls a link.
        let list = try await call(.listFiles, desk.folder.file("ok"), ["depth": 4]).get()
        let names = list["entries"]?.arrayValue?.compactMap { $0["path"]?.stringValue } ?? []
        #expect(names.contains("a/b/c") && names.contains("way"))
        #expect(!names.contains { $0.hasPrefix("way/") || $0.contains("secret") }, "\(names)")
    }

    @Test @IO func `a folder that is closed by name is closed through links`() async throws {
        let (desk, server) = try await Self.desk(.lexical)
        let denied = try #require(PathRule("box:\(desk.folder.file("shut"))"))
        desk.allow { $0.paths.denied = [denied] }
        let path = desk.file("ok/way/secret")
        #expect(
            await desk.code(.readFile, ["target": "site/box", "path": path]) == .refusedByPolicy)
        // Each part of the path is looked at once for each link on the way, all at a time.
        let parts = desk.folder.file("ok/way/secret").split(separator: "/").count
        // What the server prints may come after its answer.
        _ = await holds { server.requests.contains { $0.hasPrefix("readlink") } }
        let asked = server.requests
        #expect(asked.count { $0.hasPrefix("lstat") } <= 2 * parts)
        #expect(asked.count { $0.hasPrefix("readlink") } == 1)
        #expect(asked.allSatisfy { !$0.hasPrefix("open") })
    }

    @Test @IO func `closed files stay closed where the server follows no links`() async throws {
        let (desk, server) = try await Self.desk(.lexical)
        defer { withExtendedLifetime(server) {} }
        desk.configure { $0.secrets.sources["pw"] = .file(desk.folder.file("shut/secret")) }
        try FileManager.default.createSymbolicLink(
            atPath: desk.folder.file("ok/proc"), withDestinationPath: "/proc")
        for way in ["way/secret", "file", "proc/version", "proc/self/maps"] {
            let fault = await desk.fault(
                .readFile, ["target": "site/box", "path": desk.file("ok/\(way)")])
            #expect(fault?.message.contains("keep out") == true, "\(way): \(fault?.message ?? "")")
        }
    }

    @Test @IO func `a server that shows no links is refused where rules hold`() async throws {
        let (desk, server) = try await Self.desk(.modeless)
        defer { withExtendedLifetime(server) {} }
        try Self.setRules(desk)
        let fault = await desk.fault(
            .readFile, ["target": "site/box", "path": desk.file("ok/plain")])
        #expect(fault?.message.contains("symbolic links") == true, "\(fault?.message ?? "")")
    }
}
