// The input of Watch's rules besides the kernel's answer and the times: what the terminal shows,
// and the shell. Console makes one for each answer. Invariant: only values.
import Terminal
import Wire

extension Watch {
    /// The terminal at the moment of an answer.
    struct Scene {
        /// Where the output of the running program begins.
        var begin: Int
        /// The bytes of output since.
        var outputBytes = 0
        /// The last line of that output, if it is unfinished.
        var openLine: String?
        /// Whether the alternate screen is on.
        var drawsScreen = false
        /// What a program that reads keys has drawn.
        var picture = Display.Picture.begin
        /// What a client typed at the shell's prompt, if that is what runs.
        var typed: TypedInput?
        /// The beginning of the command that runs.
        var code = ""
        /// The kind of the innermost shell.
        var profile = ShellProfile.dash
        /// Where that shell's stack begins, as it reported itself.
        var image: Int?
        /// Whether the login runs: its shell, at a prompt, is the one to set up.
        var isLogin = false
        /// Whether that is done as soon as it is at its prompt.
        var goesOn = false

        /// What the answer shows the foreground to wait for; nil: nothing, or it is not known.
        func wants(_ probe: Probe) -> CommandState? {
            switch probe.verdict {
            case .running, .stopped, .unknown: return nil
            case .lineInput: return readsSilently(probe) ? .secret : .lineInput
            case .secret: return .secret
            case .keys: break
            }
            // Stars, or nothing, are drawn for what is typed.
            let isQuiet = probe.modes?.echoes == false
            // A pinentry that draws asks no less than one that waits.
            if isQuiet, probe.hasSecretAsker { return .secret }
            if isQuiet, probe.waitsForInput {
                if readsSilently(probe) { return .secret }
                if case .line(let text) = picture, !probe.isCarried,
                    PromptGuess.asksForSecret(text) || probe.isElevating && probe.readsTerminal
                {
                    return .secret
                }
            }
            if probe.isElevating { return nil }
            if picture == .screen || probe.pager != nil { return .fullscreen }
            guard probe.waitsForInput else { return nil }
            return .lineInput
        }

        /// Whether a line is being read, with or without echo.
        func asks(_ probe: Probe) -> Bool {
            let wanted = wants(probe)
            return wanted == .lineInput || wanted == .secret
        }

        /// Whether fish reads a line that it does not show: its editor tells nobody.
        private func readsSilently(_ probe: Probe) -> Bool {
            guard probe.modes?.isCanonical == false else { return false }
            if probe.shellIsAlone { return profile == .fish && PromptGuess.readsSilently(code) }
            return probe.fishCode.contains(where: PromptGuess.readsSilently)
        }

        /// The question that is asked.
        func prompt(_ probe: Probe) -> String? {
            guard probe.verdict == .keys else { return openLine }
            if case .line(let text) = picture { return text }
            return nil
        }

        /// What an adoption would find.
        func adoption(_ probe: Probe) -> Probe.Adoption {
            let found = probe.adoption(drawsScreen: drawsScreen, line: prompt(probe))
            guard found == .itself, !isLogin, !isReplaced(probe) else { return found }
            return .refused("the session's own shell reads a line, which is not a command")
        }

        /// The shell without marks that took the terminal and waits for a command; nil if the
        /// answer shows none.
        func shellWithoutMarks(_ probe: Probe) -> String? {
            switch adoption(probe) {
            case .shell(let name), .carrier(let name): name
            case .itself: probe.shellName
            case .busy, .unprompted, .refused: nil
            }
        }

        /// Whether another shell has taken the place of the one that is driven (exec).
        private func isReplaced(_ probe: Probe) -> Bool {
            guard let name = probe.shellName, Probe.isShell(name) else { return false }
            if let image, let now = probe.image { return now != image }
            // A shell without a line editor reads in canonical mode: if that is off, or the name
            // differs, it is another shell.
            guard profile.editor == .none else { return false }
            return ShellProfile(program: name) != profile || probe.modes?.isCanonical == false
        }
    }
}
