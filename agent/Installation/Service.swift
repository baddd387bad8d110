// How an installed agent is kept running: by the machine's service manager, or by a loop in a shell
// where there is none. Texts of files and words of commands; pure, but for `found`.
// Invariant: what `uninstall` removes is what `install` made: both read this list.
import Glibc
import Loop

/// A way to keep the agent running.
enum Service: String, Sendable, CaseIterable {
    /// A unit of the system's systemd.
    case systemd
    /// A unit of the user's systemd.
    case userSystemd = "systemd --user"
    /// A service of OpenRC.
    case openRC = "OpenRC"
    /// A loop in a shell, started by cron at boot.
    case loop = "a loop in a shell"

    /// A command of the service manager: a program and its arguments.
    typealias Words = [String]

    /// The file that defines it, with its content and mode.
    func file(_ layout: Layout) -> (path: String, text: String, mode: UInt32) {
        switch self {
        case .systemd:
            ("/etc/systemd/system/homeline-agent.service", Self.unit(layout), 0o644)
        case .userSystemd:
            (
                layout.home + "/.config/systemd/user/homeline-agent.service", Self.unit(layout),
                0o644
            )
        case .openRC: ("/etc/init.d/homeline-agent", Self.openRCScript(layout), 0o755)
        case .loop: (layout.program + "-service", Self.loopScript(layout), 0o755)
        }
    }

    /// The commands that start it, now and at each boot.
    func starting(_ layout: Layout) -> [Words] {
        let file = file(layout).path
        switch self {
        case .systemd:
            return [
                ["systemctl", "daemon-reload"], ["systemctl", "enable", "homeline-agent"],
                ["systemctl", "restart", "homeline-agent"],
            ]
        case .userSystemd:
            return [
                ["systemctl", "--user", "daemon-reload"],
                ["systemctl", "--user", "enable", "homeline-agent"],
                ["systemctl", "--user", "restart", "homeline-agent"],
            ]
        case .openRC:
            return [
                ["rc-update", "add", "homeline-agent", "default"],
                ["rc-service", "homeline-agent", "restart"],
            ]
        case .loop:
            // It has a process group of its own, and ignores the end of the login.
            return [layout.asUser("\(Self.quoted(file)) >/dev/null 2>&1 </dev/null &")]
        }
    }

    /// Starts it, now and at each boot; returns why that failed.
    @IO func start(_ layout: Layout) async -> String? {
        for words in starting(layout) {
            let failure = await SystemCommand.run(
                words, environment: self == .userSystemd ? nil : layout.environment)
            if let failure { return failure }
        }
        return nil
    }

    /// The commands that end its start at boot; they may fail where there is none.
    ///
    /// The agent goes on until `forgetting`: a session of the agent, which ends with it, may be who
    /// asks, and is to see what was done. OpenRC cannot stop a service whose script is gone.
    func ending(_ layout: Layout) -> [Words] {
        switch self {
        case .systemd: [["systemctl", "disable", "homeline-agent"]]
        case .userSystemd: [["systemctl", "--user", "disable", "homeline-agent"]]
        case .openRC:
            [
                ["rc-service", "homeline-agent", "stop"],
                ["rc-update", "del", "homeline-agent", "default"],
            ]
        case .loop: []
        }
    }

    /// The commands after everything else is gone, which end it.
    func forgetting(_ layout: Layout) -> [Words] {
        switch self {
        case .systemd:
            [["systemctl", "daemon-reload"], ["systemctl", "stop", "homeline-agent"]]
        case .userSystemd:
            [
                ["systemctl", "--user", "daemon-reload"],
                ["systemctl", "--user", "stop", "homeline-agent"],
            ]
        case .openRC, .loop: []
        }
    }

    /// The line of cron that starts the loop at boot.
    ///
    /// In a line of most crons `%` ends the command, and others know no way around that: the shell
    /// finds the file by a pattern instead.
    func cronLine(_ layout: Layout) -> String {
        "@reboot " + Self.quoted(file(layout).path).replacing("%", with: "'?'")
    }

    /// The state folder of the user's programs that an installed service was given; nil: none.
    func stateHome(in text: String) -> String? {
        let lines = text.split(separator: "\n").map(String.init)
        switch self {
        case .systemd, .userSystemd:
            return lines.lazy.filter { $0.hasPrefix(Self.environment) }
                .compactMap { UnitWord.read(String($0.dropFirst(Self.environment.count))) }
                .first { $0.hasPrefix(Self.stateVariable) }
                .map { String($0.dropFirst(Self.stateVariable.count)) }
        case .loop:
            let start = "export \(Self.stateVariable)"
            return lines.first { $0.hasPrefix(start) }
                .map { Self.unquoted(String($0.dropFirst(start.count))) }
        case .openRC: return nil
        }
    }

    private static let environment = "Environment="
    private static let stateVariable = "XDG_STATE_HOME="

    /// Who keeps services on this machine.
    @IO static func found(_ layout: Layout) async -> Service {
        if layout.isSystem {
            // Each shows that the manager runs, not only that it is installed.
            if Self.exists("/run/systemd/system") { return .systemd }
            if Self.exists("/run/openrc/softlevel") { return .openRC }
        } else if Self.exists("/run/systemd/system"),
            await SystemCommand.run(["systemctl", "--user", "show-environment"]) == nil
        {
            return .userSystemd
        }
        return .loop
    }

    static func exists(_ path: String) -> Bool { unsafe access(path, F_OK) == 0 }

    /// A word in a shell's quotes.
    static func quoted(_ word: String) -> String {
        "'"
            + word.split(separator: "'", omittingEmptySubsequences: false).joined(
                separator: "'\\''")
            + "'"
    }

    /// The word that `quoted` has written.
    private static func unquoted(_ text: String) -> String {
        String(text.dropFirst().dropLast()).replacing("'\\''", with: "'")
    }

    // MARK: Texts

    /// Exit codes after which another start changes nothing: the relay refuses the agent for good,
    /// or the configuration is wrong.
    private static let finalCodes = "77 78"

    private static func unit(_ layout: Layout) -> String {
        // What the agent starts on this machine (sessions on local, hooks) has the same limits.
        // None of them hides a file or a process from a session, and none stops what it may
        // usually do, except to get other rights (sudo) or to change system folders.
        let user = """
            User=\(layout.user)
            NoNewPrivileges=yes
            ProtectSystem=full
            ProtectKernelTunables=yes
            ProtectKernelModules=yes
            ProtectKernelLogs=yes
            ProtectControlGroups=yes
            ProtectClock=yes
            RestrictRealtime=yes
            RestrictSUIDSGID=yes
            CapabilityBoundingSet=
            SystemCallArchitectures=native

            """
        let ownEnvironment =
            layout.stateHome.map { "\(environment)\(UnitWord.quoted(stateVariable + $0))\n" } ?? ""
        return """
            # Made by `homeline-agent install`; `homeline-agent uninstall` removes it.
            [Unit]
            Description=Homeline agent
            Wants=network-online.target
            After=network-online.target
            StartLimitIntervalSec=0

            [Service]
            Type=notify
            ExecStart=\(UnitWord.command(layout.program, "run"))
            ExecReload=/bin/kill -HUP $MAINPID
            Restart=always
            RestartSec=2
            RestartPreventExitStatus=\(finalCodes)
            WatchdogSec=60
            TimeoutStopSec=20
            LimitNOFILE=65536
            \(layout.isSystem ? user : ownEnvironment)
            [Install]
            WantedBy=\(layout.isSystem ? "multi-user.target" : "default.target")

            """
    }

    private static func openRCScript(_ layout: Layout) -> String {
        """
        #!/sbin/openrc-run
        # Made by `homeline-agent install`; `homeline-agent uninstall` removes it.
        description="Homeline agent"
        supervisor=supervise-daemon
        command=\(quoted(layout.program))
        command_args=run
        command_user=\(layout.user)
        respawn_delay=5
        output_log=/var/log/homeline-agent.log
        error_log=/var/log/homeline-agent.log
        export HOME=\(quoted(layout.home))

        depend() {
            use net dns
        }

        start_pre() {
            checkpath --file --owner \(layout.user) --mode 0600 /var/log/homeline-agent.log
        }

        """
    }

    private static func loopScript(_ layout: Layout) -> String {
        """
        #!/bin/sh
        # Keeps the Homeline agent running where no service manager does.
        # Made by `homeline-agent install`; `homeline-agent uninstall` removes it.
        trap '' HUP
        program=\(quoted(layout.program)) log=\(quoted(layout.log)) loop=\(quoted(layout.loop))
        \(layout.stateHome.map { "export \(stateVariable)\(quoted($0))\n" } ?? "")cd /
        # One loop alone: an earlier one ends when this file names another. A full disk has no names.
        is_last() { read -r last <"$loop" || return 0; [ "$last" = $$ ]; } 2>/dev/null
        echo $$ >"$loop"
        while [ -x "$program" ] && is_last; do
            # The log has 1 MiB, and as much in the one before it.
            if [ -e "$log" ] && [ "$(wc -c <"$log")" -gt 1048576 ]; then mv "$log" "$log.old"; fi
            "$program" run >>"$log" 2>&1 </dev/null
            case $? in
            0) exit ;; # it was asked to end
            \(finalCodes.split(separator: " ").joined(separator: " | "))) exit ;; # another start would end the same way
            esac
            sleep 5
        done

        """
    }
}
