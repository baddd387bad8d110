import JSON
import Testing

@testable import Wire

@Suite struct TargetAccessTests {
    @Test func `ways to log in are taken as one object and by themselves`() throws {
        let given: JSON.Object = [
            "target": "site/web", "connect": ["username": "ada", "port": 22], "key": "~/.ssh/id",
        ]
        let all = try #require(try TargetAccess.separated(given))
        #expect(
            JSON.object(all) == [
                "target": "site/web", "key": "~/.ssh/id", "username": "ada", "port": 22,
            ])
        let access = try TargetAccess(Fields(object: all))
        #expect(access.username == "ada" && access.port == 22 && access.key == "~/.ssh/id")
        #expect(try TargetAccess.separated(["target": "site/web", "username": "ada"]) == nil)
    }

    @Test func `what is given twice is refused`() {
        let error = #expect(throws: Fault.self) {
            try TargetAccess.separated(["username": "eve", "connect": ["username": "ada"]])
        }
        #expect(error?.message == "\"username\" is given twice: once in \"connect\"")
    }

    @Test func `tools show the object, and take both`() {
        for tool in ToolRow.all where tool.arguments.contains(where: { $0.name == "username" }) {
            let shown = tool.inputSchema["properties"]?.objectValue ?? [:]
            let checked = tool.checkedSchema["properties"]?.objectValue ?? [:]
            let isShown = shown["session_id"] == nil
            #expect((shown["connect"]?["additionalProperties"] == false) == isShown, "\(tool.name)")
            #expect(shown["username"] == nil && shown["password"] == nil, "\(tool.name)")
            #expect(checked["connect"] != nil && checked["username"] != nil, "\(tool.name)")
        }
    }
}
