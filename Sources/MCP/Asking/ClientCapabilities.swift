// What a client says it can do, which decides what it may be asked. Flow: the request's `_meta`
// (modern) or `initialize` (legacy) → ClientCapabilities → handlers. Invariant: nothing is ever
// asked that was not declared, and nothing counts that its revision does not have.
public import JSON

/// Something that a client can do for a server, if it declares it.
public enum ClientFeature: Sendable, Hashable, CaseIterable {
    /// It shows its user a form: `elicitation`.
    case form
    /// It takes its user to a web page: `elicitation.url`.
    case url
    /// It has its model write a message: `sampling`.
    case sampling
    /// It names the folders its user works in: `roots`.
    case roots
    /// It follows tasks: the extension `io.modelcontextprotocol/tasks`.
    case tasks
}

/// What a client declared, for one request.
public struct ClientCapabilities: Sendable {
    /// The declaration as it was sent.
    public let declared: JSON.Object
    private let revision: Revision

    /// A declaration, read as `revision` defines it.
    public init(_ declared: JSON.Object = [:], in revision: Revision = .v2026_07_28) {
        self.declared = declared
        self.revision = revision
    }

    /// Whether the client declared it.
    ///
    /// An empty `elicitation` means forms, and only forms.
    public func has(_ feature: ClientFeature) -> Bool {
        let elicitation = declared["elicitation"]?.objectValue
        switch feature {
        case .form:
            guard revision.hasForms, let elicitation else { return false }
            return !revision.hasPages || elicitation["form"] != nil || elicitation["url"] == nil
        case .url: return revision.hasPages && elicitation?["url"]?.objectValue != nil
        case .sampling: return declared["sampling"]?.objectValue != nil
        case .roots: return declared["roots"]?.objectValue != nil
        case .tasks:
            let extensions = declared["extensions"]
            return revision.isModern && extensions?[Extension.tasks]?.objectValue != nil
        }
    }
}

/// The names of extensions.
enum Extension {
    static let tasks = "io.modelcontextprotocol/tasks"
}

extension ClientFeature {
    /// The declaration that has all of these features, as a ClientCapabilities object.
    static func declaration(of features: [ClientFeature]) -> JSON.Object {
        var object: JSON.Object = [:]
        let needs = Set(features)
        if needs.contains(.form) { object["elicitation"] = [:] }
        if needs.contains(.url) {
            object["elicitation"] =
                needs.contains(.form) ? ["form": [:], "url": [:]] : ["url": [:]]
        }
        if needs.contains(.sampling) { object["sampling"] = [:] }
        if needs.contains(.roots) { object["roots"] = [:] }
        if needs.contains(.tasks) { object["extensions"] = .object([Extension.tasks: [:]]) }
        return object
    }

    /// Its name in a sentence.
    var name: String {
        switch self {
        case .form: "elicitation (form mode)"
        case .url: "elicitation (URL mode)"
        case .sampling: "sampling"
        case .roots: "roots"
        case .tasks: "the extension \(Extension.tasks)"
        }
    }
}
