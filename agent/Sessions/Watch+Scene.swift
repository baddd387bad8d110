// The input of Watch's rules besides the kernel's answer and the times: what the terminal shows,
// and the shell. Console makes one for each answer. Invariant: only values.
import Terminal

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
        /// What a client typed at the shell's prompt, if that is what runs.
        var typed: TypedInput?
        /// The kind of the innermost shell.
        var profile = ShellProfile.dash
        /// Where that shell's stack begins, as it reported itself.
        var image: Int?

        /// The shell without marks that took the terminal and waits for a command; nil if the
        /// answer shows none.
        func shellWithoutMarks(_ probe: Probe) -> String? {
            switch probe.adoption(drawsScreen: drawsScreen) {
            case .shell(let name), .carrier(let name): return name
            case .itself:
                guard let name = probe.shellName, Probe.isShell(name) else { return nil }
                if let image, let now = probe.image { return now == image ? nil : name }
                // A shell without a line editor reads in canonical mode: if that is off, or the
                // name differs, it is another shell (exec).
                guard profile.editor == .none else { return nil }
                let isOther = ShellProfile(program: name) != profile
                return isOther || probe.modes?.isCanonical == false ? name : nil
            case .busy, .refused: return nil
            }
        }
    }
}
