// The call that is being served, as far as a person may have to decide something for it: what was
// granted with it, and the questions that it raises. Flow: Dispatcher makes it → rooms far below
// ask it → a fault with a question → Dispatcher. Invariant: an answer counts for the digest that
// the agent computes itself, its secrets live no longer than the call, and a call is judged
// before its end: work that goes on after it was agreed to with it.
import Crypto
import JSON
import Loop
import Wire

/// The call that the running task serves.
private enum ServedCall {
    @TaskLocal static var asking: Asking?
}

/// The questions and the grants of one call.
@IO final class Asking {
    /// Those of the running task's call; nil: nobody is served.
    static var current: Asking? { ServedCall.asking }

    /// What a person has answered.
    private enum Answer {
        case choice(isPin: Bool)
        case secret(SecretBytes)
    }

    /// A person's decision on a host key.
    enum HostKeyChoice {
        /// It is right for one connection.
        case once
        /// It is right, and is stored.
        case pin
    }

    /// Whether the relay can ask a person, and agent.conf allows it.
    let canAsk: Bool
    private let tool: String
    private let arguments: JSON
    private var answers: [String: Answer] = [:]
    /// Whether the call has ended.
    private var isOver = false

    /// The asking of a call; `grants` is nil where the relay cannot ask.
    init(_ grants: [Grant]?, for tool: String, _ arguments: JSON, isAllowed: Bool) {
        canAsk = isAllowed && grants != nil
        (self.tool, self.arguments) = (tool, arguments)
        guard canAsk else { return }
        for grant in grants ?? [] {
            answers[grant.digest] =
                switch grant.answer {
                case .once: .choice(isPin: false)
                case .pin: .choice(isPin: true)
                case .secret(let bytes): .secret(SecretBytes(bytes))
                }
        }
    }

    /// Runs `body` as the call's work.
    func during<T, Failure: Error>(
        _ body: @IO () async throws(Failure) -> T
    ) async throws(Failure) -> T {
        let result = await ServedCall.$asking.withValue(self) { () async -> Result<T, Failure> in
            do throws(Failure) { return .success(try await body()) } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    /// The call has ended: what it was granted is forgotten.
    func end() { (answers, isOver) = ([:], true) }

    /// The fault as the relay gets it: as a question, if it raises one and somebody can be asked.
    func told(_ fault: Fault) -> Fault {
        guard let question = fault.question else { return fault }
        return canAsk
            ? Fault(.approvalNeeded, fault.message, asking: question)
            : Fault(fault.code, fault.message)
    }

    // MARK: Answers

    /// What a person has decided on a host key.
    func choice(on question: Question) -> HostKeyChoice? {
        guard case .choice(let isPin) = answers[question.digest] else { return nil }
        return isPin ? .pin : .once
    }

    /// The secret that a person has given.
    func secret(for question: Question) -> SecretBytes? {
        guard case .secret(let secret) = answers[question.digest] else { return nil }
        return secret
    }

    /// Whether anything was granted.
    var hasAnswers: Bool { !answers.isEmpty }

    /// Lets the call go on if a person has agreed, as `rule` demands; else throws the question.
    ///
    /// Nothing is asked once the call has ended: what goes on was agreed to by then. `command`: the
    /// argument whose text the rule is about; nil: all arguments are.
    func permit(
        by rule: String, command: String? = nil, target: String?, place: Question.Place? = nil,
        session: String? = nil
    ) throws(Fault) {
        if isOver { return }
        let text = if let command { try shown(command: command, rule) } else { try shown(rule) }
        let question = Question(
            .policy(rule: rule.cut(to: Question.wordBytes), tool: tool, text: text),
            target: target?.cut(to: Question.wordBytes), place: place, session: session
        ).asked(over: withoutPassword.sortedBytes())
        if case .choice = answers[question.digest] { return }
        throw Fault(
            .refusedByPolicy,
            "a person has to agree to this call, as \(rule) in agent.conf demands"
                + (canAsk ? "" : ", and nobody can be asked by this way"),
            asking: question)
    }

    /// The command, and the other arguments, as a person reads them.
    private func shown(command name: String, _ rule: String) throws(Fault) -> String {
        let limit = Question.textBytes
        var rest = withoutPassword.objectValue ?? [:]
        var text = rest[name]?.stringValue ?? ""
        for known in [name, "target", "session_id"] { rest[known] = nil }
        if !rest.isEmpty { text += "\nwith \(JSON.object(rest))" }
        // A person cannot judge what is not shown.
        guard text.utf8.count <= limit else {
            throw Fault(
                .refusedByPolicy,
                "\(rule) in agent.conf demands that a person reads this command, and it has more than"
                    + " \(limit) bytes: write it to a file, and run that")
        }
        return text
    }

    /// All arguments, as a person reads them; of what a file is to hold, if that is too long, the
    /// size and the digest.
    private func shown(_ rule: String) throws(Fault) -> String {
        let limit = Question.textBytes
        let all = withoutPassword
        let text = Self.text(all)
        if text.utf8.count <= limit { return text }
        if tool == Method.writeFile.tool, var rest = all.objectValue,
            let content = Self.content(of: rest)
        {
            for name in ["content", "base64"] { rest[name] = nil }
            // No argument can imitate this line: JSON escapes a line's end.
            let short =
                Self.text(.object(rest))
                + "\nwith a content of \(content.count) bytes, SHA-256 "
                + Hex.encode(SHA256.hash(content))
            if short.utf8.count <= limit { return short }
        }
        // A person cannot judge what is not shown.
        throw Fault(
            .refusedByPolicy,
            "\(rule) in agent.conf demands that a person reads this call, and its arguments have more"
                + " than \(limit) bytes: make several shorter calls, or send a long text by a file")
    }

    private static func text(_ arguments: JSON) -> String {
        String(decoding: arguments.encoded(), as: UTF8.self)
    }

    /// The bytes that `file_write` is to write.
    private static func content(of arguments: JSON.Object) -> [UInt8]? {
        if let text = arguments["content"]?.stringValue { return Array(text.utf8) }
        return arguments["base64"]?.stringValue.flatMap { Base64.decode($0) }
    }

    /// The arguments, in which a password is not shown.
    private var withoutPassword: JSON {
        guard var all = arguments.objectValue, all["password"] != nil else { return arguments }
        all["password"] = "[secret]"
        return .object(all)
    }
}

extension Question {
    /// The same question with the digest of all that it shows, and of `more`.
    func asked(over more: [UInt8] = []) -> Question {
        var question = self
        question.digest = Base64.encodeURL(
            SHA256.hash(Array("homeline question 1\0".utf8) + digested + [0] + more))
        return question
    }
}

extension String {
    /// The text's beginning, of at most so many bytes.
    func cut(to bytes: Int) -> String {
        guard utf8.count > bytes else { return self }
        var end = utf8.index(startIndex, offsetBy: bytes)
        while end.samePosition(in: unicodeScalars) == nil { end = utf8.index(before: end) }
        return String(self[..<end])
    }
}
