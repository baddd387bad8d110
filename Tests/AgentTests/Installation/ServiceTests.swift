// The files by which machines keep the agent running, judged by the programs that read them.
import Foundation
import Support
import Testing

@testable import homeline_agent

@Suite struct ServiceTests {
    private static let own = Layout(
        isSystem: false, user: "ann", home: "/home/an n'a",
        program: "/home/an n'a/.local/bin/homeline-agent",
        data: "/home/an n'a/.local/state/homeline/agent")

    @Test(.needs("systemd-analyze")) func `systemd takes the unit`() async throws {
        let folder = try TemporaryDirectory("unit")
        // A program that is there: the unit's is not, on this machine.
        let (_, text, _) = Service.systemd.file(.system)
        let unit = try folder.write(
            text.replacing(Layout.system.program, with: "/bin/true").replacing(
                "User=homeline\n", with: ""),
            to: "homeline-agent.service")
        let verify = try RunningProcess("/bin/sh", ["-c", "exec systemd-analyze verify \(unit)"])
        #expect(try await verify.finished() == .exited(0), "\(verify.errors)")
        #expect(!verify.errors.contains("homeline-agent.service"), "\(verify.errors)")
        for line in ["Type=notify", "User=homeline", "NoNewPrivileges=yes", "WatchdogSec=60"] {
            #expect(text.contains("\n\(line)\n"))
        }
    }

    @Test func `a user's unit has no user and no limits`() {
        let text = Service.userSystemd.file(Self.own).text
        #expect(!text.contains("User=") && !text.contains("NoNewPrivileges"))
        #expect(text.contains("WantedBy=default.target\n"))
    }

    @Test(.needs("systemd-analyze"))
    func `systemd takes a user's unit with any path, and with a state folder of its own`()
        async throws
    {
        let folder = try TemporaryDirectory("unit")
        let program = folder.file("50%u a")
        try FileManager.default.copyItem(atPath: "/bin/true", toPath: program)
        let layout = Layout(
            isSystem: false, user: "ann", home: "/home/ann", program: program,
            data: "/srv/50%h 'b/homeline/agent")
        let text = Service.userSystemd.file(layout).text
        #expect(text.contains("Environment=\"XDG_STATE_HOME=/srv/50%%h 'b\"\n"), "\(text)")
        #expect(!Service.userSystemd.file(Self.own).text.contains("Environment"))
        let unit = try folder.write(text, to: "homeline-agent.service")
        let verify = try RunningProcess("/bin/sh", ["-c", "exec systemd-analyze verify '\(unit)'"])
        #expect(try await verify.finished() == .exited(0), "\(verify.errors)")
        #expect(!verify.errors.contains("homeline-agent.service"), "\(verify.errors)")
        #expect(
            Service.loop.file(layout).text.contains(
                "\nexport XDG_STATE_HOME='/srv/50%h '\\''b'\ncd /\n"))
        #expect(!Service.loop.file(Self.own).text.contains("XDG_STATE_HOME"))
    }

    /// Paths, and how a unit runs them: systemd takes no quote and no backslash in a program's
    /// name.
    private static let commands = [
        ("/opt/agent", "/opt/agent run"), ("/opt/a b", "\"/opt/a b\" run"),
        ("/50%u/$HOME", "/50%%u/$HOME run"), ("/é;#/${a}", "/é;#/${a} run"),
        ("/a'b", "/bin/sh -c 'exec \"$$0\" run' \"/a'b\""),
        ("/a\"b", "/bin/sh -c 'exec \"$$0\" run' \"/a\\\"b\""),
        ("/a\\b$c", "/bin/sh -c 'exec \"$$0\" run' \"/a\\\\b$$c\""),
        ("/a\tb%", "/bin/sh -c 'exec \"$$0\" run' \"/a\\x09b%%\""),
    ]

    @Test(.needs("systemd-analyze")) func `systemd takes a program of any path`() async throws {
        let folder = try TemporaryDirectory("paths")
        var units: [String] = []
        for (at, (path, line)) in Self.commands.enumerated() {
            #expect(UnitWord.command(path, "run") == line)
            #expect(UnitWord.read(UnitWord.quoted(path)) == path)
            let program = folder.file("program") + path
            try FileManager.default.createDirectory(
                atPath: (program as NSString).deletingLastPathComponent,
                withIntermediateDirectories: true)
            try FileManager.default.copyItem(atPath: "/bin/true", toPath: program)
            let layout = Layout(
                isSystem: false, user: "ann", home: "/home/ann", program: program,
                data: program + "/homeline/agent")
            units.append(
                try folder.write(Service.userSystemd.file(layout).text, to: "unit\(at).service"))
        }
        let verify = try RunningProcess(
            "/bin/sh", ["-c", "exec systemd-analyze verify \"$@\"", "sh"] + units)
        #expect(try await verify.finished() == .exited(0), "\(verify.errors)")
        #expect(!verify.errors.contains("unit"), "\(verify.errors)")
    }

    @Test func `the state folder is read back from what install wrote`() throws {
        let folder = try TemporaryDirectory("state")
        for service in [Service.userSystemd, .loop] {
            for (at, state) in [
                "/.local/state", "/st", "/s'p \\a%c\"e$x", "/a=b c",
            ].enumerated() {
                let home = folder.file("\(service)\(at)")
                let layout = Layout(
                    isSystem: false, user: "ann", home: home, program: home + "/bin/agent",
                    data: home + state + "/homeline/agent")
                let (path, text, _) = service.file(layout)
                try FileManager.default.createDirectory(
                    atPath: (path as NSString).deletingLastPathComponent,
                    withIntermediateDirectories: true)
                try Data(text.utf8).write(to: URL(fileURLWithPath: path))
                let later = Layout(
                    isSystem: false, user: "ann", home: home, program: home + "/bin/agent",
                    data: "/elsewhere/homeline/agent")
                #expect(later.installed == layout, "\(text)")
            }
        }
        #expect(Self.own.installed == Self.own && Layout.system.installed == .system)
    }

    @Test func `cron's line finds its file, whatever the path`() async throws {
        let folder = try TemporaryDirectory("cron")
        let program = folder.file("50% o'f $x")
        let layout = Layout(
            isSystem: false, user: "ann", home: "/home/ann", program: program, data: "/d")
        let script = try folder.write("#!/bin/sh\necho ran\n", to: "50% o'f $x-service")
        chmod(script, 0o755)
        let line = Service.loop.cronLine(layout)
        #expect(line.hasPrefix("@reboot ") && !line.contains("%"))
        let command = String(line.dropFirst("@reboot ".count))
        #expect(try await RunningProcess.run("/bin/sh", ["-c", command]) == "ran\n")
    }

    @Test func `shells take the scripts, with any path`() async throws {
        let folder = try TemporaryDirectory("scripts")
        for (service, layout) in [
            (Service.openRC, Layout.system), (.loop, .system), (.loop, Self.own),
        ] {
            let script = try folder.write(service.file(layout).text, to: "script")
            try await RunningProcess.run("/bin/sh", ["-n", script])
        }
        #expect(
            Service.loop.cronLine(Self.own)
                == "@reboot '/home/an n'\\''a/.local/bin/homeline-agent-service'")
    }

    @Test func `the loop ends with the agent's will, and starts a crashed one again`() async throws
    {
        let folder = try TemporaryDirectory("loop")
        // It fails once, then ends as it was asked to.
        let program = try folder.write(
            "#!/bin/sh\necho x >>\(folder.file("runs"))\n[ -e \(folder.file("failed")) ] && exit 0\n"
                + ": >\(folder.file("failed"))\nexit 1\n", to: "agent")
        let (_, script) = try Self.loop(in: folder, of: program)
        try await RunningProcess.run("/bin/sh", [script], within: .seconds(10))
        #expect(try String(contentsOfFile: folder.file("runs"), encoding: .utf8) == "x\nx\n")
    }

    /// A loop that starts a program again at once, and its script.
    private static func loop(
        in folder: TemporaryDirectory, of program: String
    ) throws -> (Layout, script: String) {
        chmod(program, 0o755)
        let layout = Layout(
            isSystem: false, user: "ann", home: folder.file(""), program: program,
            data: folder.file(""))
        let text = Service.loop.file(layout).text.replacing("sleep 5", with: "sleep 0.01")
        return (layout, try folder.write(text, to: "service"))
    }

    @Test func `a second loop ends the first`() async throws {
        let folder = try TemporaryDirectory("loops")
        // It ends as a crashed agent does, and never otherwise.
        let program = try folder.write("#!/bin/sh\nexit 1\n", to: "agent")
        let (layout, script) = try Self.loop(in: folder, of: program)
        let first = try RunningProcess("/bin/sh", [script])
        #expect(await holds(within: .seconds(5)) { Self.named(layout) == first.id })
        let second = try RunningProcess("/bin/sh", [script])
        #expect(try await first.finished(within: .seconds(5)) == .exited(0), "\(first.errors)")
        #expect(Self.named(layout) == second.id && second.end == nil, "\(second.errors)")
        // Without its program a loop ends.
        try FileManager.default.removeItem(atPath: program)
        #expect(try await second.finished(within: .seconds(5)) == .exited(0))
    }

    private static func named(_ layout: Layout) -> Int32? {
        let text = try? String(contentsOfFile: layout.loop, encoding: .utf8)
        return text.flatMap { Int32($0.trimmingCharacters(in: .whitespacesAndNewlines)) }
    }

    @Test(arguments: [
        (
            "0::/user.slice/user-1000.slice/user@1000.service/app.slice/homeline-agent.service\n",
            true
        ),
        ("1:name=systemd:/system.slice/homeline-agent.service/x\n0::/\n", true),
        ("0::/system.slice/ssh.service\n", false), ("0::/homeline-agent.service.d\n", false),
        ("", false),
    ]) func `a process in the agent's unit is known`(groups: String, isAgents: Bool) {
        #expect(Apart.isOfAgent(groups: groups) == isAgents)
    }

    @Test func `the agent goes on until everything else is gone, but for OpenRC`() {
        for service in Service.allCases {
            let words = service.ending(.system)
            let ends = words.contains { $0.contains("stop") || $0.contains("--now") }
            #expect(ends == (service == .openRC), "\(words)")
        }
    }

    @Test func `the status file is read as it was written`() throws {
        let folder = try TemporaryDirectory("status")
        let status = AgentStatus(state: .refused, words: "“no”\nmore", process: 7)
        let path = folder.file("status")
        #expect(AgentStatus.read(path) == nil)
        try Data(status.encoded).write(to: URL(fileURLWithPath: path))
        #expect(AgentStatus.read(path) == status)
    }
}
