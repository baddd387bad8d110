// One declaration of a setting gives its flag, its environment variable and its file keyword.
// Invariant: a default is a value of the setting's own kind, which is checked when the setting is
// declared.

/// One setting: `--idle-timeout`, `HOMELINE_IDLE_TIMEOUT` and `IdleTimeout` are one declaration.
public struct Setting: Sendable, Hashable {
    /// The kind of values that a setting takes.
    enum Kind: Sendable, Hashable {
        case text
        case list
        case choice([String])
        case truth
        case number(ClosedRange<Int>)
        case duration
        case bytes
        case address
    }

    /// Lower-case words joined by hyphens: `idle-timeout`.
    public let name: String
    let kind: Kind
    let placeholder: String
    let summary: String
    /// The value without one given; nil for none.
    public let fallback: String?
    /// Whether it is only a flag, like `--json`, with no variable or keyword.
    let isFlagOnly: Bool

    private init(
        _ name: String, _ kind: Kind, _ placeholder: String, _ summary: String, _ fallback: String?,
        _ isFlagOnly: Bool
    ) {
        self.name = name
        self.kind = kind
        self.placeholder = placeholder
        self.summary = summary
        self.fallback = fallback
        self.isFlagOnly = isFlagOnly
        precondition(
            fallback.map(accepts) ?? true, "\(name): its default is not a value of its kind")
    }

    /// A text.
    public static func text(
        _ name: String, _ placeholder: String, _ summary: String, default fallback: String? = nil,
        flagOnly: Bool = false
    ) -> Setting {
        Setting(name, .text, placeholder, summary, fallback, flagOnly)
    }

    /// Several texts: commas, repeated flags, several words or lines in a file all add up.
    public static func list(
        _ name: String, _ placeholder: String, _ summary: String, flagOnly: Bool = false
    ) -> Setting {
        Setting(name, .list, placeholder, summary, nil, flagOnly)
    }

    /// One of a few words.
    public static func choice(
        _ name: String, _ choices: [String], _ summary: String, default fallback: String
    ) -> Setting {
        Setting(name, .choice(choices), choices.joined(separator: "|"), summary, fallback, false)
    }

    /// Yes or no; its flag takes no value (`--read-only`, `--no-read-only`).
    public static func truth(
        _ name: String, _ summary: String, default fallback: Bool = false, flagOnly: Bool = false
    ) -> Setting {
        Setting(name, .truth, "", summary, fallback ? "yes" : "no", flagOnly)
    }

    /// A whole number within a range.
    public static func number(
        _ name: String, _ range: ClosedRange<Int>, _ summary: String, default fallback: Int,
        flagOnly: Bool = false
    ) -> Setting {
        Setting(name, .number(range), "N", summary, String(fallback), flagOnly)
    }

    /// A duration such as `30m`.
    public static func duration(
        _ name: String, _ summary: String, default fallback: String, flagOnly: Bool = false
    ) -> Setting {
        Setting(name, .duration, "TIME", summary, fallback, flagOnly)
    }

    /// A size in bytes such as `64k`.
    public static func bytes(_ name: String, _ summary: String, default fallback: String) -> Setting
    {
        Setting(name, .bytes, "SIZE", summary, fallback, false)
    }

    /// A `HOST:PORT`.
    public static func address(
        _ name: String, _ summary: String, default fallback: String? = nil
    ) -> Setting {
        Setting(name, .address, "HOST:PORT", summary, fallback, false)
    }

    /// The flag: `--idle-timeout`.
    public var flag: String { "--" + name }

    /// The environment variable: `HOMELINE_IDLE_TIMEOUT`.
    public var variable: String {
        "HOMELINE_" + name.uppercased().split(separator: "-").joined(separator: "_")
    }

    /// The file keyword: `IdleTimeout`; its case does not matter in files.
    public var keyword: String {
        name.split(separator: "-").map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
    }

    var isTruth: Bool { kind == .truth }
    var isList: Bool { kind == .list }

    /// Whether `text` is a value of this setting.
    func accepts(_ text: String) -> Bool {
        switch kind {
        case .text, .list: true
        case .choice(let choices): choices.contains(text.lowercased())
        case .truth: Quantity.truth(text) != nil
        case .number(let range):
            Quantity.number(text[...]).flatMap(Int.init(exactly:)).map(range.contains) ?? false
        case .duration: Quantity.duration(text) != nil
        case .bytes: Quantity.bytes(text) != nil
        case .address: Address(text) != nil
        }
    }

    /// The expected kind of value, for error messages.
    var expected: String {
        switch kind {
        case .text, .list: "a text"
        case .choice(let choices): "one of \(choices.joined(separator: ", "))"
        case .truth: "yes or no"
        case .number(let range): "a number from \(range.lowerBound) to \(range.upperBound)"
        case .duration: "a duration such as 15s, 30m or 1h30m"
        case .bytes: "a size such as 512, 64k or 10M"
        case .address: "an address HOST:PORT"
        }
    }

    /// Checks `text`, naming `place` when it is not a value of this kind.
    func check(_ text: String, place: String) throws(ConfigurationError) {
        guard accepts(text) else {
            throw .badValue(place: place, value: text, expected: expected)
        }
    }
}
