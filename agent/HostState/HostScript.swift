// The scripts of host_read, which the build embeds from Scripts: POSIX sh and awk, as every host
// has them. Pure. Invariant: a script changes nothing, and what a caller sends is a quoted word.
import Wire

/// What is sent to a host's `/bin/sh` to read one subject.
enum HostScript {
    /// The subject's script, with the names of its columns.
    static func subject(_ subject: HostSubject) -> (columns: String, script: [UInt8]) {
        let own = PackageResources.self
        return switch subject {
        case .processes:
            (
                "pid# parent# user cpu_percent# memory_percent# rss_kib# elapsed state command",
                own.processes_sh
            )
        case .disks:
            (
                "filesystem type size_kib# used_kib# free_kib# used_percent# "
                    + "inodes_used_percent# mount", own.disks_sh
            )
        case .memory:
            ("kind total_kib# used_kib# free_kib# available_kib# cached_kib#", own.memory_sh)
        case .network:
            ("interface state mac mtu# addresses received_bytes# sent_bytes#", own.network_sh)
        case .ports: ("protocol address port# process", own.ports_sh)
        case .services: ("service state detail description", own.services_sh)
        case .failedServices: ("service state detail description", own.failed_services_sh)
        case .journal: ("time source message", own.journal_sh)
        case .users: ("name uid# home shell logged_in#", own.users_sh)
        case .updates: ("package current available source", own.updates_sh)
        case .containers:
            ("name state status image ports id", own.engine_sh + own.containers_sh)
        case .containerLogs: ("time message", own.engine_sh + own.container_logs_sh)
        case .compose:
            (
                "project service container state status directory",
                own.engine_sh + own.compose_sh
            )
        case .zfsPools:
            (
                "pool size_bytes# used_bytes# free_bytes# used_percent# fragmentation_percent# "
                    + "health", own.zfs_pools_sh
            )
        case .cron: ("source user schedule command", own.cron_sh)
        case .certificates: ("path subject expires days_left#", own.certificates_sh)
        }
    }

    /// The script of host_report.
    static var report: [UInt8] { PackageResources.report_sh }

    /// Whether the last rows of a subject are the ones to keep.
    static func keepsLast(_ subject: HostSubject) -> Bool {
        subject == .journal || subject == .containerLogs
    }

    /// The whole text for `/bin/sh`, which reads it to its end before it runs any of it: a program
    /// that reads its input must not take the script.
    static func text(_ script: [UInt8], name: String? = nil, limit: Int = 40) -> [UInt8] {
        let head = "name=\(CommandText.quoted(name ?? "")); limit=\(limit)\nlook() {\n"
        return Array(head.utf8) + PackageResources.prelude_sh + script
            + Array("\n}\necho '\(begin)'\nlook </dev/null\necho '\(end)'\n".utf8)
    }

    /// The lines before and after what a script prints: whatever else came is not its output.
    static let begin = "homeline:begin"
    static let end = "homeline:end"
}
