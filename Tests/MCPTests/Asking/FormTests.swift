// Forms: their schemas in each revision, and what counts as an answer.
import JSON
import Testing

@testable import MCP

@Suite struct `Forms` {
    private static let fields = [
        FormField(
            "text", .text(length: 2...4, preset: "abc"), title: "Text", description: "A text"),
        FormField("mail", .text(format: .email), isRequired: false),
        FormField("count", .integer(range: 1...5, preset: 2), isRequired: false),
        FormField("share", .number(range: 0...1), isRequired: false),
        FormField("sure", .boolean(preset: false), isRequired: false),
        FormField(
            "color", .choice([FormChoice("r", title: "Red"), "g"], preset: "g"), isRequired: false),
        FormField("tags", .choices(["a", "b", "c"], count: 1...2), isRequired: false),
    ]

    @Test(arguments: [Revision.v2025_06_18, .v2025_11_25, .v2026_07_28])
    func `every schema is one of the revision`(revision: Revision) {
        for isNamed in [false, true] {
            let extra = FormField(
                "named", .choice([FormChoice("x", title: "X")], isNamed: isNamed))
            let form = InputRequest.form("f", "Fill in", Self.fields + [extra])
            var request = form.json(in: revision)
            if revision == .v2025_11_25 {
                request["jsonrpc"] = "2.0"
                request["id"] = 1
            }
            SchemaCheck.check(.object(request), as: "ElicitRequest", in: revision)
            let properties = request["params"]?["requestedSchema"]?["properties"]
            for field in properties?.objectValue ?? [:] {
                SchemaCheck.check(field.value, as: "PrimitiveSchemaDefinition", in: revision)
            }
            #expect(properties?["text"]?["minLength"] == 2)
        }
    }

    @Test func `a page has an id only where the revision wants one`() {
        let page = InputRequest.page("p", "Sign in", url: "https://example.org/p", id: "v1")
        var old = page.json(in: .v2025_11_25)
        #expect(old["params"]?["elicitationId"] == "v1")
        old["jsonrpc"] = "2.0"
        old["id"] = 1
        SchemaCheck.check(.object(old), as: "ElicitRequest", in: .v2025_11_25)
        let new = page.json(in: .v2026_07_28)
        #expect(new["params"]?["elicitationId"] == nil)
        SchemaCheck.check(.object(new), as: "ElicitRequest", in: .v2026_07_28)
    }

    @Test(
        arguments: [
            (["text": "abc"], nil), (["text": "abc", "other": [1]], nil),
            (["text": "abc", "mail": .null], nil), ([:], "text is missing"),
            (["text": .null], "text is missing"),
            (["text": "a"], "text must have 2 to 4 characters"),
            (["text": 7], "text must be a text"),
            (["text": "abc", "mail": "x"], "mail must be a valid email"),
            (["text": "abc", "mail": "a@b@c"], "mail must be a valid email"),
            (["text": "abc", "mail": "a@b.c"], nil), (["text": "abc", "count": 5.0], nil),
            (["text": "abc", "count": 1.5], "count must be a whole number"),
            (["text": "abc", "count": 6], "count must be between 1 and 5"),
            (["text": "abc", "share": 1], nil),
            (["text": "abc", "share": 1.1], "share must be between 0.0 and 1.0"),
            (["text": "abc", "share": "1"], "share must be a number"),
            (["text": "abc", "sure": true], nil),
            (["text": "abc", "sure": "true"], "sure must be true or false"),
            (["text": "abc", "color": "r"], nil),
            (["text": "abc", "color": "Red"], "color must be one of r, g"),
            (["text": "abc", "tags": ["a", "c"]], nil),
            (["text": "abc", "tags": ["a", "d"]], "tags must be a list of some of a, b, c"),
            (["text": "abc", "tags": "a"], "tags must be a list of some of a, b, c"),
            (["text": "abc", "tags": []], "tags must have 1 to 2 values"),
        ] as [(JSON.Object, String?)])
    func `answers are checked`(content: JSON.Object, problem: String?) {
        switch FormField.read(content, Self.fields, in: .newest) {
        case .filled: #expect(problem == nil)
        case .unfit(let found): #expect(found == problem)
        }
    }

    @Test func `a list is a text in the oldest forms`() {
        let content: JSON.Object = ["text": "abc", "tags": " a,c , "]
        #expect(
            FormField.read(content, Self.fields, in: .v2025_06_18)
                == .filled(["text": "abc", "tags": ["a", "c"]]))
    }

    @Test(
        arguments: [
            (.uri, "https://a.b/c?d", true), (.uri, "mailto:a@b", true), (.uri, "a/b", false),
            (.uri, ":a", false), (.uri, "1a:b", false), (.uri, "a b:c", false), (.uri, "", false),
            (.date, "2026-01-31", true), (.date, "2026-13-01", false), (.date, "2026-00-10", false),
            (.date, "2026-1-31", false), (.date, "", false), (.date, "2026-01-31T", false),
            (.dateTime, "2026-01-31T08:15:00Z", true),
            (.dateTime, "2026-01-31T08:15:00.25+01:00", true),
            (.dateTime, "2026-01-31T08:15:00", false), (.dateTime, "2026-01-31T08:15:00.Z", false),
            (.dateTime, "2026-01-31 08:15:00Z", false), (.dateTime, "2026-01-31T08:15:00+1", false),
            (.email, "a@b", true), (.email, "@b", false), (.email, "a b@c", false),
        ] as [(FormFormat, String, Bool)])
    func `formats are recognised`(format: FormFormat, text: String, isValid: Bool) {
        #expect(format.accepts(text) == isValid)
    }

    @Test(
        arguments: [
            ([:], .newest, []), (["elicitation": [:]], .newest, [.form]),
            (["elicitation": ["form": [:]]], .newest, [.form]),
            (["elicitation": ["url": [:]]], .newest, [.url]),
            (["elicitation": ["url": [:], "form": [:]]], .newest, [.form, .url]),
            (["elicitation": ["url": [:]]], .v2025_06_18, [.form]),
            (["elicitation": [:], "sampling": [:]], .v2025_03_26, [.sampling]),
            (["elicitation": true, "sampling": 1, "roots": .null], .newest, []),
            (["roots": ["listChanged": true]], .v2025_11_25, [.roots]),
            (["extensions": ["io.modelcontextprotocol/tasks": [:]]], .newest, [.tasks]),
            (["extensions": ["io.modelcontextprotocol/tasks": [:]]], .v2025_11_25, []),
            (["tasks": [:]], .newest, []),
        ] as [(JSON.Object, Revision, Set<ClientFeature>)])
    func `capabilities are read as their revision has them`(
        declared: JSON.Object, revision: Revision, features: Set<ClientFeature>
    ) {
        let capabilities = ClientCapabilities(declared, in: revision)
        #expect(Set(ClientFeature.allCases.filter(capabilities.has)) == features)
    }
}
