// A secret for the program that asks for one. It is typed only while the kernel shows that the program
// of which the caller was told still reads with the echo off, at the same prompt.
// Invariant: a secret is in no fault, no log and no result; should the program show it, that is
// replaced, until the shell's prompt is back.
import Loop
import Terminal
import Wire

extension Session {
    private static let secretLimit = 1024
    /// What looks like the beginning of a secret is shown after all when nothing follows.
    private static let holdTime = Duration.milliseconds(100)

    /// Who asked for a secret, as the caller was told.
    struct Asker: Equatable {
        var prompt: String?
        var foreground: String?
    }

    /// Answers the program that asks for a secret, and Enter.
    func send(
        secret: String, wait patience: Duration, maxBytes: Int
    ) async throws(Fault) -> CommandResult {
        try checkAlive()
        try checkFree()
        let bytes = Array(secret.utf8)
        guard bytes.count <= Self.secretLimit, bytes.allSatisfy({ $0 >= 32 && $0 != 127 }) else {
            throw Fault(
                .invalidArgument,
                "a secret has at most \(Self.secretLimit) bytes and no control characters")
        }
        guard let asker, let begin = openBegin else {
            throw Self.unasked("no answer told that a program asks for one (state secret)")
        }
        guard let probe = await hearKernel(within: Self.probeTime) else {
            throw Self.unasked("this host does not show whether the echo is off")
        }
        guard begin == openBegin, probe.verdict == .secret, probe.foreground == asker.foreground,
            openLine(from: begin) == asker.prompt
        else {
            throw Self.unasked(
                "what asked is not at that prompt any more; ssh_session_read shows it")
        }
        redactor.add(bytes)
        return try await deliver(bytes + [13], wait: patience, maxBytes: maxBytes)
    }

    private static func unasked(_ why: String) -> Fault {
        Fault(.busy, "the secret was not typed: \(why)")
    }

    /// Takes secrets out of what a program shows.
    func redacted(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        var shown: [UInt8] = []
        redactor.append(bytes, to: &shown)
        holdTimer?.cancel()
        holdTimer = nil
        if redactor.isHolding {
            holdTimer = LoopTimer(after: Self.holdTime) { [weak self] in self?.releaseHeld() }
        }
        return shown
    }
}
