// What started the relay decides whether another process can take its place.
import Testing

@testable import homeline_relay

@Suite struct SupervisionTests {
    private static let service = "0::/system.slice/homeline-relay.service\n"
    private static let terminal =
        "0::/user.slice/user-1000.slice/user@1000.service/app.slice/vte-spawn-1.scope\n"
    private static let invocation = ["INVOCATION_ID": "5d0c"]
    private static let notify = ["INVOCATION_ID": "5d0c", "NOTIFY_SOCKET": "/run/systemd/notify"]

    /// Process, parent, its name, environment, control groups; and words of the obstacle.
    private static let rows:
        [(
            id: Int32, parent: Int32, name: String, environment: [String: String], groups: String,
            words: String?
        )] = [
            (7, 6, "bash", [:], terminal, nil), (7, 6, "bash", invocation, terminal, nil),
            (7, 1, "systemd", [:], terminal, nil), (7, 1, "init", [:], "", nil),
            (1, 0, "", [:], "0::/\n", "first of a container"),
            // systemd, with and without Type=notify; a shell between them; before version 232.
            (7, 1, "systemd", notify, service, nil),
            (7, 1, "systemd", invocation, service, "Type=notify"),
            (7, 6, "sh", invocation, service, "Type=notify"),
            (7, 1, "systemd", invocation, "2:cpu:/\n1:name=systemd:/a.service\n", "Type=notify"),
            // A cron job is in cron's service, and outlives what cron started.
            (7, 6, "sh", [:], "0::/system.slice/cron.service\n", nil),
            // First processes of containers that wait for the relay alone.
            (7, 1, "tini", [:], "0::/\n", "tini"), (7, 1, "docker-init", [:], "", "docker-init"),
            (7, 1, "catatonit", notify, "", "catatonit"), (7, 1, "sh", [:], "", "sh, which"),
            // Supervisors without systemd's messages, or with some of them.
            (7, 6, "runsv", [:], "", "runsv"), (7, 6, "s6-supervise", [:], "", "s6-supervise"),
            (7, 6, "supervise-daemo", ["NOTIFY_SOCKET": "/x"], "", "supervise-daemo"),
            (7, 6, "supervisord", [:], "", "supervisord"),
        ]

    @Test(arguments: rows.indices)
    func `a relay whose end would end the new one, or double it, is not exchanged`(index: Int)
        throws
    {
        let row = Self.rows[index]
        var supervision = Supervision(
            id: row.id, isSuccessor: false, parent: row.parent, parentName: row.name,
            environment: row.environment, groups: row.groups)
        guard let words = row.words else { return #expect(supervision.obstacle == nil) }
        #expect(try #require(supervision.obstacle).contains(words))
        // Nobody waits for a process that has taken over: it was given to that parent later.
        supervision.isSuccessor = true
        let isKept = row.id != 1 && words != "Type=notify"
        #expect((supervision.obstacle == nil) == isKept)
    }

    @Test func `the tests' own relays can be exchanged`() {
        #expect(Supervision.current(isSuccessor: false).obstacle == nil)
    }
}
