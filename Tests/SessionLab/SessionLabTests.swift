// The lab: every row in every shell, with nothing else to do, with every core busy, and over a slow
// line. Prints the matrix and the counts of each. HOMELINE_LAB=long (`make lab`) plays them apart.
import Foundation
import Loop
import Support
import Terminal
import Testing

@testable import homeline_agent

/// Rows to play, in order.
@IO private final class Queue {
    private var left: ArraySlice<(Row, Lane)>
    private var verdicts: [Verdict] = []

    init(_ rows: [(Row, Lane)]) { left = rows[...] }

    /// Plays all, `width` at a time.
    func play(width: Int) async -> [Verdict] {
        let players = (0..<width).map { _ in
            IO.task {
                while let (row, lane) = self.left.popFirst() {
                    self.verdicts.append(await Player(row, lane).play())
                }
            }
        }
        for player in players { await player.value }
        return verdicts
    }
}

@Suite(.serialized) struct SessionLabTests {
    /// Installed shells that sessions run in as they are.
    static let shells = [Shell].all.filter { shell in
        guard shell.command != nil else {
            leaveOut("session lab in \(shell)", because: "\(shell) is not installed")
            return false
        }
        return ShellProfile(program: shell.rawValue) != nil
    }
    static let environment = ProcessInfo.processInfo.environment
    static let isLong = environment["HOMELINE_LAB"] == "long"

    /// Plays rows beside each other, `width` at a time, and prints what came of it.
    @IO static func play(
        _ name: String, line: Line = Line(), shells: [Shell] = shells, width: Int,
        _ isWanted: (Row) -> Bool = { _ in true }
    ) async throws {
        let begin = ContinuousClock.now
        var accounts: [Account] = []
        if Need.account.isMet {
            for own in [false, true] { accounts.append(try await Account(usesOwnTerminal: own)) }
        }
        let lanes = shells.map { Lane($0, line: line, accounts: accounts) }
        // Shells take turns, so that no server has to do all at once.
        var left: [(Row, Lane)] = []
        for row in Table.rows where isWanted(row) && isAsked(row, line) {
            if let obstacle = row.obstacle {
                leaveOut(row.name, because: obstacle)
                continue
            }
            for lane in lanes where row.shells.contains(lane.shell) { left.append((row, lane)) }
        }
        let verdicts = await Queue(left).play(width: width)
        for lane in lanes { await lane.close() }
        for account in accounts { await account.remove() }
        let report = Report(name: name, verdicts: verdicts, took: ContinuousClock.now - begin)
        print(report.text(shells))
        for wrong in report.wrong { Issue.record("\(wrong)") }
        #expect(report.lateShare <= 0.01)
    }

    /// HOMELINE_LAB_ONLY=editor plays the rows of one case.
    private static func isAsked(_ row: Row, _ line: Line) -> Bool {
        if let only = environment["HOMELINE_LAB_ONLY"], only != "\(row.topic)" { return false }
        if row.weight == .slow, !isLong { return false }
        return row.kind.line == nil || !line.isSlow
    }

    @IO static func playSlow() async throws {
        try await play("300 ms, 64 KiB/s", line: .slow, width: 32) { $0.weight == .light }
    }

    @Test(.enabled(if: !isLong, "the long lab plays its parts apart"), .timeLimit(.minutes(15)))
    @IO func `every answer is right with every core busy, and over a slow line`() async throws {
        let burden = try Burden()
        // Over a slow line there is little but waiting: both at once.
        async let slow: Void = Self.playSlow()
        try await Self.play("loaded", width: 8) { $0.weight != .huge }
        try await slow
        await burden.end()
    }

    @Test(.enabled(if: isLong, "HOMELINE_LAB=long runs it"), .timeLimit(.minutes(20)))
    @IO func `every answer is right at rest`() async throws {
        try await Self.play("calm", width: 8)
    }

    @Test(.enabled(if: isLong, "HOMELINE_LAB=long runs it"), .timeLimit(.minutes(30)))
    @IO func `every answer is right three times under load`() async throws {
        let burden = try Burden()
        for round in 1...3 {
            try await Self.play("loaded, round \(round)", width: 8) {
                $0.weight != .huge && $0.weight != .slow
            }
        }
        await burden.end()
    }

    @Test(.enabled(if: isLong, "HOMELINE_LAB=long runs it"), .timeLimit(.minutes(20)))
    @IO func `every answer is right over a slow line`() async throws { try await Self.playSlow() }

    @Test(.enabled(if: isLong, "HOMELINE_LAB=long runs it"), .timeLimit(.minutes(20)))
    @IO func `every answer is right over a line of 2 s that loses`() async throws {
        // A link opens its channels one by one: more at once would wait for each other.
        try await Self.play("2 s, 1 % lost", line: .farAndLossy, shells: [.bash, .dash], width: 12)
        {
            $0.weight == .light
        }
    }
}
