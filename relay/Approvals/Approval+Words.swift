// A question in words, for a person, a model and a program. Pure. Invariant: what others wrote (a
// target, a client, a model) is shown with its control characters made visible, and never cut
// without a word.
import JSON
import Loop
import Wire

extension Approval {
    /// The most characters of a command for the model that made the call: it knows the rest.
    private static let briefLimit = 400

    /// What is asked, in full.
    var words: String { words(textLimit: .max) }

    /// The same, with a long command cut.
    var brief: String { words(textLimit: Self.briefLimit) }

    private func words(textLimit: Int) -> String {
        let place = question.place.map { " (\($0.user)@\($0.host):\($0.port))" } ?? ""
        let target = self.target + place
        switch question.matter {
        case .hostKey(let type, let fingerprint):
            return "The host \(target.visible) shows a key that the agent does not know:"
                + " \(type.visible) \(fingerprint.visible). Compare it with the host's own key."
        case .secret(let name, let program, let prompt):
            let session = question.session.map { " in session \($0.visible)" } ?? ""
            return "\(program.visible) on \(target.visible)\(session) asks for the secret"
                + " \u{201C}\(name.visible)\u{201D}: \u{201C}\(prompt.visible)\u{201D}"
        case .policy(let rule, let tool, let text):
            return
                "\(tool.visible) on \(target.visible) needs a person's consent (\(rule.visible)):"
                + " "
                + (text.count <= textLimit
                    ? text.visible : "\(String(text.prefix(textLimit)).visible)\u{2026}")
        }
    }

    /// When it expires, as people write a time.
    var deadline: String { UTCTime(expires).rfc3339 }

    /// What the caller of the stopped call is told; `url` is the page for a person's
    /// answer.
    func sentence(url: String?, commandOptions: String) -> String {
        let command = "`homeline-relay approvals grant \(id)\(commandOptions)`"
        let ways = url.map { "at \($0), or with \(command) at the relay" } ?? "with \(command)"
        return "A person has to approve this first. \(brief) Tell your user to do so \(ways), by"
            + " \(deadline); then make the same call again (of several targets, for this one alone)."
    }

    /// The question with who asked and what came of it, for programs.
    func json(at now: Int64, url: String?) -> JSON {
        var all: JSON.Object = [
            "id": .string(id), "state": .string(state(at: now).name),
            "agent": .string(origin.name), "question": question.json, "asks": .string(words),
            "principal": .string(asker.principal), "label": .string(asker.label),
        ]
        all["client"] = asker.client.map(JSON.string)
        all["reason"] = asker.reason.map(JSON.string)
        all["created"] = .string(UTCTime(created).rfc3339)
        all["expires"] = .string(deadline)
        all["answered_by"] = answeredBy.map(JSON.string)
        all["url"] = url.map(JSON.string)
        return .object(all)
    }
}

extension Fault {
    /// A person has refused this call.
    static func denied(_ approval: Approval) -> Fault {
        Fault(
            .refusedByPolicy,
            "\(approval.answeredBy ?? "A person") has refused this: \(approval.brief) Do not call"
                + " again for it; until \(approval.deadline) nobody is asked.")
    }
}

extension String {
    /// The text with each character that is not seen, or moves others, in a form that is seen.
    ///
    /// Control characters are shown as Unicode's pictures of them (line feed: U+240A), others as
    /// ⟨U+202E⟩.
    var visible: String {
        var shown = ""
        shown.unicodeScalars.reserveCapacity(unicodeScalars.count)
        for scalar in unicodeScalars {
            switch scalar.value {
            case 0..<32:
                shown.unicodeScalars.append(Unicode.Scalar(0x2400 + scalar.value) ?? "\u{FFFD}")
            case 127: shown.unicodeScalars.append("\u{2421}")
            default:
                if scalar == " " || scalar.isSeen {
                    shown.unicodeScalars.append(scalar)
                } else {
                    shown += "\u{27E8}U+\(String(scalar.value, radix: 16, uppercase: true))\u{27E9}"
                }
            }
        }
        return shown
    }
}
