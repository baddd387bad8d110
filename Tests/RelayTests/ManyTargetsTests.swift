// ssh_execute on many targets: which targets words stand for, how many run at once, when it stops,
// and how their results are joined.
import JSON
import Loop
import MCP
import Testing
import Wire

@testable import homeline_relay

@Suite struct ManyTargetsTests {
    private func report(_ result: ToolResult) throws -> JSON {
        #expect(!result.isError, "\(result.text)")
        return try RawJSON(try #require(result.structured)).parsed()
    }

    @Test(
        arguments: [
            ("lab-1/db", .name("lab-1/db")), ("lab-1/[::1]:22", .name("lab-1/[::1]:22")),
            ("lab-*/db", .those(agents: .named("lab-*"), hosts: "db")),
            ("*/web?", .those(agents: .named("*"), hosts: "web?")),
            ("tag:lab", .those(agents: .tagged("lab"), hosts: "*")),
            ("tag:lab/w*", .those(agents: .tagged("lab"), hosts: "w*")),
            ("lab-*", nil), ("*/", nil), ("tag:", nil), ("tag:/x", nil), ("web", .name("web")),
        ] as [(String, TargetPattern?)])
    func `a word`(word: String, pattern: TargetPattern?) {
        #expect(TargetPattern(word) == pattern)
    }

    @Test @IO func `globs and tags stand for targets within reach, each once`() async throws {
        let office = try await Office()
        let all = try office.principal("*")
        for (words, targets) in [
            (["*/db"], ["lab-1/db", "lab-2/db", "vault/db"]),
            (["tag:lab"], ["lab-1/db", "lab-1/web", "lab-2/db", "lab-2/web"]),
            (["tag:lab/W*"], ["lab-1/web", "lab-2/web"]),
            (["lab-2/web", "lab-?/web", "lab-2/web"], ["lab-2/web", "lab-1/web"]),
        ] as [([String], JSON)] {
            let result = try await office.call(
                "ssh_execute",
                ["targets": .array(words.map { .string($0) }), "command": "id", "dry_run": true],
                as: all)
            #expect(try report(result)["targets"] == targets, "\(words)")
        }
        let narrow = try office.principal("lab-1/web,vault")
        let result = try await office.call(
            "ssh_execute", ["targets": ["*/*"], "command": "id", "dry_run": true], as: narrow)
        #expect(try report(result)["targets"] == ["lab-1/web", "vault/db", "vault/web"])
        #expect(!office.calls.contains { $0.request.method == "command.execute" })
        office.house.close()
    }

    @Test @IO func `what cannot be meant runs nothing`() async throws {
        let office = try await Office()
        let all = try office.principal("*")
        for (arguments, words) in [
            (["target": "lab-1/db", "targets": ["lab-1/db"]], "either \"target\" or"),
            ([:], "give \"target\" or"), (["targets": []], "give \"target\" or"),
            (["targets": ["lab-1/db", "*/none*"]], "no target fits \"*/none*\""),
            (["targets": ["tag:none"]], "no target fits \"tag:none\""),
            (["targets": ["lab-*"]], "lab-*/*"),
        ] as [(JSON.Object, String)] {
            var arguments = arguments
            arguments["command"] = "id"
            let text = try await office.failure("ssh_execute", arguments, as: all)
            #expect(text?.contains(words) == true, "\(text ?? "")")
        }
        #expect(!office.calls.contains { $0.request.method == "command.execute" })
        office.house.close()
    }

    @Test @IO func `outcomes are counted each by itself, and equal ones share an entry`()
        async throws
    {
        let office = try await Office()
        let outcomes: [String: (RunState, Int?)] = [
            "lab-1/db": (.done, 0), "lab-1/web": (.done, 0), "lab-2/db": (.done, 1),
            "lab-2/web": (.timedOut, 0), "vault/db": (.running, nil), "vault/web": (.linkLost, nil),
        ]
        office.run = { target in
            let (state, code) = outcomes[target] ?? (.done, 0)
            var result = RunResult(target: target, commandID: "", state: state)
            result.exitCode = code
            result.durationMS = target.utf8.count
            return result
        }
        let result = try await office.call(
            "ssh_execute", ["targets": ["*/*", "none/x"], "command": "id"],
            as: office.principal("*"))
        let report = try report(result)
        #expect(report["succeeded"] == 2 && report["failed"] == 2 && report["timed_out"] == 1)
        #expect(report["running"] == 1 && report["not_run"] == 1)
        let first = report["results"]?[0]
        #expect(first?["target"] == "lab-1/db")
        let id = try #require(office.ids["lab-1"])
        #expect(first?["also"] == ["lab-1/web": .string("\(id).c-lab-1/web")])
        #expect(report["results"]?.arrayValue?.count == 6)
        let summary = report["summary"]?.stringValue ?? ""
        #expect(summary.hasPrefix("2 of 7 succeeded; exit code 1: lab-2/db; "), "\(summary)")
        for words in [
            "timed out: lab-2/web", "still running: vault/db", "link_lost: vault/web",
            "not run: none/x (There is no agent",
        ] { #expect(summary.contains(words), "\(summary)") }
        office.house.close()
    }

    @Test @IO func `what may have run is not counted as not run, and many reasons are one`()
        async throws
    {
        let office = try await Office()
        office.fault = Fault(.outcomeUnknown, "the agent was lost meanwhile")
        let lost = try report(
            try await office.call(
                "ssh_execute", ["targets": ["lab-1/db", "lab-2/db"], "command": "id"],
                as: office.principal("*")))
        #expect(lost["failed"] == 2 && lost["not_run"] == nil, "\(lost)")
        #expect(lost["results"]?[0]?["state"] == "link_lost")
        let names = (1...20).map { JSON.string("none\($0)/x") }
        let absent = try report(
            try await office.call(
                "ssh_execute", ["targets": .array(names), "command": "id"],
                as: office.principal("*")))
        let summary = absent["summary"]?.stringValue ?? ""
        #expect(summary.contains("not run: none1/x, none2/x, ") && summary.utf8.count < 400)
        office.house.close()
    }

    @Test @IO func `at most as many at once as asked for`() async throws {
        let office = try await Office()
        var now = 0
        var most = 0
        office.run = { target in
            now += 1
            most = max(most, now)
            try? await IO.sleep(for: .milliseconds(20))
            now -= 1
            return RunResult(target: target, commandID: "", state: .done)
        }
        _ = try await office.call(
            "ssh_execute", ["targets": ["*/*"], "command": "id", "parallel": 2],
            as: office.principal("*"))
        #expect(most == 2)
        office.house.close()
    }

    @Test @IO func `batches wait for their ends, and a failure stops the rest`() async throws {
        let office = try await Office()
        var begun: [String] = []
        var asked = 0
        office.run = { target in
            var result = RunResult(target: target, commandID: "", state: .done)
            result.exitCode = target == "lab-2/db" ? 7 : 0
            if target == "lab-1/web", asked < 2 {
                // It is running when first asked for its end, too.
                asked += 1
                result.state = .running
                result.exitCode = nil
            }
            if !begun.contains(target) { begun.append(target) }
            return result
        }
        let arguments: JSON.Object = [
            "targets": ["*/*"], "command": "id", "batch": 2, "stop_on_failure": true,
            "parallel": 1,
        ]
        let result = try await office.call(
            "ssh_execute", arguments, as: office.principal("*"))
        let report = try report(result)
        #expect(begun == ["lab-1/db", "lab-1/web", "lab-2/db"])
        #expect(report["succeeded"] == 2 && report["failed"] == 1)
        #expect(report["not_started"] == ["lab-2/web", "vault/db", "vault/web"])
        #expect(report["summary"]?.stringValue?.contains("Not started on 3") == true)
        office.house.close()
    }
}
