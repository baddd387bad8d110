// Tools whose calls can go on as tasks. The names and texts are those that public conformance
// runners look for.
import JSON
import Loop
import MCP

@IO struct TaskTools {
    let tasks: FixtureTasks

    var all: [Tool] {
        [greet, compute, failing, broken, delete, inputs, afterInput]
    }

    private var greet: Tool {
        .fixture("greet", "Greets at once.", schema: AskingTools.schema("name")) { call in
            ToolResult(text: .string("Hello, \(call.arguments["name"]?.stringValue ?? "")!"))
        }
    }

    private var compute: Tool {
        let schema: JSON = [
            "type": "object", "required": ["seconds"], "additionalProperties": false,
            "properties": [
                "seconds": ["type": "number", "minimum": 0, "maximum": 60],
                "label": ["type": "string"],
            ],
        ]
        return .fixture("slow_compute", "Takes as long as it is told.", schema: schema) { call in
            let seconds = call.arguments["seconds"]?.doubleValue ?? 0
            let label = call.arguments["label"]?.stringValue ?? "computation"
            let result = ToolResult(text: .string("\(label) took \(seconds) s"))
            guard seconds > 0 else { return result }
            @IO @Sendable func work() async { try? await IO.sleep(for: .seconds(seconds)) }
            guard call.capabilities.has(.tasks) else {
                await work()
                return result
            }
            return tasks.start { _ in
                await work()
                return .completed(result)
            }
        }
    }

    private var failing: Tool {
        .fixture("failing_job", "Is a task, and fails.") { (call) throws(Interruption) in
            try call.require(.tasks)
            return tasks.start { _ in
                try? await IO.sleep(for: .seconds(1))
                return .completed(.failure("The job failed, as it was meant to."))
            }
        }
    }

    private var broken: Tool {
        .fixture("protocol_error_job", "Is a task that ends with a protocol error.") {
            (call) throws(Interruption) in
            try call.require(.tasks)
            return tasks.start { _ in
                try? await IO.sleep(for: .milliseconds(100))
                return .failed(.internalError)
            }
        }
    }

    private var delete: Tool {
        .fixture(
            "confirm_delete", "Is a task that asks before it pretends to delete a file.",
            schema: AskingTools.schema("filename")
        ) { (call) throws(Interruption) in
            try call.require(.tasks, .form)
            let file = call.arguments["filename"]?.stringValue ?? ""
            return tasks.start { job in
                let question = InputRequest.form(
                    "confirm", "Delete \(file)?", [FormField("confirm", .boolean())])
                guard let answers = await job.ask(question) else { return .cancelled }
                let isSure =
                    if case .accepted(let content)? = answers["confirm"] {
                        content["confirm"] == true
                    } else { false }
                let text = isSure ? "Deleted \(file)" : "Kept \(file)"
                return .completed(ToolResult(text: .string(text)))
            }
        }
    }

    private var inputs: Tool {
        .fixture("multi_input", "Is a task that asks two things at once.") {
            (call) throws(Interruption) in
            try call.require(.tasks, .form)
            return tasks.start { job in
                let answers = await job.ask(
                    .form("name", "What is your name?", [FormField("name", .text())]),
                    .form("confirm", "Go on?", [FormField("confirm", .boolean())]))
                guard let answers else { return .cancelled }
                let texts = ["name", "confirm"].map { key in
                    AskingTools.outcome(answers[key] ?? .cancelled)
                }
                return .completed(ToolResult(text: .string(texts.joined(separator: "; "))))
            }
        }
    }

    private var afterInput: Tool {
        .fixture("test_tool_with_task", "Asks for a name, and goes on as a task.") {
            (call) throws(Interruption) in
            try call.require(.tasks)
            let answers = try call.ask(RoundTools.userName)
            let name = RoundTools.name(answers) ?? "stranger"
            return tasks.start { _ in
                try? await IO.sleep(for: .milliseconds(100))
                return .completed(ToolResult(text: .string("Hello, \(name)! The task is done.")))
            }
        }
    }
}
