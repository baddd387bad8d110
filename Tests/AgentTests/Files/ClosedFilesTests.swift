// A client with the rights on files of the agent's own machine reads no key, no secret, and nothing
// of any process's memory, whatever way leads there.
import Foundation
import JSON
import Loop
import Support
import Testing
import Wire

@testable import homeline_agent

@Suite(.timeLimit(.minutes(1))) struct ClosedFilesTests {
    private static let canary = "canary-of-a-key"

    @Test(arguments: [
        "/proc/self/maps", "/proc/self/mem", "/proc/self/environ", "/proc/self/fd/0",
        "/proc/1/cmdline", "/proc/thread-self/maps", "/proc/version", "/sys/kernel/mm/ksm/run",
        "/dev/../proc/self/status", "/proc/self/root/proc/self/maps", "/proc/self/cwd",
    ])
    @IO func `the kernel's view of processes stays closed`(path: String) async throws {
        let desk = try await Desk([])
        let link = desk.folder.file("link")
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: path)
        for path in [path, link] {
            for (method, more) in [
                (.readFile, [:]), (.readFile, ["grep": "."]), (.readFile, ["tail": 1]),
                (.writeFile, ["content": "x"]),
            ] as [(Wire.Method, JSON.Object)] {
                let call = more.with(["target": "site/local", "path": .string(path)])
                let fault = await desk.fault(method, call)
                #expect(fault != nil, "\(method) \(path)")
            }
        }
        #expect(await desk.fault(.listFiles, ["target": "site/local", "path": "/proc"]) != nil)
        #expect(
            await desk.fault(.listFiles, ["target": "site/local", "path": "/proc/self"]) != nil)
    }

    @Test @IO func `keys and secrets stay closed, by every name`() async throws {
        let desk = try await Desk([])
        let manager = FileManager.default
        for name in ["secret", "named", "tok-web", "block"] {
            try desk.folder.write(Self.canary, to: name)
            try manager.linkItem(
                atPath: desk.folder.file(name), toPath: desk.folder.file("\(name)-hard"))
            try manager.createSymbolicLink(
                atPath: desk.folder.file("\(name)-soft"),
                withDestinationPath: desk.folder.file(name))
        }
        let config = try desk.folder.write(
            """
            Host web
              IdentityFile \(desk.folder.file("named"))
            Host *
              IdentityFile "\(desk.folder.path)/tok-%h"
            """, to: "ssh_config")
        desk.configure { settings in
            settings.targets.sshConfig = config
            settings.targets.blocks = [
                TargetBlock(patterns: ["web"], identityFiles: [desk.folder.file("block")])
            ]
            settings.secrets.sources["pw"] = .file(desk.folder.file("secret"))
        }
        for name in ["secret", "named", "tok-web", "block"] {
            // A key that only a pattern covers is known by its path alone.
            for way in ["", "-soft"] + (name == "tok-web" ? [] : ["-hard"]) {
                let path = desk.file(name + way)
                let read = await desk.call(.readFile, ["target": "site/local", "path": path])
                guard case .failure(let fault) = read else {
                    Issue.record("\(name)\(way) was read")
                    continue
                }
                #expect(fault.message.contains("keep out") && !fault.message.contains(Self.canary))
                let written = await desk.fault(
                    .writeFile, ["target": "site/local", "path": path, "content": ""])
                #expect(written != nil, "\(name)\(way)")
            }
            #expect(try desk.text(name) == Self.canary)
        }
        // A refusal makes nothing.
        let missing = desk.folder.file("tok-new")
        let refused = await desk.fault(
            .writeFile, ["target": "site/local", "path": .string(missing), "content": "x"])
        #expect(refused?.code == .fileRefused && refused?.message.contains("in part") == false)
        #expect(!manager.fileExists(atPath: missing))
        // The list of all goes on where a folder is closed.
        let all = await desk.call(
            .listFiles, ["target": "site/local", "path": "/", "depth": 2])
        #expect(try all.get()["entries"]?.arrayValue?.isEmpty == false)
        try desk.folder.write("plain", to: "plain")
        let plain = await desk.call(
            .readFile, ["target": "site/local", "path": desk.file("plain")])
        #expect(try plain.get()["content"] == "plain")
    }

    /// The same over SSH to the agent's own machine.
    @Test @IO func `closed files stay closed over ssh to the agent's own machine`() async throws {
        let server = try await SSHServer.start(.init(shell: .dash))
        let desk = try await Desk([("box", server, "")])
        try desk.folder.write(Self.canary, to: "secret")
        desk.configure { $0.secrets.sources["pw"] = .file(desk.folder.file("secret")) }
        for path in ["/proc/self/maps", desk.folder.file("secret")] {
            let fault = await desk.fault(
                .readFile, ["target": "site/box", "path": .string(path)])
            #expect(fault?.message.contains("keep out") == true, "\(path): \(fault?.message ?? "")")
        }
    }
}
