// The protocol revisions and what differs between them. Flow: era detection picks one per request
// (HTTP) or message (stdio); everything that writes a result depends on it. Invariant: a difference
// between revisions is a property here, never a comparison of dates elsewhere.

/// One revision of the MCP specification.
public enum Revision: String, Sendable, CaseIterable, Comparable {
    /// The first; accepted in `initialize` because it costs nothing.
    case v2024_11_05 = "2024-11-05"
    /// Streamable HTTP, batches.
    case v2025_03_26 = "2025-03-26"
    /// Structured results, version header.
    case v2025_06_18 = "2025-06-18"
    /// Icons, input errors as results.
    case v2025_11_25 = "2025-11-25"
    /// No handshake: version and capabilities in every request.
    case v2026_07_28 = "2026-07-28"

    /// Older before newer.
    public static func < (one: Revision, other: Revision) -> Bool { one.rawValue < other.rawValue }

    /// Whether requests stand alone, without `initialize`.
    public var isModern: Bool { self >= .v2026_07_28 }

    static let newest = Revision.v2026_07_28
    static let newestLegacy = Revision.v2025_11_25
    /// The revisions that discovery and the unsupported-version error list, newest first.
    static let advertised: [Revision] = [.v2026_07_28, .v2025_11_25, .v2025_06_18, .v2025_03_26]

    var hasBatches: Bool { self <= .v2025_03_26 }
    var hasStructuredContent: Bool { self >= .v2025_06_18 }
    var hasIcons: Bool { self >= .v2025_11_25 }
    var hasInputErrorsAsResults: Bool { self >= .v2025_11_25 }
    /// Whether a client can be asked to show a form.
    var hasForms: Bool { self >= .v2025_06_18 }
    /// Whether forms have multiple choices, names for choices, and presets of every kind.
    var hasFullForms: Bool { self >= .v2025_11_25 }
    /// Whether a client can be asked to take its user to a page.
    var hasPages: Bool { self >= .v2025_11_25 }
    var hasPrimingEvents: Bool { self >= .v2025_11_25 }
    var hasCompletionCapability: Bool { self >= .v2025_03_26 }
}
