// A runbook: a text for a model that says which tools to call, and what to look for. Flow: a file →
// RunbookFile → Runbook → a prompt. Pure. Invariant: every place of its text that is filled in is
// an argument that it declares.
import HTTP
import Wire

/// A runbook.
struct Runbook: Sendable, Equatable {
    /// One argument.
    struct Argument: Sendable, Equatable {
        /// Its name, as the text's places have it.
        var name: String
        /// What it means, for people.
        var description = ""
        /// Whether it must be given.
        var isRequired = false
        /// What stands for it where it is not given.
        var fallback: String?
        /// How it is completed; nil: not at all.
        var completion: Completable?
    }

    /// Its name, by which clients ask for it.
    var name: String
    /// The name for people.
    var title: String?
    /// What it is for.
    var description = ""
    /// Its arguments.
    var arguments: [Argument] = []
    /// The URIs of the resources that are read for it, with places to fill in.
    var resources: [String] = []
    /// The text, with places to fill in.
    var text = ""

    /// The longest value of an argument that is filled in, in Unicode scalars.
    static let valueLimit = 1000

    /// The text with these values in its places.
    func text(with values: [String: String]) -> String {
        Self.fill(text) { name in
            let argument = arguments.first { $0.name == name }
            return (values[name] ?? argument?.fallback).map(Self.shown) ?? "(not given)"
        }
    }

    /// The URIs to read with these values; one with an argument that was not given is left out.
    func resources(with values: [String: String]) -> [String] {
        resources.compactMap { uri in
            var isWhole = true
            let filled = Self.fill(uri) { name in
                let fallback = arguments.first { $0.name == name }?.fallback
                guard let value = values[name] ?? fallback, !value.isEmpty else {
                    isWhole = false
                    return ""
                }
                return Self.encoded(value)
            }
            return isWhole ? filled : nil
        }
    }

    /// One line: an argument is a word of the text, not a part of it.
    private static func shown(_ value: String) -> String {
        let lines = value.shown(atMost: valueLimit).split(whereSeparator: \.isNewline)
        return lines.joined(separator: " ")
    }

    /// A value within a URI: the slash of `agent/host` stays, others belong to the host.
    private static func encoded(_ value: String) -> String {
        guard let slash = value.firstIndex(of: "/") else { return PercentText.segment(value) }
        return PercentText.segment(String(value[..<slash])) + "/"
            + PercentText.segment(String(value[value.index(after: slash)...]))
    }

    // MARK: Places

    /// A text with `{{name}}` replaced by what `value` gives for it.
    private static func fill(_ text: String, _ value: (String) -> String) -> String {
        var filled = ""
        var rest = text[...]
        while let (range, name) = place(in: rest) {
            filled += rest[..<range.lowerBound] + value(name)
            rest = rest[range.upperBound...]
        }
        return filled + rest
    }

    /// The names in a text's places.
    static func places(in text: some StringProtocol) -> [String] {
        var names: [String] = []
        var rest = Substring(text)
        while let (range, name) = place(in: rest) {
            names.append(name)
            rest = rest[range.upperBound...]
        }
        return names
    }

    /// The first place of a text: `{{`, a name, `}}`.
    private static func place(in text: Substring) -> (Range<Substring.Index>, String)? {
        var from = text.startIndex
        while let open = text[from...].firstRange(of: "{{") {
            let name = text[open.upperBound...].prefix {
                $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_")
            }
            if !name.isEmpty, text[name.endIndex...].hasPrefix("}}") {
                let end = text.index(name.endIndex, offsetBy: 2)
                return (open.lowerBound..<end, String(name))
            }
            from = open.upperBound
        }
        return nil
    }
}
