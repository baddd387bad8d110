// How much a JSON Schema states of what is declared. Where it stands: `ToolRow` chooses, `Kind` and
// `Declaration` follow.

/// The forms of a schema.
enum SchemaForm {
    /// Arguments, with every limit: what calls are checked against.
    case checked
    /// Arguments as a model needs them.
    ///
    /// Clients give the whole list of tools to their model with each request: what a description
    /// says already, or no call ever meets, is left out.
    case listed
    /// A result with all that is declared about it.
    case whole
    /// The members that a result always has, and their types.
    case brief

    /// Whether undeclared members are refused.
    var isClosed: Bool {
        switch self {
        case .checked, .listed: true
        case .whole, .brief: false
        }
    }

    /// Whether members are stated that may be absent.
    var hasOptionalMembers: Bool { hasSentences }

    /// Whether a sentence describes each member.
    var hasSentences: Bool {
        switch self {
        case .checked, .listed, .whole: true
        case .brief: false
        }
    }
}
