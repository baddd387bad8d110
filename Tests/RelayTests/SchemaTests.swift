// The schemas that clients hand to LLM services, read as those services read them.
import JSON
import Loop
import MCP
import Support
import Testing
import Wire

@testable import homeline_relay

@Suite struct SchemaTests {
    @Test @IO func `no schema holds a number that an LLM service refuses`() async throws {
        let store = try await StoreFixture().store
        let tools = Tools(Router(fleet: Fleet(store: store)), beside: store, in: "/none").all
        #expect(tools.count >= 17)
        for tool in tools {
            #expect(tool.inputSchema.unsafeNumbers() == [], "\(tool.name)")
            #expect(tool.outputSchema?.unsafeNumbers() == [], "\(tool.name)")
            #expect(JSON.object(tool.meta).unsafeNumbers() == [], "\(tool.name)")
        }
    }

    /// Clients give the whole list to their model with each request; four bytes are about a token.
    @Test(arguments: [(ToolProfile.all, 29, 12_000), (.core, 8, 3_500)])
    @IO func `the list of tools is short`(
        profile: ToolProfile, count: Int, tokens: Int
    ) async throws {
        let store = try await StoreFixture().store
        let tools = Tools(Router(fleet: Fleet(store: store)), beside: store, in: "/none")
            .all(in: profile)
        #expect(tools.count == count, "\(tools.map(\.name))")
        let sizes = tools.map { tool in
            let entry: JSON = [
                "name": .string(tool.name), "title": .string(tool.title),
                "description": .string(tool.description), "inputSchema": tool.inputSchema,
                "outputSchema": tool.outputSchema ?? .null, "_meta": .object(tool.meta),
            ]
            // The four hints, which are alike for all.
            return (name: tool.name, bytes: entry.encoded().count + 110)
        }
        let sum = sizes.reduce(0) { $0 + $1.bytes }
        let shown = sizes.sorted { $0.bytes > $1.bytes }.map { "\($0.name) \($0.bytes)" }
        #expect(sum / 4 <= tokens, "\(sum) bytes: \(shown)")
    }

    @Test func `what a client's model reads before the tools is short, and names tools that exist`()
    {
        let text = Offer.instructions
        #expect(text.count <= 1500, "\(text.count)")
        let names = Set(ToolRow.all.map(\.name))
        let words = text.split { !$0.isLetter && $0 != "_" }.map(String.init)
        let tools = words.filter(names.contains)
        #expect(tools.count >= 4, "\(tools)")
    }

    /// What a shorter list leaves out is still taken, and nothing that must be given is left out.
    @Test func `a shorter list shows some of the same arguments, and all that must be given`() {
        for row in ToolRow.all where ToolProfile.core.shows(row.name) {
            let all = row.inputSchema["properties"]?.objectValue ?? [:]
            let core = row.inputSchema(in: .core)
            let shown = core["properties"]?.objectValue ?? [:]
            #expect(
                Set(shown.keys).isStrictSubset(of: all.keys) || row.name == "ssh_session_command")
            #expect(shown.allSatisfy { all[$0.key] == $0.value }, "\(row.name)")
            #expect(core["required"] == row.inputSchema["required"], "\(row.name)")
        }
    }

    @Test func `the walk finds a number at any depth`() {
        let deep: JSON = ["a": [["b": 9_007_199_254_740_991], ["c": 9_007_199_254_740_992]]]
        #expect(deep.unsafeNumbers() == ["$.a[1].c = 9007199254740992"])
        #expect(JSON.double(-1e16).unsafeNumbers() == ["$ = -1e+16"])
        #expect(JSON.int(.min).unsafeNumbers().count == 1)
    }
}
