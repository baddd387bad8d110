// What a handler asks the client for: a form, a visit to a page, a message of its model, its roots.
// Flow: handler → InputRequest → `inputRequests` of a result (modern), a request of its own
// (legacy) or a task. Invariant: its shape is the one of the revision it is sent in.
public import JSON

/// One thing that a client is asked for.
public struct InputRequest: Sendable {
    /// What is asked.
    public enum Kind: Sendable {
        /// The client's user fills in a form; never ask for secrets in one.
        case form([FormField])
        /// The client's user visits a page; `id` names the visit, for the notice of its end.
        case page(url: String, id: String)
        /// The client's model writes a message.
        case sampling(Sampling)
        /// The client names the folders that its user works in.
        case roots
    }

    /// Names the answer; unique among what one call or task ever asks.
    public var key: String
    /// The sentence that the user reads; sampling and roots show none.
    public var message: String
    /// What is asked.
    public var kind: Kind

    /// A form with these fields.
    public static func form(_ key: String, _ message: String, _ fields: [FormField]) -> Self {
        InputRequest(key: key, message: message, kind: .form(fields))
    }

    /// A visit to a page.
    ///
    /// The URL carries no secret and no personal data. `id` is what `elicitationCompleted` takes
    /// when the visit is over.
    public static func page(_ key: String, _ message: String, url: String, id: String) -> Self {
        InputRequest(key: key, message: message, kind: .page(url: url, id: id))
    }

    /// A message of the client's model.
    public static func sampling(_ key: String, _ sampling: Sampling) -> Self {
        InputRequest(key: key, message: "", kind: .sampling(sampling))
    }

    /// The client's roots.
    public static func roots(_ key: String) -> Self {
        InputRequest(key: key, message: "", kind: .roots)
    }
}

/// What a client's model is asked to continue.
public struct Sampling: Sendable {
    /// The conversation, as the specification's `SamplingMessage` objects.
    public var messages: [JSON]
    /// Most tokens that the model may write.
    public var maxTokens: Int
    /// The system prompt; the client may change or drop it.
    public var systemPrompt: String?

    /// A conversation to continue.
    public init(messages: [JSON], maxTokens: Int, systemPrompt: String? = nil) {
        self.messages = messages
        self.maxTokens = maxTokens
        self.systemPrompt = systemPrompt
    }

    /// One text of the user to continue.
    public init(_ text: String, maxTokens: Int) {
        self.init(
            messages: [["role": "user", "content": ["type": "text", "text": .string(text)]]],
            maxTokens: maxTokens)
    }
}

extension InputRequest {
    /// What the client must have declared.
    var feature: ClientFeature {
        switch kind {
        case .form: .form
        case .page: .url
        case .sampling: .sampling
        case .roots: .roots
        }
    }

    /// The members `method` and `params`.
    func json(in revision: Revision) -> JSON.Object {
        var params: JSON.Object = [:]
        let method: String
        switch kind {
        case .form(let fields):
            method = "elicitation/create"
            if revision.hasPages { params["mode"] = "form" }
            params["message"] = .string(message)
            params["requestedSchema"] = FormField.schema(of: fields, in: revision)
        case .page(let url, let id):
            method = "elicitation/create"
            params = ["mode": "url", "message": .string(message), "url": .string(url)]
            if !revision.isModern { params["elicitationId"] = .string(id) }
        case .sampling(let sampling):
            method = "sampling/createMessage"
            params["messages"] = .array(sampling.messages)
            params["maxTokens"] = .int(Int64(sampling.maxTokens))
            params["systemPrompt"] = sampling.systemPrompt.map(JSON.string)
        case .roots: method = "roots/list"
        }
        return ["method": .string(method), "params": .object(params)]
    }

    /// The same request, which says why it is asked again.
    func again(because problem: String) -> InputRequest {
        var again = self
        again.message += " (The last answer did not fit: \(problem).)"
        return again
    }
}

extension Collection<InputRequest> {
    /// The map `inputRequests`.
    func json(in revision: Revision) -> JSON {
        .object(JSON.Object(map { ($0.key, .object($0.json(in: revision))) }))
    }
}
