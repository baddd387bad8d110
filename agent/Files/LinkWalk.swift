// Where a path leads, found by the agent: some servers answer REALPATH without following links, and
// then a rule would judge a name in place of the file behind it. Used by Files where rules apply.
// Invariant: no part of the path that it gives was a link, or the server could not show that.
import Loop
import SSH

/// Follows the symbolic links of paths, part by part.
@IO struct LinkWalk {
    /// The most links on the way: what Linux follows.
    private static let linkLimit = 40
    /// The most questions to the server, which a server with links to long paths could multiply:
    /// many times the parts of a usual path.
    private static let questionLimit = 1024
    /// The limit on all questions: it leaves time for the call itself.
    private static let time: Duration = .seconds(20)

    private let store: any FileStore
    private let end = IO.now + Self.time
    private var links = 0
    private var questions = 0
    /// The parts that are known not to be links.
    private var done: [Substring] = []

    /// Whether a part of which the server does not say what it is ends the walk.
    private let isStrict: Bool

    /// A walk over the files of `store`; strict where rules hang on it.
    init(_ store: any FileStore, isStrict: Bool) { (self.store, self.isStrict) = (store, isStrict) }

    /// What one part of a path is.
    private enum Part {
        case link
        case plain
        case missing
    }

    /// The path without links that an absolute path leads to; its last parts need not exist.
    mutating func end(of path: String) async throws(FileError) -> String {
        var rest = Self.parts(path)[...]
        while let first = rest.first {
            guard first != ".." else {
                _ = done.popLast()
                rest = rest.dropFirst()
                continue
            }
            let run = rest.prefix { $0 != ".." }
            rest = rest.dropFirst(run.count)
            if let more = try await follow(run, then: rest) { rest = more }
        }
        return "/" + done.joined(separator: "/")
    }

    /// Walks along parts without `..`; at a link, returns the parts that are still to be walked.
    private mutating func follow(
        _ run: ArraySlice<Substring>, then rest: ArraySlice<Substring>
    ) async throws(FileError) -> ArraySlice<Substring>? {
        questions += run.count
        guard questions <= Self.questionLimit else {
            throw .failed(reason: "its symbolic links lead through too many folders")
        }
        guard IO.now < end else {
            throw .failed(reason: "following its symbolic links took more than \(Self.time)")
        }
        // The server is asked about all parts at once; what it says behind a link is not used.
        let answers = run.indices.map { place in
            let path = "/" + (done + run[...place]).joined(separator: "/")
            return IO.task { [store, isStrict] in await Self.look(path, store, isStrict) }
        }
        for (place, answer) in zip(run.indices, answers) {
            switch try await answer.value.get() {
            case .plain: done.append(run[place])
            case .link: return try await target(run[place]) + run[(place + 1)...] + rest
            case .missing:
                for later in answers.dropFirst(place - run.startIndex + 1) {
                    guard case .success(.missing) = await later.value else {
                        throw .failed(reason: "its folder is missing, the server says")
                    }
                }
                guard rest.isEmpty else { throw .notFound }
                done += run[place...]
                return nil
            }
        }
        return nil
    }

    /// The parts of the path that a link below `done` points to.
    private mutating func target(_ link: Substring) async throws(FileError) -> [Substring] {
        links += 1
        guard links <= Self.linkLimit else {
            throw .failed(reason: "more than \(Self.linkLimit) symbolic links lead there")
        }
        let text = try await store.target(
            ofLink: "/" + (done + [link]).joined(separator: "/"))
        guard !text.isEmpty, text.utf8.count <= PathRules.longest, !text.utf8.contains(0) else {
            throw .failed(reason: "a symbolic link on the way has no usable target")
        }
        if text.hasPrefix("/") { done = [] }
        return Self.parts(text)
    }

    private static func look(
        _ path: String, _ store: any FileStore, _ isStrict: Bool
    ) async -> Result<Part, FileError> {
        // A drive of Windows, as its OpenSSH writes it, cannot be asked for.
        if PathRules.isDrive(path) { return .success(.plain) }
        do throws(FileError) {
            let found = try await store.attributes(of: path, followingLinks: false)
            guard found.mode != nil || !isStrict else {
                return .failure(
                    .failed(
                        reason: "the server does not show which files are symbolic links, and rules"
                            + " on paths need to know: use ssh_execute"))
            }
            return .success(found.kind == .link ? .link : .plain)
        } catch .notFound {
            return .success(.missing)
        } catch {
            return .failure(error)
        }
    }

    private static func parts(_ path: String) -> [Substring] {
        path.split(separator: "/").filter { $0 != "." }
    }
}
