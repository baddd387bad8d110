// The entity tags of an `If-Match` or `If-None-Match` header (RFC 9110 §8.8.3, §13.1). Pure.

/// A list of entity tags, or all of them.
struct EntityTags: Sendable {
    private let isAny: Bool
    private let tags: [Substring]

    /// Reads a header's value; a weak tag counts as the strong one of the same text.
    ///
    /// The tags of the drop-box have no comma.
    init(_ header: String) {
        let words = header.split(separator: ",").map { word in
            let tag = word.trimmingPrefix { $0 == " " || $0 == "\t" }
            return (tag.hasPrefix("W/") ? tag.dropFirst(2) : tag).prefix { $0 != " " && $0 != "\t" }
        }
        (isAny, tags) = (words == ["*"], words)
    }

    /// Whether a tag, in its quotes, is among them.
    func contains(_ tag: String) -> Bool { isAny || tags.contains { $0 == tag } }
}
