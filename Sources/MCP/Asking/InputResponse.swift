// What a client answered. Flow: `inputResponses` (modern), a response (legacy) or `tasks/update` →
// InputRequest.read → InputResponse → handler. Invariant: an answer that reaches a handler is of
// the kind that was asked for, and a form's fields are checked.
public import JSON

/// The answer to one `InputRequest`.
public enum InputResponse: Sendable, Equatable {
    /// The user filled in the form, whose members these are, or agreed to visit the page, which
    /// has no members.
    case accepted(JSON.Object)
    /// The user refused.
    case declined
    /// The user put it away without a decision.
    case cancelled
    /// The model's message.
    case sampled(SampledMessage)
    /// The client's roots.
    case roots([Root])
    /// The client did not do it, for this reason: it failed, or took too long.
    case unanswered(String)
}

/// A message that a client's model wrote.
public struct SampledMessage: Sendable, Equatable {
    /// The model's name.
    public var model: String
    /// The content, one block or a list of blocks.
    public var content: JSON

    /// The text of the content, its blocks one after the other.
    public var text: String {
        (content.arrayValue ?? [content]).compactMap { $0["text"]?.stringValue }.joined()
    }
}

/// A folder or file that a client's user works in.
public struct Root: Sendable, Equatable {
    /// Its URI, which begins with `file://`.
    public var uri: String
    /// Its name for people.
    public var name: String?
}

/// The answers to what a call asked, by their keys.
public struct InputResponses: Sendable {
    private let all: [String: InputResponse]

    init(_ all: [String: InputResponse]) { self.all = all }

    /// The answer to one request.
    public subscript(key: String) -> InputResponse {
        all[key] ?? .unanswered("it was not asked")
    }

    /// What was filled in; nil unless the user accepted.
    public func content(_ key: String) -> JSON.Object? {
        if case .accepted(let content) = self[key] { content } else { nil }
    }

    /// The text of the model's message; nil if the client sent no message.
    public func text(_ key: String) -> String? {
        if case .sampled(let message) = self[key] { message.text } else { nil }
    }

    /// The client's roots; nil if it named none.
    public func roots(_ key: String) -> [Root]? {
        if case .roots(let roots) = self[key] { roots } else { nil }
    }
}

/// An answer that was read.
enum InputReading: Equatable {
    case fits(InputResponse)
    /// Well formed, but not what was asked for: to be asked again.
    case unfit(String)
}

extension InputRequest {
    /// Reads the client's result; throws if it is not the result of such a request at all.
    func read(_ result: JSON, in revision: Revision) throws(MCPError) -> InputReading {
        func malformed(_ why: String) -> MCPError {
            .invalidParams("the response to \(quoted(key)) \(why)")
        }
        guard let object = result.objectValue else { throw malformed("must be an object") }
        switch kind {
        case .form, .page:
            switch object["action"] {
            case "accept": break
            case "decline": return .fits(.declined)
            case "cancel": return .fits(.cancelled)
            default: throw malformed("must have an action: accept, decline or cancel")
            }
            guard case .form(let fields) = kind else { return .fits(.accepted([:])) }
            let content = object["content"] ?? [:]
            guard let filled = content.objectValue else {
                throw malformed("must have an object as content")
            }
            switch FormField.read(filled, fields, in: revision) {
            case .filled(let content): return .fits(.accepted(content))
            case .unfit(let problem): return .unfit(problem)
            }
        case .sampling:
            guard let content = object["content"],
                content.objectValue != nil || content.arrayValue != nil
            else { throw malformed("must have content: it is a sampled message") }
            let model = object["model"]?.stringValue ?? ""
            return .fits(.sampled(SampledMessage(model: model, content: content)))
        case .roots:
            guard let list = object["roots"]?.arrayValue else { throw malformed("must have roots") }
            var roots: [Root] = []
            for one in list {
                guard let uri = one["uri"]?.stringValue else {
                    throw malformed("must have a uri in each root")
                }
                roots.append(Root(uri: uri, name: one["name"]?.stringValue))
            }
            return .fits(.roots(roots))
        }
    }
}
