// The URIs of resources, taken apart and written. Flow: a client's URI → ResourceURI → a call at an
// agent. Pure. Invariant: no part of a URI leads out of its place: `.` and `..` are not read in any
// spelling, and only a host and a path may have slashes.
import HTTP
import Wire

/// A target of an agent.
struct HostPlace: Hashable, Sendable {
    let agent: String
    /// As it is written after `agent/`.
    let host: String

    /// `agent/host`, as the calls take it.
    var target: String { "\(agent)/\(host)" }
}

/// What is shown of a host.
enum HostView: Hashable, Sendable {
    /// The first look.
    case report
    /// One subject as rows.
    case subject(HostSubject)

    /// Every view that needs nothing but the host.
    static let all =
        [report] + HostSubject.allCases.filter { $0 != .containerLogs }.map { subject($0) }

    var name: String {
        switch self {
        case .report: "report"
        case .subject(let subject): subject.rawValue
        }
    }
}

/// What a URI names.
enum ResourceURI: Hashable, Sendable {
    case statistics
    case agents
    case targets
    /// A session's output; without an offset, the end of it.
    case transcript(session: String, offset: Int?, limit: Int?)
    case screen(session: String)
    case output(command: String)
    /// A file; the path is absolute, or begins with `~/`.
    case file(HostPlace, path: String)
    case host(HostPlace, HostView)

    /// The longest URI in bytes that is read: the longest path that Linux takes, percent-encoded.
    static let limit = 3 * 4096 + 1024

    private static let scheme = "homeline://"

    /// Reads a URI; nil if it names nothing that there is.
    init?(_ text: String) {
        guard text.utf8.count <= Self.limit, text.hasPrefix(Self.scheme) else { return nil }
        let rest = text.dropFirst(Self.scheme.count)
        if rest.hasPrefix("files/") {
            self.init(file: rest.dropFirst(6))
        } else {
            self.init(place: rest)
        }
    }

    /// A file: all that follows the host is its path, `?` and `#` included.
    private init?(file rest: Substring) {
        let parts = rest.split(separator: "/", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, let place = Self.host(parts[0], parts[1]),
            let path = PercentText.decode(parts[2]), !path.isEmpty,
            path.split(separator: "/").allSatisfy({ $0 != "." && $0 != ".." })
        else { return nil }
        let isAtHome = path == "~" || path.hasPrefix("~/")
        self = .file(place, path: isAtHome ? path : "/" + path.drop { $0 == "/" })
    }

    private init?(place rest: Substring) {
        guard !rest.contains("#") else { return nil }
        let halves = rest.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        let parts = (halves.first ?? "").split(separator: "/", omittingEmptySubsequences: false)
        let query = halves.count > 1 ? halves[1] : nil
        let (first, name) = (parts.first ?? "", parts.last ?? "")
        switch (first, parts.count, name) {
        case ("stats", 1, _) where query == nil: self = .statistics
        case ("agents", 1, _) where query == nil: self = .agents
        case ("targets", 1, _) where query == nil: self = .targets
        case ("sessions", 3, "transcript"):
            guard let id = Self.handle(parts[1]), let page = Self.page(query) else { return nil }
            self = .transcript(session: id, offset: page.offset, limit: page.limit)
        case ("sessions", 3, "screen") where query == nil:
            guard let id = Self.handle(parts[1]) else { return nil }
            self = .screen(session: id)
        case ("commands", 3, "output") where query == nil:
            guard let id = Self.handle(parts[1]) else { return nil }
            self = .output(command: id)
        case ("hosts", 4, _) where query == nil:
            guard let place = Self.host(parts[1], parts[2]),
                let view = HostView.all.first(where: { $0.name == name })
            else { return nil }
            self = .host(place, view)
        default: return nil
        }
    }

    private static func handle(_ text: Substring) -> String? {
        PercentText.decode(text).flatMap { isName($0) ? $0 : nil }
    }

    private static func host(_ agent: Substring, _ host: Substring) -> HostPlace? {
        guard let agent = handle(agent), let host = PercentText.decode(host),
            // An alias may have slashes.
            host.split(separator: "/", omittingEmptySubsequences: false)
                .allSatisfy({ isName($0) })
        else { return nil }
        return HostPlace(agent: agent, host: host)
    }

    private static func isName(_ text: some StringProtocol) -> Bool {
        !text.isEmpty && text != "." && text != ".." && !text.contains("/")
    }

    private static func page(_ query: Substring?) -> (offset: Int?, limit: Int?)? {
        var page: (offset: Int?, limit: Int?) = (nil, nil)
        for pair in (query ?? "").split(separator: "&", omittingEmptySubsequences: false)
        where query?.isEmpty == false {
            let sides = pair.split(separator: "=", omittingEmptySubsequences: false)
            guard sides.count == 2, (1...15).contains(sides[1].utf8.count),
                sides[1].utf8.allSatisfy({ (48...57).contains($0) }), let value = Int(sides[1])
            else { return nil }
            switch sides[0] {
            case "offset" where page.offset == nil: page.offset = value
            case "limit" where page.limit == nil && value > 0: page.limit = value
            default: return nil
            }
        }
        return page
    }
}

extension ResourceURI: CustomStringConvertible {
    /// As clients send it.
    var description: String {
        switch self {
        case .statistics: Self.scheme + "stats"
        case .agents: Self.scheme + "agents"
        case .targets: Self.scheme + "targets"
        case .transcript(let id, let offset, let limit):
            Self.scheme + "sessions/\(PercentText.segment(id))/transcript"
                + Self.query(offset, limit)
        case .screen(let id): Self.scheme + "sessions/\(PercentText.segment(id))/screen"
        case .output(let id): Self.scheme + "commands/\(PercentText.segment(id))/output"
        case .file(let place, let path):
            Self.scheme + "files/\(place.encoded)/" + PercentText.path(Self.written(path))
        case .host(let place, let view): Self.scheme + "hosts/\(place.encoded)/\(view.name)"
        }
    }

    /// A path without its first slash, unless something else would be read without it: nothing, or
    /// the user's home.
    private static func written(_ path: String) -> String {
        path == "/" || path.hasPrefix("/~") ? path : String(path.drop { $0 == "/" })
    }

    private static func query(_ offset: Int?, _ limit: Int?) -> String {
        let pairs = [offset.map { "offset=\($0)" }, limit.map { "limit=\($0)" }].compactMap(\.self)
        return pairs.isEmpty ? "" : "?" + pairs.joined(separator: "&")
    }
}

extension HostPlace {
    fileprivate var encoded: String {
        "\(PercentText.segment(agent))/\(PercentText.segment(host))"
    }
}
