// A row of the lab: a case, the shells it holds in, what is typed, and what each answer must say.
// Table+….swift holds the rows, Player plays them on a Lane, Report counts.
// Invariant: a row says what a person at the terminal would know; how it is found out is not its
// business.
import Support
import Wire

/// What the lab is about; the numbers are those of the matrix.
enum Case: Int, CaseIterable, Sendable {
    case sudo = 1
    case quietRead, promptedRead, pager, editor, monitor, python, hereDocument, otherShell
    case strictOptions, signals, muchOutput, encodings, lineEnds, lineLengths, longCode
    case multiplexer, poorLink, twoClients, oneChannel, questions, poorHost
    case everyday, syntax, oddTerminal, ownTerminals, lineEditors, scripts, secrets, dialogues

    /// Its name in words.
    var title: String {
        "\(self)".map { $0.isUppercase ? " \($0.lowercased())" : "\($0)" }.joined()
    }
}

/// What a row needs of the place it is played at.
enum Kind: Sendable {
    /// A session on the lane's link.
    case plain
    /// A link of its own, which may be cut or stalled.
    case ownLink
    /// A link that loses one segment of a hundred.
    case lossyLink
    /// A link to the far side of the world: two seconds there and back.
    case farLink
    /// A console of 300 baud behind a good link.
    case console
    /// A server with room for one channel alone.
    case oneChannel
    /// A session of another user, who may use sudo with a password.
    case account
    /// The same, and sudo runs commands on a terminal of its own.
    case accountOwnTerminal
    /// A home that nobody can write to, and no language.
    case poorHost
    /// A host that shows no processes.
    case noProcesses

    /// Whether no other row may have a session there.
    var isAlone: Bool { self == .ownLink || self == .oneChannel }

    /// What such a place needs of the machine.
    var need: Need? {
        switch self {
        case .account, .accountOwnTerminal: .account
        case .noProcesses: .mounts
        case .plain, .ownLink, .lossyLink, .farLink, .console, .oneChannel, .poorHost: nil
        }
    }

    /// What the line is like; nil: as that of the whole lane.
    var line: Line? {
        switch self {
        case .lossyLink: .lossy
        case .farLink: .far
        case .console: .console
        default: nil
        }
    }
}

/// How much a row moves.
enum Weight: Sendable {
    case light
    /// Too much for a slow line.
    case heavy
    /// Too much for a machine that has other work.
    case huge
    /// Takes a minute of mere waiting: for the long lab.
    case slow
}

/// Text of which all or a part is known.
enum Text: Sendable, ExpressibleByStringLiteral, CustomStringConvertible {
    case `is`(String), starts(String), ends(String), has(String)

    init(stringLiteral text: String) { self = .is(text) }

    func matches(_ text: String) -> Bool {
        switch self {
        case .is(let whole): text == whole
        case .starts(let part): text.hasPrefix(part)
        case .ends(let part): text.hasSuffix(part)
        case .has(let part): text.contains(part)
        }
    }
    var description: String {
        switch self {
        case .is(let text): text.debugDescription
        case .starts(let text): "\(text.debugDescription)…"
        case .ends(let text): "…\(text.debugDescription)"
        case .has(let text): "…\(text.debugDescription)…"
        }
    }
}

/// One case in some shells.
struct Row: Sendable {
    var topic: Case
    var shells: [Shell]
    var kind: Kind
    /// What else it needs of the machine; a row whose needs are not met is left out, by its name.
    var needs: Need?
    var weight: Weight
    var steps: [Step]

    init(
        _ topic: Case, _ shells: [Shell], at kind: Kind = .plain, needs: Need? = nil,
        weight: Weight = .light, _ steps: Step...
    ) {
        (self.topic, self.shells, self.kind) = (topic, shells, kind)
        (self.needs, self.weight, self.steps) = (needs, weight, steps)
    }

    /// Why it cannot be played on this machine; nil: it can.
    var obstacle: String? { [kind.need, needs].compactMap { $0?.obstacle }.first }

    /// Its case, and the first thing that is done.
    var name: String {
        let first =
            switch steps.first?.action {
            case .run(let code), .type(let code): code
            case let other: other.map { "\($0)" } ?? ""
            }
        return "session lab, \(topic.title), \(first.prefix(70).debugDescription)"
    }
}

extension [Shell] {
    /// Shells of the common family.
    static let posix: [Shell] = [.bash, .dash, .ash, .zsh, .mksh]
    static let all: [Shell] = posix + [.fish, .tcsh]
}
