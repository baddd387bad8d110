// A line that is pasted on a machine that is a site already: whatever becomes of the new agent, an
// agent runs when the line has ended.
import Foundation
import JSON
import Support
import Testing

@Suite struct PastedUpgradeTests {
    /// Makes the installed program another one than the relay's, with a configuration of its own,
    /// and the one in the usual place wrong: the relay's program does not start there.
    private static func spoil(_ site: PasteSite) throws -> String {
        let former = """
            #!/bin/sh
            exec '\(Repository.program("homeline-agent"))' run --config '\(site.state)/former.conf'

            """
        try TemporaryDirectory.write("", toFile: site.state + "/former.conf", mode: 0o600)
        try FileManager.default.removeItem(atPath: site.program)
        try TemporaryDirectory.write(former, toFile: site.program, mode: 0o755)
        try TemporaryDirectory.write(
            "NoSuchKeyword yes\n", toFile: site.state + "/agent.conf", mode: 0o600)
        return former
    }

    @Test(.needs("curl")) func `an upgrade that fails puts the former agent back, and it runs`()
        async throws
    {
        let site = try await PasteSite.start()
        let caller = try await site.relay.caller()
        let first = try await site.paste(try await site.line("--name", "jump"))
        #expect(first.code == .exited(0), "\(first.text)")
        let former = try Self.spoil(site)
        let failed = try await site.paste(try await site.line())
        #expect(failed.code == .exited(69), "\(failed.text)")
        #expect(failed.text.contains("The agent is as it was before"), "\(failed.text)")
        #expect(try String(contentsOfFile: site.program, encoding: .utf8) == former)
        #expect(await site.relay.online("jump", caller: caller))
        #expect(await holds(within: .seconds(10)) { site.agent != nil })
        try FileManager.default.removeItem(atPath: site.state + "/agent.conf")
        let mended = try await site.paste(try await site.line())
        #expect(mended.code == .exited(0) && mended.text.contains("Replaced"), "\(mended.text)")
        try await site.remove()
    }

    /// A service manager as far as `install` and `uninstall` see it: a unit that is enabled or not,
    /// and its process.
    private static let systemctl = """
        #!/bin/sh
        [ "$1" != --user ] || shift
        cd "$HOME" && echo "$*" >>systemctl.log
        unit=.config/systemd/user/homeline-agent.service
        stop() {
            [ ! -e main ] || read -r main <main
            [ -z "$main" ] || kill "$main" 2>/dev/null
            while [ -n "$main" ] && kill -0 "$main" 2>/dev/null; do sleep 0.05; done
            rm -f main
        }
        case $1 in
        enable) : >enabled ;;
        disable) rm -f enabled; [ "$2" != --now ] || stop ;;
        stop) stop ;;
        restart)
            stop
            while read -r line; do
                case $line in ExecStart=*) program=${line#ExecStart=} ;; esac
            done <"$unit"
            $program >agent.log 2>&1 </dev/null &
            echo $! >main
            sleep 0.5
            kill -0 $! 2>/dev/null || { echo "Job for homeline-agent.service failed." >&2; exit 1; }
            ;;
        esac

        """

    @Test(.needs("curl", .mounts))
    func `systemd's agent is enabled and runs after a failed upgrade`()
        async throws
    {
        let site = try await PasteSite.start()
        try site.write("systemctl", Self.systemctl)
        try site.write("loginctl", "#!/bin/sh\n")
        let (mount, mkdir) = (Repository.find("mount") ?? "", Repository.find("mkdir") ?? "")
        let manager = "\(mount) -t tmpfs none /run && \(mkdir) -p /run/systemd/system && "
        func paste() async throws -> (code: RunningProcess.End, text: String) {
            try await site.run(manager + site.line() + " --user", apart: true)
        }
        let first = try await paste()
        #expect(first.code == .exited(0), "\(first.text)")
        #expect(first.text.contains("kept by systemd --user"), "\(first.text)")
        _ = try Self.spoil(site)
        let failed = try await paste()
        #expect(failed.code == .exited(69), "\(failed.text)")
        #expect(failed.text.contains("does not start"), "\(failed.text)")
        #expect(site.files.contains("enabled"), "\(failed.text)")
        #expect(await holds(within: .seconds(10)) { site.agent != nil }, "\(failed.text)")
        // uninstall ends the agent last: a session of that agent may be where it runs.
        try? FileManager.default.removeItem(atPath: site.home + "/systemctl.log")
        let gone = try await site.run(
            manager + "'\(Repository.program("homeline-agent"))' uninstall --user", apart: true)
        let log = try String(contentsOfFile: site.home + "/systemctl.log", encoding: .utf8)
        #expect(
            gone.code == .exited(0)
                && log.hasSuffix("disable homeline-agent\ndaemon-reload\nstop homeline-agent\n"),
            "\(gone.text)\(log)")
        await site.relay.stop()
    }

    @Test(.needs("curl"), arguments: [true, false])
    func `a line in a session of its own agent upgrades the site`(isSession: Bool) async throws {
        let site = try await PasteSite.start()
        let caller = try await site.relay.caller()
        let first = try await site.paste(try await site.line("--name", "jump"))
        #expect(first.code == .exited(0), "\(first.text)")
        let former = try #require(site.agent)
        let line = try await site.line() + " --user"
        // The answer is lost with the agent.
        if isSession {
            let open = try await caller.structured("ssh_session_open", ["target": "jump/local"])
            _ = try? await caller.structured(
                "ssh_session_send",
                ["session_id": open["session_id"] ?? .null, "text": .string(line)])
        } else {
            _ = try? await caller.structured(
                "ssh_execute", ["target": "jump/local", "command": .string(line), "wait_s": 1])
        }
        #expect(
            await holds(within: .seconds(20)) { site.agent.map { $0 != former } == true },
            "\(site.files)")
        #expect(await site.relay.online("jump", caller: caller))
        try await site.remove()
    }

    @Test(.needs("curl", .localhost))
    func `a line of the same relay at another address is taken, another relay's is not`()
        async throws
    {
        let site = try await PasteSite.start()
        let first = try await site.paste(try await site.line("--name", "jump"))
        #expect(first.code == .exited(0), "\(first.text)")
        let moved = site.relay.tunnel.replacing("127.0.0.1", with: "localhost")
        let again = try await site.paste(try await site.line("--tunnel-url", moved))
        #expect(again.code == .exited(0), "\(again.text)")
        let known = try String(contentsOfFile: site.state + "/relay.json", encoding: .utf8)
        #expect(known.contains(moved) && !known.contains("127.0.0.1"), "\(known)")
        let other = try await PasteSite.start()
        let foreign = try await site.paste(try await other.line())
        #expect(foreign.code == .exited(73), "\(foreign.text)")
        #expect(foreign.text.contains("of another relay"), "\(foreign.text)")
        #expect(site.agent != nil)
        await other.relay.stop()
        try await site.remove()
    }

    @Test(.needs("curl")) func `no other line of the crontab is changed`() async throws {
        let site = try await PasteSite.start()
        let line = try await site.line("--name", "jump")
        let table = site.home + "/crontab"
        func crontab(_ list: String) throws {
            try site.write(
                "crontab",
                "#!/bin/sh\ncase $1 in\n-l) \(list) ;;\n-) while read -r l; do echo \"$l\"; done >'\(table)' ;;\nesac\n"
            )
        }
        let own = "@reboot '\(site.program)-service'\n"
        // A crontab that cannot be read is not written.
        try crontab("echo 'crontab: you (ann) are not allowed' >&2; exit 1")
        let closed = try await site.paste(line)
        #expect(closed.code == .exited(0) && closed.text.contains("not allowed"), "\(closed.text)")
        #expect(!FileManager.default.fileExists(atPath: table))
        let kept = try await site.run("'\(site.program)' uninstall --user")
        #expect(kept.code == .exited(73) && kept.text.contains("not allowed"), "\(kept.text)")
        try crontab("echo 'no crontab for ann' >&2; exit 1")
        _ = try await site.paste(line)
        #expect(try String(contentsOfFile: table, encoding: .utf8) == own)
        let others = "# one\n\n0 5 * * * two\n\n"
        try TemporaryDirectory.write(others + own, toFile: table, mode: 0o600)
        try crontab("while read -r l; do echo \"$l\"; done <'\(table)'")
        _ = try await site.run("'\(site.program)' uninstall --user --purge")
        #expect(try String(contentsOfFile: table, encoding: .utf8) == others)
        await site.relay.stop()
    }

    @Test(.needs("curl", .root, .mounts, .processes, "useradd", "su"))
    func
        `root makes nothing where a link of the agent's user leads, and that user installs nothing`()
        async throws
    {
        let site = try await PasteSite.start()
        chmod(site.relay.directory.path, 0o755)
        let script = """
            set -e
            mount -t tmpfs none /run
            cp -a /etc '\(site.home)/etc' && mount --bind '\(site.home)/etc' /etc
            for folder in /var/lib /var/spool /usr/local/bin; do mount -t tmpfs -o mode=755 none $folder; done
            home=/var/lib/homeline-agent
            useradd --system --user-group --no-create-home --home-dir $home --shell /bin/sh homeline
            mkdir $home /var/lib/elsewhere && ln -s /var/lib/elsewhere $home/.local
            chown -h homeline: $home $home/.local
            \(try await site.line("--name", "jump")) || echo "refused"
            echo "elsewhere: $(ls -A /var/lib/elsewhere)."
            rm $home/.local
            \(try await site.line("--name", "jump"))
            echo "not the user's: $(find $home ! -user homeline)."
            su -s /bin/sh homeline -c "HOME=$home homeline-agent uninstall --purge" || echo "user: $?."
            \(try await site.line().replacing("sh -s --", with: "su -s /bin/sh homeline")) || echo "user's line: $?."
            ls $home/.local/state/homeline/agent/agent.key
            homeline-agent uninstall --purge
            echo "left: $(ls -A /var/lib | grep homeline)."
            """
        let shell = try RunningProcess(
            "/usr/bin/unshare",
            ["-m", "--pid", "--fork", "--kill-child", "--mount-proc", "/bin/sh", "-c", script],
            environment: ["PATH": "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TMPDIR": "/tmp"])
        #expect(
            try await shell.finished(within: .seconds(40)) == .exited(0),
            "\(shell.output)\(shell.errors)")
        for words in [
            "refused", "user: 77.", "user's line: 77.", "agent/agent.key\n", "elsewhere: .",
            "not the user's: .", "left: .",
        ] {
            #expect(shell.output.contains(words), "\(shell.output)\(shell.errors)")
        }
        await site.relay.stop()
    }
}
