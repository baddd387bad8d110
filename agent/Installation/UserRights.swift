// Root's work in the folders of the agent's user, done with that user's rights alone: whoever has a
// session on this machine by the agent is that user, and may have put a link there.
// Invariant: outside of `run`, and after it, the process has the rights that it had.
import Configuration
import Glibc
import Loop

/// The rights of the agent's user.
@IO enum UserRights {
    /// Runs `work` with the rights of the user of a place, if that is not this process's own.
    static func run<Value: Sendable, Failure: Error>(
        of layout: Layout, _ work: @IO () async throws(Failure) -> Value
    ) async throws(Failure) -> Value {
        guard layout.isSystem, geteuid() == 0, let user = ids(layout.user) else {
            return try await work()
        }
        let groups = ownGroups
        // The groups first, as only root may change them. The C library does it for all threads.
        guard unsafe setgroups(1, [user.group]) == 0, setegid(user.group) == 0,
            seteuid(user.id) == 0
        else { fail("root cannot take the rights of \(layout.user)") }
        defer {
            guard seteuid(0) == 0, setegid(getgid()) == 0,
                unsafe setgroups(groups.count, groups) == 0
            else { fail("the rights of root do not come back") }
        }
        return try await work()
    }

    /// Ends the process: with half of another's rights nothing can be done or undone.
    private static func fail(_ reason: String) -> Never {
        Process.complain("homeline-agent: \(reason)")
        Process.end(ExitCode.software)
    }

    private static func ids(_ name: String) -> (id: uid_t, group: gid_t)? {
        guard let entry = unsafe getpwnam(name) else { return nil }
        return unsafe (entry.pointee.pw_uid, entry.pointee.pw_gid)
    }

    private static var ownGroups: [gid_t] {
        var groups = [gid_t](repeating: 0, count: Int(max(0, getgroups(0, nil))))
        let count = unsafe getgroups(Int32(groups.count), &groups)
        return Array(groups.prefix(Int(max(0, count))))
    }
}
