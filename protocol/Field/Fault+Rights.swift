// The faults that the relay and the agent both give when a caller names what it may not use, so
// that a client reads one text whichever of the two looked. Pure; part of Fault.
// Invariant: what belongs to another caller is reported as something that does not exist.

extension Fault {
    /// The session does not exist, or the caller may not use it.
    public static func noSession(_ id: String) -> Fault {
        Fault(
            .unknownSession,
            "There is no session \"\(id.prefix(80))\": it was closed, was idle too long, or the agent "
                + "restarted. ssh_session_list shows your sessions; ssh_session_open opens one.")
    }

    /// The command does not exist, or the caller may not use it.
    public static func noCommand(_ id: String) -> Fault {
        Fault(
            .unknownCommand,
            "There is no command \"\(id.prefix(80))\" (ended ones are kept for an hour); "
                + "ssh_command_list shows yours.")
    }

    /// The forward does not exist, or the caller may not use it.
    public static func noForward(_ id: String) -> Fault {
        Fault(
            .unknownForward,
            "There is no forward \"\(id.prefix(80))\": it was closed, or the agent or the relay "
                + "restarted. forward_list shows yours; forward_open opens one.")
    }

    /// The caller's pattern does not reach the target.
    public static func targetNotAllowed(_ target: String) -> Fault {
        Fault(
            .refusedByPolicy,
            "this token may not use \(target.prefix(200)); its operator can allow it")
    }
}
