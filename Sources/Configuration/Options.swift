// The settings' values of one run: flag, then environment, then file, then default.
// Invariant: every stored text has been checked against its setting, so reading never fails.

/// The values given for one command's settings, by priority of their source.
public struct Options: Sendable, Equatable {
    /// The positional arguments in order.
    public internal(set) var arguments: [String] = []
    var flags: [String: [String]] = [:]
    var environment: [String: [String]] = [:]
    var file: [String: [String]] = [:]
    var fileBlocks: [Block] = []

    /// One block of a file, such as `Target web1` and the lines under it.
    public struct Block: Sendable, Equatable {
        /// The word that opened it.
        public let keyword: String
        /// The words after it.
        public let names: [String]
        /// The settings inside.
        public internal(set) var options: Options
    }

    /// Values that were never parsed: every setting has its default.
    public init() {}

    /// The blocks that `keyword` opens, in file order.
    public func blocks(_ keyword: String) -> [Block] {
        fileBlocks.filter { $0.keyword.lowercased() == keyword.lowercased() }
    }

    /// Whether a value was given anywhere.
    public func isSet(_ setting: Setting) -> Bool { given(setting) != nil }

    /// A text; nil when neither given nor defaulted.
    public func string(_ setting: Setting) -> String? { given(setting)?.last ?? setting.fallback }

    /// The texts of a list, in order.
    public func strings(_ setting: Setting) -> [String] {
        guard setting.isList else { return string(setting).map { [$0] } ?? [] }
        return given(setting) ?? []
    }

    /// Yes or no; a setting without a default is no.
    public func bool(_ setting: Setting) -> Bool {
        string(setting).flatMap(Quantity.truth) ?? false
    }

    /// A number.
    public func integer(_ setting: Setting) -> Int {
        string(setting).flatMap { Int($0) } ?? 0
    }

    /// A duration.
    public func duration(_ setting: Setting) -> Duration {
        string(setting).flatMap(Quantity.duration) ?? .zero
    }

    /// A size in bytes.
    public func bytes(_ setting: Setting) -> Int {
        string(setting).flatMap(Quantity.bytes) ?? 0
    }

    /// An address; nil when neither given nor defaulted.
    public func address(_ setting: Setting) -> Address? {
        string(setting).flatMap { Address($0) }
    }

    private func given(_ setting: Setting) -> [String]? {
        flags[setting.name] ?? environment[setting.name] ?? file[setting.name]
    }
}
