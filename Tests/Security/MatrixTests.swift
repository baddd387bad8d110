// The access matrix of matrix.tsv, walked: what a call shows of the canaries is compared with the
// table, so that a call counts as refused only when it reached nothing.
import Foundation
import JSON
import Support
import Testing

@Suite struct MatrixTests {
    /// One way to use a target: a tool, and the arguments beside the target.
    private struct Way: Sendable {
        let name: String
        let tool: String
        let more: JSON.Object

        var takesGlobs: Bool { more["targets"] != nil }

        static let all: [Way] = [
            Way(name: "open", tool: "ssh_session_open", more: ["retries": 0]),
            Way(
                name: "execute", tool: "ssh_execute",
                more: ["command": "cat ~/canary"]),
            Way(
                name: "execute on several", tool: "ssh_execute",
                more: ["command": "cat ~/canary", "targets": []]),
            Way(name: "list", tool: "file_list", more: ["path": "~"]),
            Way(name: "read", tool: "file_read", more: ["path": "~/canary"]),
            Way(name: "write", tool: "file_write", more: ["content": "x"]),
        ]
    }

    /// One cell: what a token does to a target, and what must come of it.
    private struct Trial: Sendable {
        let way: Way
        let scope: String
        let pattern: String
        let spelling: String
        let expected: String
        let number: Int

        var isRefused: Bool { ["no", "hidden", "wrong", "scope"].contains(expected) }
    }

    private let ground: Ground
    private let tables: [Matrix]
    private let tokens: [String: MCPCaller]

    init() async throws {
        let tables = try Matrix.tables()
        let ground = try await Ground.start()
        (self.tables, self.ground) = (tables, ground)
        let pairs = tables[0].columns.flatMap { scope in
            tables[1].columns.map { (scope, $0) }
        }
        tokens = try await Dictionary(
            uniqueKeysWithValues: concurrently(pairs) { scope, pattern in
                let token = try await ground.home.token(
                    "t\(abs("\(scope) \(pattern)".hashValue))", scopes: scope,
                    pattern: ground.filled(pattern))
                return ("\(scope) \(pattern)", try MCPCaller(url: ground.home.url, token: token))
            })
    }

    @Test(.timeLimit(.minutes(5)))
    func `every tool, scope, pattern and spelling leads where the table says`() async throws {
        let start = ContinuousClock.now
        var trials: [Trial] = []
        for way in Way.all {
            let scopes = tables[0].rows.first { $0.name == way.tool }?.cells ?? [:]
            for (scope, holds) in scopes.sorted(by: { $0.key < $1.key }) {
                // In `targets` a glob stands for what the token reaches: table 4.
                for row in tables[1].rows where !(way.takesGlobs && row.name.contains("*")) {
                    for pattern in tables[1].columns {
                        trials.append(
                            Trial(
                                way: way, scope: scope, pattern: pattern, spelling: row.name,
                                expected: holds == "yes" ? row.cells[pattern] ?? "" : "scope",
                                number: trials.count))
                    }
                }
            }
        }
        // What is refused comes first: until then no server may have seen a connection.
        let before = ground.connections
        try await walk(trials.filter(\.isRefused))
        #expect(ground.connections == before, "a refused call connected")
        try await walk(trials.filter { !$0.isRefused })
        print("access matrix: \(trials.count) calls in \(ContinuousClock.now - start)")
        await ground.home.stop()
    }

    @Test(.timeLimit(.minutes(5)))
    func `what another opened is seen where the table says`() async throws {
        var lines: [String] = []
        for row in tables[2].rows {
            let kept = try await Opened(row.name, on: ground)
            for scope in tables[0].columns {
                let scopes = tables[0].rows.reduce(into: [String: Bool]()) {
                    $0[$1.name] = $1.cells[scope] == "yes"
                }
                for pattern in tables[1].columns {
                    let isSeen = scope == "admin" && row.cells[pattern] == "seen"
                    // What is seen may be ended: it gets a session and a command of its own.
                    let opened = isSeen ? try await Opened(row.name, on: ground) : kept
                    for (tool, arguments) in opened.uses {
                        guard let caller = tokens["\(scope) \(pattern)"] else { continue }
                        let answer = try await caller.answer(tool, .object(arguments))
                        let said = answer.text
                        let got =
                            answer.status == 403
                            ? "scope" : said.contains("There is no ") ? "unknown" : "seen"
                        let expected =
                            scopes[tool] != true ? "scope" : isSeen ? "seen" : "unknown"
                        if got != expected || !isSeen && !ground.places(in: said).isEmpty {
                            lines.append(
                                "\(tool)\t\(scope)\t\(row.name)\t\(pattern)\texpected "
                                    + "\(expected), got \(got): \(said)")
                        }
                    }
                    for tool in ["ssh_session_list", "ssh_command_list"] where scopes[tool] == true
                    {
                        let list = try await tokens["\(scope) \(pattern)"]?.answer(tool, [:]).text
                        let shows = kept.ids.contains { list?.contains("\"\($0)\"") == true }
                        if shows != isSeen {
                            lines.append("\(tool)\t\(scope)\t\(row.name)\t\(pattern)\t\(shows)")
                        }
                    }
                }
            }
        }
        for line in lines { Issue.record("\(line)") }
        await ground.home.stop()
    }

    @Test(.timeLimit(.minutes(1)))
    func `lists show what the table says`() async throws {
        // Links to all places, which lists must not show either.
        for target in ["web", "vault"] {
            _ = try await ground.admin.structured(
                "ssh_execute", ["target": .string("site/\(target)"), "command": "true"])
        }
        for row in tables[3].rows {
            let words = row.name.split(separator: " ", maxSplits: 1).map(String.init)
            let isExecution = row.name.hasPrefix("ssh_execute")
            for scope in isExecution ? ["admin"] : ["fleet:read", "admin"] {
                for pattern in tables[3].columns {
                    let answer = try await tokens["\(scope) \(pattern)"]?
                        .answer(words[0], JSON(parsing: words[1]))
                    let text = answer?.result?.description ?? ""
                    let names = ["local", "twin", "vault", "web"].filter {
                        text.contains("\"site/\($0)\"")
                    }
                    let shown = names.isEmpty ? "-" : names.joined(separator: ",")
                    #expect(shown == row.cells[pattern], "\(scope) \(pattern) \(row.name): \(text)")
                }
            }
        }
        await ground.home.stop()
    }

    private func walk(_ trials: [Trial]) async throws {
        let wrong = try await concurrently(trials) { trial -> String? in
            let got = try await attempt(trial)
            guard got != trial.expected else { return nil }
            return "\(trial.way.name)\t\(trial.scope)\t\(trial.spelling)\t\(trial.pattern)\t"
                + "expected \(trial.expected), got \(got)"
        }
        for line in wrong.compactMap(\.self) { Issue.record("\(line)") }
    }

    /// Makes a trial's call; what came of it, in the words of the table.
    private func attempt(_ trial: Trial) async throws -> String {
        guard let caller = tokens["\(trial.scope) \(trial.pattern)"] else { return "no token" }
        var arguments = try JSON(parsing: ground.filled(trial.spelling)).objectValue ?? [:]
        for (name, value) in trial.way.more { arguments[name] = value }
        let written = "written-\(trial.number)"
        if trial.way.name == "write" { arguments["path"] = .string("~/\(written)") }
        if trial.way.more["targets"] != nil, let target = arguments["target"] {
            (arguments["target"], arguments["targets"]) = (nil, [target])
        }
        let answer = try await caller.answer(trial.way.tool, .object(arguments))
        var places = ground.places(in: answer.text)
        if trial.way.name == "write" { places = ground.places(holding: written) }
        if trial.way.name == "open", let id = answer.result?["session_id"] {
            let run = try await ground.admin.structured(
                "ssh_session_command", ["session_id": id, "command": "cat ~/canary"])
            places = ground.places(in: run.description)
            _ = try await ground.admin.call("ssh_session_close", ["session_id": id])
        }
        return answer.verdict(places)
    }
}

/// A session and a background command of another token.
private struct Opened {
    let session: JSON
    let command: JSON

    init(_ spelling: String, on ground: Ground) async throws {
        var arguments = try JSON(parsing: ground.filled(spelling)).objectValue ?? [:]
        session = try #require(
            await ground.admin.structured("ssh_session_open", .object(arguments))["session_id"])
        (arguments["command"], arguments["background"]) = ("cat ~/canary; sleep 600", true)
        let run = try await ground.admin.structured("ssh_execute", .object(arguments))
        command = try #require(run["results"]?[0]?["command_id"])
    }

    var ids: [String] { [session, command].compactMap(\.stringValue) }

    /// Every way to use them by their ids; the last ones end them.
    var uses: [(tool: String, arguments: JSON.Object)] {
        [
            ("ssh_session_command", ["session_id": session, "command": "cat ~/canary"]),
            ("ssh_session_send", ["session_id": session, "text": "cat ~/canary"]),
            ("ssh_session_read", ["session_id": session, "offset": 0]),
            ("ssh_session_read", ["session_id": session, "view": "screen"]),
            ("ssh_session_update", ["session_id": session, "name": "x"]),
            ("ssh_command_output", ["command_id": command, "wait_s": 0]),
            ("ssh_session_open", ["reopen": session]),
            ("ssh_command_cancel", ["command_id": command]),
            ("ssh_session_close", ["session_id": session]),
        ]
    }
}

extension HTTPAnswer {
    /// The structured content of a tool's result.
    var result: JSON? { messages.last?["result"]?["structuredContent"] }

    /// What a call came to, in the words of matrix.tsv; `places` are those that it reached.
    func verdict(_ places: [String]) -> String {
        if !places.isEmpty { return places.joined(separator: "+") }
        if status == 403 { return "scope" }
        let said = messages.last?["result"]?["content"]?[0]?["text"]?.stringValue ?? text
        for (word, sentence) in [
            ("no", "this token may not use"), ("hidden", "There is no agent"),
            ("wrong", "is not a target"), ("wrong", "it takes no user and no port"),
        ] where said.contains(sentence) { return word }
        let isFailed = messages.last?["result"]?["isError"] == true || result?["not_run"] == 1
        return isFailed ? "failed" : "odd: \(said)"
    }
}

/// The results of `body` for each element, in order, of which 16 run at once.
func concurrently<T: Sendable, R: Sendable>(
    _ elements: [T], _ body: @escaping @Sendable (T) async throws -> R
) async throws -> [R] {
    try await withThrowingTaskGroup(of: (Int, R).self) { group in
        var results = [R?](repeating: nil, count: elements.count)
        var next = 0
        func start() {
            guard next < elements.count else { return }
            let (index, element) = (next, elements[next])
            next += 1
            group.addTask { (index, try await body(element)) }
        }
        for _ in 0..<16 { start() }
        while let (index, result) = try await group.next() {
            results[index] = result
            start()
        }
        return results.compactMap(\.self)
    }
}
