// From a terminal with some shell on it to a session: ask who is there, arm the prompts, learn the
// directory. Invariant: returns within the limit, with a shell whose marks were seen, or throws.
import Loop
import Terminal
import Wire

extension Session {
    /// Sets the shell up; on failure the transport is closed.
    ///
    /// `shell`: what it is taken for, in place of what it says it is.
    func open(
        within limit: Duration, nonce: Nonce, shell: ShellChoice = .auto
    ) async throws(Fault) {
        if shell == .raw { return openRaw() }
        if shell == .network { return try await openDevice(within: limit) }
        let deadline = IO.now + limit
        transport.resume()
        do throws(Fault) {
            try await introduce(
                deadline, nonce, as: ShellProfile(rawValue: shell.rawValue))
            try await arm(deadline, nonce)
        } catch {
            close()
            throw error
        }
        banner = Self.banner(greeting)
        greeting = []
    }

    /// Sets up a shell that has introduced itself.
    func arm(_ deadline: ContinuousClock.Instant, _ nonce: Nonce) async throws(Fault) {
        let lines = profile.setUp(nonce: nonce)
        setUp = .arming
        transport.write(lines[0])
        try await reach(deadline) { self.setUp != .arming }
        for line in lines.dropFirst() { transport.write(line) }
        try await reach(deadline) { self.setUp == .done }
    }

    /// When the question is asked again: a start-up file that reads the terminal swallows it.
    static let questionTimes = [Duration.seconds(3), .seconds(6), .seconds(3600)]

    /// Asks until a shell with a profile answers; one without is replaced by bash or sh.
    func introduce(
        _ deadline: ContinuousClock.Instant, _ nonce: Nonce, times: [Duration] = questionTimes,
        as chosen: ShellProfile? = nil
    ) async throws(Fault) {
        var replaced: String?
        while true {
            identity = nil
            try await ask(deadline, nonce, times)
            guard let identity else { continue }
            let program = identity.program.split(separator: "/").last.map(String.init) ?? "?"
            // A host without /proc and ps does not tell; what replaced the shell is of the common form.
            let common = replaced != nil && program == "?" ? ShellProfile.dash : nil
            if let known = chosen ?? ShellProfile(program: program) ?? common {
                profile = known
                echo = EchoFilter(editor: known.editor)
                (shellProcess, shellImage) = (identity.process, identity.image)
                terminalName = identity.device
                shellName = replaced.map { "\(known.rawValue) (from \($0))" } ?? known.rawValue
                return
            }
            guard replaced == nil else {
                throw Fault(
                    .shellUnusable,
                    "the shell at \(target) is \(program), which cannot be driven; use ssh_execute")
            }
            replaced = program
            transport.write(ShellProfile.replacement)
        }
    }

    private func ask(
        _ deadline: ContinuousClock.Instant, _ nonce: Nonce, _ times: [Duration]
    ) async throws(Fault) {
        for patience in times {
            transport.write(ShellProfile.question(nonce: nonce))
            let next = min(deadline, IO.now + patience)
            await wait(until: next) { self.identity != nil || self.isShellGone }
            if identity != nil { return }
            try await reach(next, orGo: next < deadline) { self.identity != nil }
            if String(decoding: greeting, as: UTF8.self).contains("zsh-newuser-install") {
                transport.write(Array("q".utf8))
            }
        }
    }

    private func reach(
        _ deadline: ContinuousClock.Instant, orGo: Bool = false, _ isReached: @IO () -> Bool
    ) async throws(Fault) {
        await wait(until: deadline) { isReached() || self.isShellGone }
        if isReached() { return }
        let said =
            Self.banner(greeting).split(separator: "\n").last.map { "; it said: \($0)" } ?? ""
        if isShellGone {
            throw Fault(.shellUnusable, "the shell at \(target) ended during login\(said)")
        }
        if Task.isCancelled { throw Fault(.timedOut, "opening the session was cancelled") }
        guard !orGo else { return }
        throw Fault(
            .timedOut,
            "the shell at \(target) did not answer in time; raise login_timeout_s, use ssh_execute, "
                + "or open it with shell \"network\" or \"raw\" if it is no Unix shell\(said)"
        )
    }

    /// What the host showed, without the lines typed here and their prompts.
    static func banner(_ greeting: [UInt8]) -> String {
        let lines = CleanText.clean(greeting[...]).split(
            separator: "\n", omittingEmptySubsequences: false)
        let shown = lines.prefix { !$0.contains("\\033]133;") || $0.first == " " }
            .filter { !$0.contains("\\033]133;") }
        let text = shown.map(\.withoutBlanksAtEnd).joined(separator: "\n")
        let kept = text.prefix(4096)
        return kept.allSatisfy(\.isWhitespace) ? "" : String(kept)
    }
}
