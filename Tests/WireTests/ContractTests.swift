// The contract against itself: what a schema says, the parser does; what a row lists, the vectors
// show.
import JSON
import Support
import Testing

@testable import Wire

@Suite struct ContractTests {
    /// Arguments that go together with a method's other ones: the vector's, or these.
    private func arguments(_ method: Wire.Method, with name: String) throws -> JSON.Object {
        var all = try Vectors.arguments(method).object
        switch (method, name) {
        case (.openSession, "reopen"): all["target"] = nil
        case (.openSession, "secret"), (.execute, "secret"), (.listFiles, "secret"),
            (.readFile, "secret"), (.writeFile, "secret"), (.streamFile, "secret"),
            (.readHost, "secret"), (.reportHost, "secret"), (.openForward, "secret"),
            (.editFile, "secret"), (.manageFiles, "secret"), (.findFiles, "secret"):
            all["password"] = nil
        case (.listFiles, "session_id"), (.readFile, "session_id"), (.writeFile, "session_id"),
            (.streamFile, "session_id"), (.editFile, "session_id"), (.manageFiles, "session_id"),
            (.findFiles, "session_id"):
            for name in ["target"] + TargetAccess.arguments.map(\.name) { all[name] = nil }
        case (.sendInput, "adopt"), (.sendInput, "secret"), (.sendInput, "password"):
            all["text"] = nil
            all["keys"] = nil
        case (.closeSession, "session_id"): all["all"] = nil
        case (.readFile, "tail"):
            all["offset"] = nil
            all["grep"] = nil
        case (.writeFile, "base64"): all["content"] = nil
        case (.writeFile, "atomic"): all["append"] = nil
        case (.readOutput, "view"): all["until"] = nil
        default: break
        }
        return all
    }

    /// Values at the limits of a kind, and values just beyond them.
    private func limits(_ kind: Kind) -> (fits: [JSON], beyond: [JSON]) {
        switch kind {
        case .integer(let range):
            let (low, high) = (range.lowerBound, range.upperBound)
            return (
                [.int(Int64(low)), .int(Int64(high))],
                [.int(Int64(low - 1)), .int(Int64(high + 1)), .double(0.5 + Double(low)), "1"]
            )
        case .seconds(let range):
            let (low, high) = (range.lowerBound, range.upperBound)
            return (
                [.double(low), .double(high), .double((low + high) / 2)],
                [.double(low - 0.01), .double(high + 0.01), "1"]
            )
        case .list(.text, let limit?):
            let full = [JSON](repeating: "a", count: limit)
            return ([[], .array(full)], [.array(full + ["a"]), [1], "a"])
        case .texts(let limit):
            let full = (0..<limit).map { ("\($0)", JSON.string("x")) }
            return (
                [[:], .object(JSON.Object(full))],
                [.object(JSON.Object(full + [("more", "x")])), ["a": 1], []]
            )
        case .choice(let options): return (options.map { .string($0) }, ["nothing like it", 1])
        case .flag: return ([], [1, "true"])
        case .text(Contract.contentBytes): return ([], [1, ["a"], true])
        case .text(let limit):
            return ([], [1, ["a"], true, .string(String(repeating: "x", count: limit + 1))])
        case .object: return ([[:]], [[], "x"])
        case .number, .list, .nullable: return ([], [])
        }
    }

    @Test(arguments: Wire.Method.allCases)
    func `the parser takes what the row says, and nothing beyond`(method: Wire.Method) throws {
        for one in method.row.arguments {
            let all = try arguments(method, with: one.name)
            let (fits, beyond) = limits(one.kind)
            for value in fits {
                let fault = Vectors.fault(of: method, Fields(object: all.with(one.name, value)))
                #expect(fault == nil, "\(method) \(one.name) \(value)")
            }
            for value in beyond {
                let fault = Vectors.fault(of: method, Fields(object: all.with(one.name, value)))
                #expect(fault?.code == .invalidArgument, "\(method) \(one.name) \(value)")
                #expect(fault?.message.contains("\"\(one.name)\"") == true)
            }
            guard one.isRequired else { continue }
            let fault = Vectors.fault(of: method, Fields(object: all.with(one.name, nil)))
            #expect(fault?.message == "\"\(one.name)\" is missing", "\(method)")
        }
    }

    @Test func `the members of the terminal have their limits too`() throws {
        guard
            case .object(let members)? = Wire.Method.openSession.row.arguments.first(where: {
                $0.name == "term"
            })?.kind
        else { return #expect(Bool(false)) }
        #expect(members.map(\.name) == ["cols", "rows", "type"])
        for one in members {
            for value in limits(one.kind).beyond {
                let term: JSON = .object([one.name: value])
                let fields = Fields(object: ["target": "a/b", "term": term])
                let fault = Vectors.fault(of: .openSession, fields)
                #expect(fault?.message.contains("\"term.\(one.name)\"") == true, "\(term)")
            }
        }
    }

    @Test(arguments: Wire.Method.allCases)
    func `the vectors show what the row lists, and no more`(method: Wire.Method) throws {
        let row = method.row
        let request = try Vectors.arguments(method).object.keys
        #expect(Set(request).isSubset(of: row.arguments.map(\.name)), "\(method)")
        let reply = try Vectors.result(method.rawValue).parsed()
        let known = Set(row.result.map(\.name))
        let shown = Set(reply.objectValue?.keys ?? [])
        #expect(shown.isSubset(of: known), "\(method): \(shown.subtracting(known))")
        let required = Set(row.result.filter(\.isRequired).map(\.name))
        #expect(required.isSubset(of: shown), "\(method): \(required.subtracting(shown))")
    }

    @Test func `names, sentences and numbers are fit to be shown`() {
        for tool in ToolRow.all {
            #expect(tool.inputSchema.unsafeNumbers() == [], "\(tool.name)")
            #expect(tool.outputSchema.unsafeNumbers() == [], "\(tool.name)")
            #expect(!tool.scopes.isEmpty && !tool.routes.isEmpty, "\(tool.name)")
            let names = tool.arguments.map(\.name)
            #expect(Set(names).count == names.count, "\(tool.name)")
            for one in tool.arguments + tool.result {
                #expect(one.sentence.hasSuffix("."), "\(tool.name) \(one.name): \(one.sentence)")
            }
        }
        let names = ToolRow.all.map(\.name)
        #expect(Set(names).count == names.count)
    }

    @Test func `no input takes a member that is not declared, at any depth`() {
        func open(_ schema: JSON, _ path: String) -> [String] {
            let inside = (schema["properties"]?.objectValue ?? [:]).flatMap {
                open($0.value, "\(path).\($0.key)")
            }
            let items = schema["items"].map { open($0, path + "[]") } ?? []
            guard schema["type"] == "object" else { return inside + items }
            let isClosed = schema["additionalProperties"] == false
            let isMap = schema["additionalProperties"]?["type"] == "string"
            return inside + items + (isClosed || isMap ? [] : [path])
        }
        for tool in ToolRow.all { #expect(open(tool.inputSchema, tool.name) == []) }
    }

    @Test func `what changes a target is named here, one by one`() {
        let changing = Wire.Method.allCases.filter(\.row.changesTargets)
        #expect(
            changing == [
                .openSession, .runCommand, .sendInput, .closeSession, .execute, .cancelCommand,
                .writeFile, .editFile, .manageFiles, .startTransfer, .openForward,
            ])
        for method in changing {
            #expect(method.row.rules?.hints.readOnly == false, "\(method)")
        }
    }

    @Test func `what runs once has a key, and all else may be repeated`() {
        let once = Wire.Method.allCases.filter(\.row.runsOnce)
        #expect(once == Wire.Method.allCases.filter { $0.row.changesTargets || $0 == .readOutput })
    }

    @Test func `the six drifts are gone`() throws {
        func schema(_ tool: String, _ argument: String) -> JSON? {
            ToolRow.all.first { $0.name == tool }?.checkedSchema["properties"]?[argument]
        }
        #expect(schema("ssh_session_read", "max_bytes")?["minimum"] == 1)
        #expect(schema("ssh_session_command", "max_bytes")?["minimum"] == 0)
        #expect(schema("ssh_session_command", "timeout_s")?["minimum"] == 0.1)
        #expect(schema("ssh_execute", "timeout_s")?["minimum"] == 0.1)
        #expect(schema("ssh_command_list", "target")?["type"] == "string")
        #expect(schema("ssh_session_open", "via")?["maxItems"] == 8)
        #expect(schema("ssh_session_send", "keys")?["maxItems"] == 100)
        #expect(schema("ssh_session_open", "term")?["properties"]?["cols"]?["maximum"] == 1000)
        for (tool, wait) in [
            ("ssh_session_command", "10"), ("ssh_session_send", "1"), ("ssh_session_read", "0"),
            ("ssh_execute", "10"), ("ssh_command_output", "0"),
        ] {
            let text = schema(tool, "wait_s")?["description"]?.stringValue
            #expect(text?.hasSuffix("Default \(wait).") == true, "\(tool): \(text ?? "")")
        }
    }

    @Test func `a deadline is what the call asks to wait, and more`() throws {
        for (method, arguments, seconds) in [
            (.runCommand, [:], 25), (.runCommand, ["wait_s": 50], 65), (.sendInput, [:], 16),
            (.readOutput, ["wait_s": 2.5], 17.5), (.readCommand, [:], 15), (.execute, [:], 85),
            (.openSession, [:], 75), (.openSession, ["reopen": "a.b"], 100),
            (.openSession, ["connect_timeout_s": 5, "login_timeout_s": 6], 26),
            (.describe, [:], 10), (.listFiles, [:], 105),
        ] as [(Wire.Method, JSON.Object, Double)] {
            let time = try method.row.deadline.time(for: Fields(object: arguments))
            #expect(time == .seconds(seconds), "\(method) \(arguments)")
        }
        #expect(throws: Fault.self) {
            try Wire.Method.runCommand.row.deadline.time(for: Fields(object: ["wait_s": 51]))
        }
    }
}

extension JSON.Object {
    fileprivate func with(_ name: String, _ value: JSON?) -> JSON.Object {
        var object = self
        object[name] = value
        return object
    }
}
