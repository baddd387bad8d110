// What Watch's rules look at besides the kernel's answer and the times: what the terminal shows, and
// which shell is driven. Session makes one for each answer. Invariant: values alone.
import Terminal

extension Watch {
    /// The terminal at the moment of an answer.
    struct Scene {
        /// Where the output begins of what runs.
        var begin: Int
        /// How much output has come since.
        var outputBytes = 0
        /// The last line of that output, where it has no end yet.
        var openLine: String?
        /// The alternate screen is on.
        var drawsScreen = false
        /// What a client typed at the shell's prompt, if that is what runs.
        var typed: TypedInput?
        /// The kind of the shell that is driven.
        var profile = ShellProfile.dash
        /// Where that shell's stack begins, as it said itself.
        var image: Int?

        /// The shell that took the terminal and waits for a command, without marks; nil: none, as far
        /// as the answer tells.
        func shellWithoutMarks(_ probe: Probe) -> String? {
            switch probe.adoption(drawsScreen: drawsScreen) {
            case .shell(let name), .carrier(let name): return name
            case .itself:
                guard let name = probe.shellName, Probe.isShell(name) else { return nil }
                if let image, let now = probe.image { return now == image ? nil : name }
                // The shells here have no line editor, but for some: then this is another (exec).
                guard profile.editor == .none else { return nil }
                let isOther = ShellProfile(program: name) != profile
                return isOther || probe.modes?.isCanonical == false ? name : nil
            case .busy, .refused: return nil
            }
        }
    }
}
