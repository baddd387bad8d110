// The table of SESSIONS.md 2.4, mark by mark.
import Programs
import Terminal
import Testing

@Suite struct ShellStateTests {
    /// A shell at its prompt with command 1 typed and its output begun.
    func running() -> ShellState {
        var state = ShellState()
        state.arm()
        #expect(
            state.receive(.prompt(status: 0, sentinel: 298, number: 0, directory: [47]))
                == .promptArmed)
        #expect(
            state.receive(.prompt(status: 0, sentinel: 0, number: 0, directory: [47])) == .setUpDone
        )
        state.start(pieces: false)
        #expect(state.receive(.began(number: 1, mapsNewlines: true)) == .outputBegan)
        return state
    }

    func finish(_ mark: Mark, interrupt: Bool = false, suspend: Bool = false) -> CommandOutcome? {
        var state = running()
        if interrupt { state.interrupted() }
        if suspend { state.suspended() }
        guard case .finished(let outcome) = state.receive(mark) else { return nil }
        return outcome
    }

    func prompt(_ status: Int, _ sentinel: Int, number: Int = 1) -> Mark {
        .prompt(status: status, sentinel: sentinel, number: number, directory: [])
    }

    @Test func `marks become states`() {
        func end(_ status: Int) -> Mark { .ended(status: status, number: 1, directory: []) }
        #expect(finish(end(3))?.state == .done)
        #expect(finish(end(3))?.exitCode == 3)
        #expect(finish(end(297))?.state == .aborted)
        #expect(finish(prompt(0, 4))?.exitCode == 4)
        #expect(finish(prompt(130, 297))?.signal == "INT")
        #expect(finish(prompt(1, 297), interrupt: true)?.signal == "INT")
        #expect(finish(prompt(0, 297))?.state == .aborted)
        #expect(finish(end(148), suspend: true)?.state == .stopped)
        #expect(finish(end(148))?.state == .done)
        #expect(finish(prompt(148, 297), suspend: true)?.state == .stopped)
    }

    @Test func `a stale prompt asks for an empty line, then the outcome comes`() {
        var state = running()
        #expect(state.receive(prompt(0, 0, number: 0)) == .typeEmptyLine)
        guard case .finished(let outcome)? = state.receive(prompt(2, 297)) else {
            Issue.record("no outcome")
            return
        }
        #expect(outcome.state == .aborted)
    }

    @Test func `a prompt that stays stale ends the command`() {
        var state = running()
        state.interrupted()
        #expect(state.receive(prompt(130, 0, number: 0)) == .typeEmptyLine)
        guard case .finished(let outcome)? = state.receive(prompt(0, 0, number: 0)) else {
            Issue.record("no outcome")
            return
        }
        #expect(outcome.signal == "INT" && state.phase == .ready)
    }

    @Test func `a Ctrl-C that nothing shows to have met anything remains until the next command`() {
        var state = running()
        state.interrupted()
        _ = state.receive(.ended(status: 0, number: 1, directory: []))
        #expect(state.remains == .interrupt)
        _ = state.receive(prompt(0, 0))
        state.start(pieces: false)
        #expect(state.remains == [])
        state = running()
        state.interrupted()
        _ = state.receive(prompt(130, 297))
        #expect(state.remains == [])
        state = typing(Array("ls\r".utf8) + [Keys.interrupt])
        _ = state.receive(prompt(0, 0))
        #expect(state.remains == [.line, .interrupt])
        state = typing([Keys.interrupt])
        _ = state.receive(prompt(130, 0))
        #expect(state.remains == .line)
    }

    @Test(arguments: [false, true])
    func `Ctrl-C before the line was taken aborts it`(pieces: Bool) {
        var state = running()
        _ = state.receive(.ended(status: 0, number: 1, directory: []))
        _ = state.receive(prompt(0, 0))
        state.start(pieces: pieces)
        state.interrupted()
        guard case .finished(let outcome)? = state.receive(prompt(130, 0)) else {
            Issue.record("no outcome")
            return
        }
        #expect(outcome.state == .aborted && outcome.signal == "INT")
        #expect(state.phase == .ready)
    }

    @Test func `the prompt of the command before is not taken for an answer to Ctrl-C`() {
        var state = running()
        _ = state.receive(.ended(status: 0, number: 1, directory: []))
        // Typed with new prompts, as the old one did not come.
        state.start(pieces: false)
        state.interrupted()
        #expect(state.receive(prompt(0, 0)) == .promptFollowed)
        #expect(state.receive(.began(number: 2, mapsNewlines: true)) == .outputBegan)
    }

    @Test func `a prompt with old values after E is the prompt`() {
        var state = running()
        _ = state.receive(.ended(status: 297, number: 1, directory: []))
        #expect(state.phase == .ending)
        #expect(state.receive(prompt(0, 0, number: 0)) == .promptFollowed)
        #expect(state.phase == .ready)
    }

    @Test func `an unfinished command is interrupted and reported`() {
        var state = running()
        _ = state.receive(.ended(status: 0, number: 1, directory: []))
        _ = state.receive(prompt(0, 0))
        state.start(pieces: false)
        #expect(state.receive(.continuation) == .typeInterrupt)
        guard case .finished(let outcome)? = state.receive(prompt(130, 297, number: 2)) else {
            Issue.record("no outcome")
            return
        }
        #expect(outcome.state == .incomplete)
    }

    @Test func `a command that prints the prompt for more goes on`() {
        var state = running()
        #expect(state.receive(.continuation) == nil)
        #expect(state.isRunning)
    }

    @Test func `the end of the channel ends the command`() {
        #expect(CommandOutcome.ended(.exited(7)).state == .shellExited)
        #expect(CommandOutcome.ended(.exited(7)).exitCode == 7)
        #expect(CommandOutcome.ended(.lost("cut")).state == .linkLost)
        var state = running()
        state.end(.exited(7))
        #expect(state.phase == .ended(.exited(7)))
    }

    /// A shell at its prompt where a client types.
    func typing(_ bytes: [UInt8]) -> ShellState {
        var state = running()
        _ = state.receive(.ended(status: 0, number: 1, directory: []))
        _ = state.receive(prompt(0, 0))
        state.typed(bytes, at: 7)
        return state
    }

    @Test func `a prompt ends what a client typed, unless more is typed behind the last Enter`() {
        var state = typing(Array("ls\r".utf8))
        #expect(state.typed?.isEntered == true && state.typed?.begin == 7)
        #expect(state.receive(prompt(3, 0)) == .typingOver)
        #expect(state.phase == .ready && state.previousStatus == 3)
        state = typing(Array("ls\rec".utf8))
        #expect(state.receive(prompt(0, 0)) == .promptReady)
        #expect(state.typed?.isEntered == false)
        state.clearedTyping()
        #expect(state.receive(prompt(130, 0)) == .typingOver)
        state = typing(Array("ls\r".utf8) + [Keys.interrupt])
        #expect(state.receive(prompt(130, 0)) == .typingOver)
    }

    @Test func `a shell that wants more of a typed line is not interrupted`() {
        var state = typing(Array("echo '\r".utf8))
        #expect(state.receive(.continuation) == .wantsMore)
        #expect(state.typed?.wantsMore == true)
        state.typed(Array("x".utf8), at: 9)
        #expect(state.typed?.wantsMore == false && state.typed?.begin == 7)
    }

    @Test func `a prompt that was still to come does not end what is typed`() {
        var state = running()
        _ = state.receive(.ended(status: 0, number: 1, directory: []))
        state.typed([13], at: 0)
        #expect(state.receive(prompt(0, 0)) == .promptReady)
        #expect(state.receive(prompt(5, 0)) == .typingOver)
        state.typedQuietly()
        state.typed([13], at: 0)
        #expect(state.receive(prompt(0, 0)) == .promptReady)
        #expect(state.typed != nil)
    }

    @Test func `pieces are counted by the prompts before the command`() {
        var state = running()
        _ = state.receive(.ended(status: 9, number: 1, directory: []))
        _ = state.receive(prompt(0, 9))
        #expect(state.previousStatus == 9)
        state.start(pieces: true)
        #expect(state.receive(prompt(0, 9)) == .pieceTaken)
        state.typedCommand()
        #expect(state.receive(prompt(0, 9)) == nil)
        #expect(state.receive(.began(number: 2, mapsNewlines: true)) == .outputBegan)
    }

    @Test(arguments: [
        ("no end\n\n__s=0", 6), ("no end\n\n__s=$? __S=$_\n", 15), ("no end\n\nset __s=0\n", 11),
        ("no end\n\n{ __s=0;} >&- 2>&-", 19), ("no end\n", 0), ("", 0),
    ])
    func `the sentinel line of an open here-document is found`(text: String, own: Int) {
        #expect(OwnTail.count(in: Array(text.utf8)[...], takesSentinel: true) == own)
    }

    @Test(arguments: [
        ("c\n\nuntil __s=$? __S=$_ __A=(\"${PIPESTATUS[@]}\");do :;done >&- 2>&-\n", "c\n"),
        ("\n{ __s=$? __S=${_-};} >&- 2>&-\n", ""), ("c\n^C __p;{ __e 3;} 3>&0 >&- 2>&-\n", "c\n^C"),
        ("hi\n+ __s=0 \n+ 3>&0 \n+ __e 4\n+ __y __j 4\n+ __w=imsx \n+ set +ax\n", "hi\n"),
        ("^C> __e 7\n", "^C"), ("^C\n{ __d $((__R=0));} 3>&0 >&- 2>&-\n", "^C\n"),
        ("hi\n---> set -g __s 0\n-> __e 4\n", "hi\n"),
        ("hi\nset __s=0\nset __q=1 __w=1\nunset echo verbose\n", "hi\n"),
        ("+ set +ax\n", "+ set +ax\n"), ("a __s=0\n", "a __s=0\n"), ("__s=0", "__s=0"),
        ("+ echo __e 4\n", "+ echo __e 4\n"), ("set +ax\n", "set +ax\n"),
    ])
    func `a trace of our own words is found`(text: String, kept: String) {
        let count = OwnTail.count(in: Array(text.utf8)[...], takesSentinel: false)
        #expect(String(decoding: text.utf8.dropLast(count), as: UTF8.self) == kept)
    }

    @Test func `a second mark C moves the beginning of the output`() {
        var state = running()
        #expect(state.receive(.began(number: 1, mapsNewlines: true)) == .outputBeganAgain)
        #expect(state.receive(.began(number: 2, mapsNewlines: true)) == nil)
    }
}
