// Makes a terminal with some shell on it usable: identifies the shell, arms its prompts, learns the
// directory. A session's own shell and an adopted one are set up alike.
// Invariant: returns within the limit, with a shell whose marks were seen, or throws.
import Loop
import Programs
import Terminal
import Wire

/// Sets up the innermost shell of a console.
@IO struct SetUp {
    let console: Console
    /// `agent/host`, for people.
    let target: String
    let deadline: ContinuousClock.Instant
    /// The depth of the shell that is set up.
    let depth: Int

    /// Times after which the question is asked again: a start-up file that reads the terminal
    /// swallows it.
    ///
    /// The last one outlasts any deadline.
    static let questionTimes = [Duration.seconds(3), .seconds(6), Self.once]
    /// Times after which the lines of set-up are typed again: a busy host over a slow line takes up
    /// to 8 s to answer them.
    private static let setUpTimes = [Duration.seconds(10), Self.once]
    /// Longer than any deadline: the question is asked once.
    static let once = Duration.seconds(3600)

    /// Sets up a shell that has been identified.
    func arm() async throws(Fault) {
        let lines = console.shell.profile.setUp(nonce: console.shell.nonce)
        if console.display.replies.precedesSetUp { console.transport.write([Keys.killLine]) }
        console.shell.state.arm()
        try await type(lines.prefix(1)) {
            self.console.shell.state.phase != .arming(isArmed: false)
        }
        try await type(lines.dropFirst()) { !self.console.shell.state.isSettingUp }
    }

    /// Types lines of set-up, and types them again where no mark answers them.
    ///
    /// A shell that changes the modes of its terminal may drop what was typed before. Running
    /// a line a second time has no effect.
    private func type(
        _ lines: ArraySlice<[UInt8]>, _ isReached: @IO () -> Bool
    ) async throws(Fault) {
        for patience in Self.setUpTimes {
            for line in lines { console.transport.write(line) }
            let next = min(deadline, IO.now + patience)
            try await reach(next, orGo: next < deadline, isReached)
            if isReached() { return }
        }
    }

    /// Asks until a shell with a profile answers; one without is replaced by bash or sh.
    func introduce(
        times: [Duration] = questionTimes, as chosen: ShellProfile? = nil
    ) async throws(Fault) {
        var replaced: String?
        while true {
            console.shell.identity = nil
            try await ask(times)
            guard let identity = console.shell.identity else { continue }
            let program = identity.name
            // A host without /proc and ps does not show the shell; the one that replaced it is of
            // the common form. A shell in a PID namespace cannot be replaced: dash does not survive
            // exec there.
            let isCommon = replaced != nil && program == "?" || program == ShellProfile.foreign
            let common: ShellProfile? = isCommon ? .dash : nil
            // `sh` is the name of many shells.
            let choice = program == "sh" ? chosen : nil
            if let known = choice ?? ShellProfile(program: program) ?? chosen ?? common {
                console.shell.profile = known
                console.intake.edits(known.editor)
                console.shell.place = .here(process: identity.process)
                console.shell.name =
                    replaced.map { "\(known.rawValue) (from \($0))" } ?? known.rawValue
                return
            }
            guard replaced == nil else {
                throw Fault(
                    .shellUnusable,
                    "the shell at \(target) is \(program), which cannot be driven; use ssh_execute")
            }
            replaced = program
            console.transport.write(ShellProfile.replacement)
        }
    }

    /// Throws where the shell is not the one that a caller chose.
    func check(_ chosen: ShellProfile?) throws(Fault) {
        let found = console.shell.profile
        guard let chosen, chosen != found else { return }
        throw Fault(
            .invalidArgument,
            "the shell at \(target) is \(found.rawValue), not \(chosen.rawValue): open the session "
                + "with shell \"auto\", which finds that out, or \"\(found.rawValue)\"")
    }

    /// Whether the session has ended, or the shell that is adopted.
    private var isShellGone: Bool { console.end != nil || console.depth < depth }

    private func ask(_ times: [Duration]) async throws(Fault) {
        for patience in times {
            console.transport.write(ShellProfile.question(nonce: console.shell.nonce))
            let next = min(deadline, IO.now + patience)
            await console.waiters.wait(until: next) { isAnswered || isShellGone }
            if isAnswered { return }
            try await reach(next, orGo: next < deadline) { self.isAnswered }
        }
    }

    /// Throws why a login did not end; nothing is typed.
    func giveUp() async throws(Fault) {
        try await reach(IO.now, orGo: true) { false }
        throw Fault(
            .timedOut,
            "the login at \(target) reached no prompt in time; raise login_timeout_s, use ssh_execute, "
                + "or open it with shell \"raw\" to see what it does\(said)")
    }

    private var isAnswered: Bool { !isShellGone && console.shell.identity != nil }

    /// The last line that the host showed, for an error.
    private var said: String {
        Self.banner(console.intake.greeting).split(separator: "\n").last
            .map { "; it said: \($0)" } ?? ""
    }

    private func reach(
        _ limit: ContinuousClock.Instant, orGo: Bool = false, _ isReached: @IO () -> Bool
    ) async throws(Fault) {
        await console.waiters.wait(until: limit) { isShellGone || isReached() }
        if !isShellGone, isReached() { return }
        if isShellGone {
            throw Fault(.shellUnusable, "the shell at \(target) ended during login\(said)")
        }
        if Task.isCancelled { throw Fault(.timedOut, "opening the session was cancelled") }
        guard !orGo else { return }
        throw Fault(
            .timedOut,
            "the shell at \(target) did not answer in time; raise login_timeout_s, use ssh_execute, "
                + "or open it with shell \"network\" or \"raw\" if it is not a Unix shell\(said)"
        )
    }

    // MARK: What the host showed

    /// The most characters of a banner that are kept for the answer to the opening.
    private static let bannerLimit = 4096

    /// What the host showed at login, without the lines typed here and their prompts.
    static func banner(_ greeting: [UInt8]) -> String {
        // The terminal echoes what is typed before the shell reads, and begins that with a blank;
        // an editor's echo stands behind the first prompt.
        let shown = lines(greeting).prefix { !isOwn($0) || $0.first == " " }
            .filter { !isOwn($0) }
        let text = shown.map { line in
            let blanks = line.reversed().prefix { $0 == " " }.count
            return line.dropLast(blanks)
        }.joined(separator: "\n")
        let kept = text.prefix(bannerLimit)
        return kept.allSatisfy(\.isWhitespace) ? "" : String(kept)
    }

    /// What arrived while an adopted shell was identified, without the lines typed here and their
    /// prompts.
    static func shown(_ greeting: [UInt8]) -> String {
        let kept = lines(greeting).filter { !isOwn($0) }
        let text = kept.joined(separator: "\n")
        return text.allSatisfy(\.isWhitespace) ? "" : text
    }

    /// Parts of the lines typed here: a line editor breaks a line at the terminal's width, and each
    /// row of 80 columns or more has one of them.
    private static let ownParts = [
        "\\033]133;", "/proc/self/stat", "/proc/$PPID", "${s##*)", "case ${p:-$$}", "ps -o comm=",
        "esac;printf", "$PPID $i", "\"$n\"'", "__s", "$__", "(){ ", ";end;", "__i;",
        String(decoding: NonceFilter.replacement, as: UTF8.self),
    ]

    private static func isOwn(_ line: String) -> Bool { ownParts.contains { line.contains($0) } }

    private static func lines(_ greeting: [UInt8]) -> [String] {
        CleanText.clean(greeting[...]).split(separator: "\n", omittingEmptySubsequences: false)
            .map(String.init)
    }
}
