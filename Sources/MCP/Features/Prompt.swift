// Prompts and completion as the host offers them. Invariant: prompts are listed in the host's
// order; a prompt's required arguments are present when its handler runs.
public import JSON
import Loop

/// A template for messages that a user picks.
public struct Prompt: Sendable {
    /// One argument, always a string.
    public struct Argument: Sendable {
        /// Its name.
        public var name: String
        /// What it means.
        public var description: String
        /// Whether it must be given.
        public var isRequired: Bool

        /// Declares an argument.
        public init(name: String, description: String, isRequired: Bool = false) {
            self.name = name
            self.description = description
            self.isRequired = isRequired
        }
    }

    /// Makes the messages (`PromptMessage` objects) from the arguments; it throws to ask the client
    /// or to fail the request.
    public typealias Handler =
        @IO @Sendable (PromptCall) async throws(Interruption) -> [JSON]

    /// The prompt's name.
    public var name: String
    /// The name for people.
    public var title: String?
    /// What it is for.
    public var description: String
    /// Its arguments.
    public var arguments: [Argument]
    /// The scope a principal needs to see and get it; `nil` for everyone.
    public var scope: String?
    /// Makes the messages.
    public var handler: Handler

    /// Declares a prompt.
    public init(
        name: String, title: String? = nil, description: String, arguments: [Argument] = [],
        scope: String? = nil, handler: @escaping Handler
    ) {
        self.name = name
        self.title = title
        self.description = description
        self.arguments = arguments
        self.scope = scope
        self.handler = handler
    }

    func listing(in revision: Revision) -> JSON {
        let arguments = arguments.map { argument -> JSON in
            [
                "name": .string(argument.name), "description": .string(argument.description),
                "required": .bool(argument.isRequired),
            ]
        }
        var entry: JSON.Object = ["name": .string(name), "description": .string(description)]
        if revision >= .v2025_06_18 { entry["title"] = title.map(JSON.string) }
        if !arguments.isEmpty { entry["arguments"] = .array(arguments) }
        return .object(entry)
    }
}

/// One call of a prompt, as its handler sees it.
public struct PromptCall: ClientCall {
    /// The prompt's name.
    public let name: String
    /// The arguments; the required ones are present.
    public let arguments: [String: String]
    /// What the call has in common with every other.
    public let context: CallContext

    /// A call; code that tests a handler makes its own.
    public init(name: String, arguments: [String: String], context: CallContext) {
        self.name = name
        self.arguments = arguments
        self.context = context
    }
}

/// A question for completion: the values an argument of a prompt or template could have.
public struct CompletionRequest: Sendable {
    /// What the argument belongs to.
    public enum Reference: Sendable, Equatable {
        /// A prompt, by name.
        case prompt(String)
        /// A resource template, by its template.
        case resource(String)
    }

    /// What the argument belongs to.
    public let reference: Reference
    /// The argument's name.
    public let argument: String
    /// What has been typed so far.
    public let value: String
    /// Arguments that already have a value.
    public let settled: [String: String]
    /// The principal that asks.
    public let principal: Principal
}

/// Finds values that begin with what the client typed, best first; only 100 are sent.
public typealias Completion = @IO @Sendable (CompletionRequest) async -> [String]
