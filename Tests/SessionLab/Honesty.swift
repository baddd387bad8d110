// What holds of every answer, whatever the row: states rest on what may prove them.
// Invariant: an answer that passes is no guess that looks like knowledge.
import Wire

extension CommandResult {
    /// What is wrong with this answer in itself; nil: nothing.
    var dishonesty: String? {
        switch state {
        case .done:
            if Set(evidence).isDisjoint(with: [.mark, .prompt, .eof]) {
                return "done without evidence"
            }
        case .aborted, .incomplete: if !evidence.contains(.mark) { return "ended without a mark" }
        case .stopped: if evidence.isEmpty { return "stopped without evidence" }
        case .shellExited, .linkLost: if evidence != [.eof] { return "an end without eof" }
        case .lineInput, .secret: if evidence != [.probe] { return "asks without a probe" }
        case .fullscreen, .maybeInput: if evidence.isEmpty { return "\(state) without evidence" }
        case .running: if exitCode != nil { return "runs and has an exit code" }
        }
        if evidence == [.regex], note?.contains("low confidence") != true {
            return "a guess that is not told as one"
        }
        // What the product types and prints for itself is nobody's output.
        for own in ["__s=", "]133;", "__c=", "\u{1b}"] where output.contains(own) {
            return "the output holds \(own.debugDescription)"
        }
        return nil
    }
}
