// The schemas that clients hand to LLM services, read as those services read them.
import JSON
import Loop
import MCP
import Support
import Testing

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
    @Test @IO func `the list of tools has at most 12,000 tokens`() async throws {
        let store = try await StoreFixture().store
        let tools = Tools(Router(fleet: Fleet(store: store)), beside: store, in: "/none").all
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
        #expect(sum / 4 <= 12_000, "\(sum) bytes: \(shown)")
    }

    @Test func `the walk finds a number at any depth`() {
        let deep: JSON = ["a": [["b": 9_007_199_254_740_991], ["c": 9_007_199_254_740_992]]]
        #expect(deep.unsafeNumbers() == ["$.a[1].c = 9007199254740992"])
        #expect(JSON.double(-1e16).unsafeNumbers() == ["$ = -1e+16"])
        #expect(JSON.int(.min).unsafeNumbers().count == 1)
    }
}
