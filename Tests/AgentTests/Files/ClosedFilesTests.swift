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
        let list = await desk.fault(.listFiles, ["target": "site/local", "path": "/proc"])
        #expect(list?.message.contains("with ssh_execute") == true)
        #expect(
            await desk.fault(.listFiles, ["target": "site/local", "path": "/proc/self"]) != nil)
    }

    @Test @IO func `what the agent takes its programs and its trust from is not written`()
        async throws
    {
        let desk = try await Desk([])
        let manager = FileManager.default
        let included = try desk.folder.write("Host inner\n", to: "included")
        let config = try desk.folder.write("Include \(included)\n", to: "ssh_config")
        let known = try desk.folder.write("", to: "known_hosts")
        let own = try desk.folder.write("", to: "agent.conf")
        try manager.linkItem(atPath: config, toPath: desk.folder.file("hard"))
        try manager.createSymbolicLink(
            atPath: desk.folder.file("soft"), withDestinationPath: config)
        desk.configure { settings in
            settings.targets.sshConfig = config
            settings.targets.knownHosts = known
            settings.targets.file = own
        }
        for name in ["ssh_config", "included", "known_hosts", "agent.conf", "hard", "soft"] {
            let fault = await desk.fault(
                .writeFile,
                ["target": "site/local", "path": desk.file(name), "content": "Match exec x"])
            #expect(fault?.message.contains("only a person") == true, "\(name): \(fault as Any)")
            // Reading shows no key.
            #expect(
                await desk.fault(
                    .readFile, ["target": "site/local", "path": desk.file(name)]) == nil)
        }
    }

    @Test @IO func `the state folders of relays and agents of this machine stay closed`()
        async throws
    {
        let desk = try await Desk([])
        for (folder, lock, key) in [
            ("relay", "relay.lock", "tunnel.key"), ("agent", "agent.lock", "agent.key"),
        ] {
            for name in [lock, key, "relay.db", "deep/er"] {
                try desk.folder.folder("\(folder)/deep")
                try desk.folder.write(Self.canary, to: "\(folder)/\(name)")
            }
            for name in [key, "relay.db", "deep/er", "new"] {
                let path = desk.file("\(folder)/\(name)")
                let call: JSON.Object = ["target": "site/local", "path": path]
                let fault = await desk.fault(.readFile, call)
                #expect(fault != nil && fault?.message.contains(Self.canary) == false, "\(path)")
                #expect(await desk.fault(.writeFile, call.with(["content": "x"])) != nil)
            }
        }
    }

    @Test @IO func `a mode is set on the file that was written, whatever stands at its path then`()
        async throws
    {
        let desk = try await Desk([])
        try desk.folder.folder("shut")
        let canary = try desk.folder.write(Self.canary, to: "shut/canary")
        let rule = try #require(PathRule("\(desk.folder.path)/shut/*"))
        desk.allow { $0.paths = PathRules(denied: [rule]) }
        let (path, next) = (desk.folder.file("file"), desk.folder.file("next"))
        try desk.folder.write("", to: "file")
        let swapping = Box(true)
        let swapper = Thread {
            var isLink = false
            while swapping.withLock({ $0 }) {
                isLink.toggle()
                if isLink {
                    symlink(canary, next)
                } else {
                    close(open(next, O_CREAT | O_WRONLY, 0o600))
                }
                rename(next, path)
            }
        }
        swapper.start()
        for _ in 0..<200 {
            _ = await desk.call(
                .writeFile,
                [
                    "target": "site/local", "path": .string(path), "content": "x",
                    "mode": "0666",
                ])
        }
        swapping.withLock { $0 = false }
        let mode = try FileManager.default.attributesOfItem(atPath: canary)[.posixPermissions]
        #expect((mode as? Int) == 0o600)
        #expect(try String(contentsOfFile: canary, encoding: .utf8) == Self.canary)
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
