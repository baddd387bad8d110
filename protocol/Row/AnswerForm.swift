// How a tool's result reads as text: which of the few kinds of results it is. Where it stands: a
// `ToolRow` names it, the relay's Texts follow it. Pure.

/// The kinds of results, for people.
public enum AnswerForm: Sendable, CaseIterable {
    /// Its members line by line, and its lists of objects as tables.
    case members
    /// A session that was opened.
    case opened
    /// What runs in a session: its output, or its screen, and its state.
    case session
    /// One command, or several by their ids: their outputs and states.
    case run
    /// One command on targets: what came of it, then each different outcome.
    case report
    /// The content of a file, or lines of it.
    case content
    /// A difference of texts.
    case difference
    /// A text as it is.
    case text
}
