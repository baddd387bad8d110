// No result carries a number that a JavaScript client rounds, however large what it tells of is.
import JSON
import Support
import Testing
import Wire

@Suite struct NumberTests {
    private static let huge = Int.max

    @Test func `the largest numbers are cut in every result`() {
        var command = CommandResult(sessionID: "s", state: .done)
        command.exitCode = .min
        (command.omittedBytes, command.lostBytes) = (Self.huge, Self.huge)
        (command.offset, command.nextOffset) = (Self.huge, Self.huge)
        (command.durationMS, command.depth) = (Self.huge, Self.huge)
        command.screen = ScreenView(
            rows: [], cursorRow: Self.huge, cursorColumn: .min, columns: Self.huge,
            rowCount: Self.huge)
        var run = RunResult(target: "a/b", commandID: "c", state: .done)
        (run.exitCode, run.durationMS) = (Self.huge, Self.huge)
        (run.stdout.omittedBytes, run.stdout.nextOffset) = (Self.huge, Self.huge)
        run.stderr.nextOffset = Self.huge
        var info = SessionInfo(
            sessionID: "s", target: "a/b", name: nil, owner: "o", shell: "sh", cwd: nil,
            state: .done, command: nil, idleSeconds: Self.huge, idleTimeoutSeconds: Self.huge,
            nextOffset: Self.huge, columns: Self.huge, rows: Self.huge)
        info.depth = Self.huge
        var entry = FileEntry(path: "p", type: "file")
        entry.size = Self.huge
        var content = FileContent(target: "a/b", path: "p")
        (content.size, content.offset, content.nextOffset) = (Self.huge, Self.huge, Self.huge)
        content.matches = [.init(line: Self.huge, offset: Self.huge, text: "")]
        var written = FileWritten(target: "a/b", path: "p")
        written.size = Self.huge
        var link = LinkInfo(target: "a/b", host: "h", user: "u")
        (link.channels, link.uses, link.bytesIn, link.bytesOut) = (
            Self.huge, Self.huge, Self.huge, Self.huge
        )
        (link.errors, link.rekeys) = (Self.huge, Self.huge)
        var pool = PoolInfo()
        (pool.links, pool.opening, pool.waiting) = (Self.huge, Self.huge, Self.huge)
        (pool.opened, pool.failed, pool.lost) = (Self.huge, Self.huge, Self.huge)
        var target = TargetInfo(target: "a/b", source: "local")
        target.port = Self.huge
        let opened = SessionOpened(info: info, banner: "", hostKey: nil, durationMS: Self.huge)
        for result in [
            command.json, run.json, info.json, opened.json, entry.json, content.json,
            written.json, link.json, pool.json, target.json, CallProgress(bytes: Self.huge).json,
        ] {
            #expect(result.unsafeNumbers() == [])
        }
    }
}
