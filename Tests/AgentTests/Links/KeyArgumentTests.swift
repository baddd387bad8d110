// The key file that a call names: judged by where its links lead, and again when it is opened.
import Foundation
import JSON
import Loop
import Support
import Testing
import Wire

@testable import homeline_agent

@Suite(.timeLimit(.minutes(1))) struct KeyArgumentTests {
    @Test @IO func `a key is refused by every name that leads to what rules close`() async throws {
        let server = try await SSHServer.start(.init(shell: .dash))
        let desk = try await Desk([("box", server, "")])
        let folder = desk.folder
        let manager = FileManager.default
        for name in ["own", "shut", "open"] {
            try folder.folder(name)
            try manager.copyItem(atPath: server.key.path, toPath: folder.file("\(name)/key"))
        }
        for (name, target) in [
            ("open/own", "../own/key"), ("open/shut", "../shut/key"), ("open/folder", "../own"),
            ("open/chain", "own"), ("open/good", "key"),
        ] {
            try manager.createSymbolicLink(
                atPath: folder.file(name), withDestinationPath: target)
        }
        let denied = try #require(PathRule("local:\(folder.file("shut"))"))
        func code(_ key: String) async -> Fault.Code? {
            await desk.code(
                .execute, ["target": "site/box", "command": "true", "key": .string(key)])
        }
        // A path from the agent's working folder, which no rule on absolute paths sees.
        let relative =
            String(
                repeating: "../", count: manager.currentDirectoryPath.split(separator: "/").count)
            + folder.file("own/key").dropFirst()
        desk.allow { $0.ownFolder = folder.file("own") }
        for name in ["own/key", "open/own", "open/folder/key", "open/chain", "open/../own/key"] {
            #expect(await code(folder.file(name)) == .refusedByPolicy, "\(name)")
        }
        #expect(await code(relative) == .refusedByPolicy)
        desk.allow { $0.paths.denied = [denied] }
        for name in ["shut/key", "open/shut"] {
            #expect(await code(folder.file(name)) == .refusedByPolicy, "\(name)")
        }
        for name in ["open/key", "open/good", "open/missing"] {
            #expect(await code(folder.file(name)) == nil, "\(name)")
        }
        await desk.service.shutDown()
    }

    /// A link that changes after the call was admitted.
    @Test(arguments: [true, false])
    @IO func `the opened key file is judged`(isAdmitted: Bool) async throws {
        let server = try await SSHServer.start(.init(shell: .dash))
        var target = try server.target()
        target.credentials.identityFiles = []
        var options = LinkOptions()
        options.key = server.key.path
        options.retries = 0
        let real = URL(filePath: server.key.path).resolvingSymlinksInPath().path
        options.admitsKey = { ClosedFiles.path(of: $0) == real && isAdmitted }
        let links = Links()
        defer { links.shutDown() }
        let result = await outcome {
            try await links.execute(on: target, options, command: { _ in "true" }).channel
        }
        switch result {
        case .success: #expect(isAdmitted)
        case .failure(let fault):
            #expect(!isAdmitted && fault.code == .authenticationFailed, "\(fault.message)")
        }
    }
}
