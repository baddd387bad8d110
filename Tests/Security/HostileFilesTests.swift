// A client with `files:read` at `agent/local` looks for keys, secrets and what belongs to others. A
// canary lies in each of these places; no reply may show one, whatever name leads there.
import Foundation
import JSON
import Support
import Testing

@Suite struct HostileFilesTests {
    @Test(.timeLimit(.minutes(3)))
    func `no canary is read at the agent's own machine`() async throws {
        let home = try await Installation.start()
        let folder = try TemporaryDirectory("canaries")
        var canaries: [String] = []
        func canary(_ name: String) -> String {
            canaries.append("canary-\(name)-\(UInt64.random(in: 0 ... .max))")
            return canaries[canaries.count - 1]
        }
        let secret = try folder.write(canary("secret"), to: "secret")
        let named = try folder.write(canary("identity"), to: "named-key")
        let block = try folder.write(canary("block"), to: "block-key")
        let usual = home.directory.file("home/.ssh/id_ed25519")
        try home.directory.folder("home/.ssh")
        try home.directory.write(canary("usual"), to: "home/.ssh/id_ed25519")
        let config = try folder.write("Host web\n    IdentityFile \(named)\n", to: "ssh_config")
        try await home.join(
            "site",
            settings: """
                SshConfig \(config)
                Secret pw file \(secret)
                Target db
                    IdentityFile \(block)
                    Password pw

                """)
        let admin = try await home.caller()
        try await home.startAgent("site", caller: admin)
        let agent = try #require(home.process("site"))

        // The agent's own key, in each form that a reply may have.
        var closed = [secret, named, block, usual]
        for name in FileManager.default.enumerator(atPath: home.data("site")) ?? .init() {
            let path = "\(home.data("site"))/\(name)"
            guard let bytes = FileManager.default.contents(atPath: path) else { continue }
            closed.append(path)
            let text = String(decoding: bytes, as: UTF8.self)
            canaries += text.split(separator: "\n").filter { $0.count > 20 }.map(String.init)
            if bytes.count > 20 { canaries.append(bytes.prefix(24).base64EncodedString()) }
        }
        // Another principal's output, in memory and beyond it; it stands in the agent's memory too.
        let other = canary("output")
        let session = try await admin.structured("ssh_session_open", ["target": "site/local"])
        for command in ["echo \(other)", "yes \(other) | head -c 9000000 >/dev/stderr"] {
            _ = try await admin.structured(
                "ssh_session_command",
                ["session_id": session["session_id"] ?? "", "command": .string(command)])
        }

        // Every way there: through links, hard links, and the kernel's own names.
        var paths = closed
        for (index, path) in closed.enumerated() {
            let (soft, hard) = (folder.file("soft\(index)"), folder.file("hard\(index)"))
            try FileManager.default.createSymbolicLink(
                atPath: soft, withDestinationPath: path)
            paths += [
                soft,
                "\(folder.path)/./../\(folder.path.split(separator: "/").last ?? "")/soft\(index)",
            ]
            paths += [
                "/proc/self/root\(path)", "/proc/\(agent.id)/root\(path)", "/dev/../\(path)",
                "/\(path)",
            ]
            // The agent's own folder is closed by its path: who can link into it runs as its user.
            if !path.hasPrefix(home.data("site")), link(path, hard) == 0 { paths.append(hard) }
        }
        let rooms = ["self", "thread-self", "\(agent.id)", "\(agent.id)/task/\(agent.id)", "1"]
        for room in rooms {
            for name in [
                "mem", "maps", "environ", "cmdline", "auxv", "stack", "syscall", "pagemap",
            ] {
                paths.append("/proc/\(room)/\(name)")
            }
            for number in 0..<40 {
                paths += ["/proc/\(room)/fd/\(number)", "/proc/\(room)/map_files/\(number)"]
            }
        }
        for number in 0..<40 { paths.append("/dev/fd/\(number)") }
        paths += [
            "/dev/stdin", "/dev/stdout", "/dev/mem", "/dev/kmem", "/proc/kcore", "/proc/kmsg",
            "/proc/keys", "/sys/kernel/notes", "~/.ssh/id_ed25519", "~/../site/agent.conf",
        ]
        for name in ["/proc/self", "/proc/\(agent.id)/cwd", home.data("site"), "/dev/fd"] {
            let soft = folder.file("to\(paths.count)")
            try FileManager.default.createSymbolicLink(atPath: soft, withDestinationPath: name)
            paths += ["mem", "environ", "agent.conf", "3", "fd/3"].map { "\(soft)/\($0)" }
        }
        let reader = try MCPCaller(
            url: home.url,
            token: try await home.token("reader", scopes: "files:read", pattern: "site/local"))
        let tries = paths.flatMap { path in
            ([[:], ["grep": "."], ["tail": 50], ["offset": 1, "length": 1000]] as [JSON.Object])
                .map { ("file_read", path, $0) } + [("file_list", path, ["depth": 2])]
        }
        let (known, before) = (canaries, agent.residentBytes ?? 0)
        let found = try await concurrently(tries) { tool, path, more -> String? in
            var arguments = more
            (arguments["target"], arguments["path"]) = ("site/local", .string(path))
            let text = try await reader.answer(tool, .object(arguments)).text
            let shown = known.filter { text.contains($0) }
            return shown.isEmpty ? nil : "\(tool) \(path) \(more): \(shown[0].prefix(30))"
        }
        for line in found.compactMap(\.self) { Issue.record("\(line)") }
        print("hostile client: \(tries.count) tries at \(paths.count) paths")
        #expect((agent.residentBytes ?? 0) - before < Trial.memory)
        // The test would see what is readable.
        let plain = try folder.write(known[0], to: "plain")
        let read = try await reader.answer(
            "file_read", ["target": "site/local", "path": .string(plain)])
        #expect(read.text.contains(known[0]))
        await home.stop()
    }
}
