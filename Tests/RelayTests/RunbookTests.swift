// Runbooks: how a file is read and refused, how its places are filled in, the operator's folder.
import Glibc
import JSON
import Loop
import MCP
import Support
import Testing
import Wire

@testable import homeline_relay

@Suite struct RunbookTests {
    private static let good = """
        ---
        # What our proxies need.
        name: restart-proxy
        title: "Restart: a proxy"
        description: Restarts a proxy.
        arguments:
          - name: target
            description: The host
            required: true
            complete: target
          - name: why
            default: nobody said
        resources:
          - homeline://hosts/{{target}}/report
        ---

        Restart {{target}}: {{why}}. Keep {{ this }} and {{.Go}}.

        """

    @Test func `a file is read`() throws {
        let book = try RunbookFile.read(Self.good, named: "file")
        #expect(book.name == "restart-proxy" && book.title == "Restart: a proxy")
        #expect(book.description == "Restarts a proxy.")
        #expect(book.arguments.map(\.name) == ["target", "why"])
        #expect(book.arguments[0].isRequired && book.arguments[0].completion == .target)
        #expect(book.arguments[1].fallback == "nobody said")
        #expect(
            book.text(with: ["target": "site/a\nb{{why}}"])
                == "Restart site/a b{{why}}: nobody said. Keep {{ this }} and {{.Go}}.")
        #expect(
            book.resources(with: ["target": "site/a/../b"]) == [
                "homeline://hosts/site/a%2F..%2Fb/report"
            ])
        #expect(book.resources(with: [:]).isEmpty)
        // Lines of another system.
        let other = Self.good.split(separator: "\n", omittingEmptySubsequences: false)
            .joined(separator: "\r\n")
        #expect(try RunbookFile.read(other, named: "x").arguments == book.arguments)
    }

    @Test(
        arguments: [
            ("no front matter", "x", 1), ("no end", "---\nname: a\n", 3),
            ("no description", "---\nname: a\n---\nx", nil),
            ("no text", "---\ndescription: d\n---\n", 3),
            ("an unknown key", "---\nname: a\ndescrption: d\n---\nx", 3),
            ("a key twice", "---\ntitle: a\ntitle: b\n---\nx", 3),
            ("a bad name", "---\ndescription: d\nname: A b\n---\nx", 3),
            ("no colon", "---\nname\n---\nx", 2), ("no space", "---\nname:a\n---\nx", 2),
            ("a list as text", "---\narguments: a\n---\nx", 2),
            ("an item of nothing", "---\n- name: a\n---\nx", 2),
            ("a member of nothing", "---\nname: a\n  title: b\n---\nx", 3),
            ("a tab", "---\narguments:\n\t- name: a\n---\nx", 3),
            ("YAML", "---\ndescription: [a]\n---\nx", 2),
            ("a block", "---\ndescription: |\n---\nx", 2),
            ("an open quote", "---\ndescription: \"a\n---\nx", 2),
            ("not a truth", "---\narguments:\n- name: a\n  required: yes\n---\nx", 4),
            ("no such kind", "---\narguments:\n- name: a\n  complete: hosts\n---\nx", 4),
            ("an argument twice", "---\narguments:\n- name: a\n- name: a\n---\nx", 4),
            ("another resource", "---\nresources:\n- file:///etc/passwd\n---\nx", 3),
            ("an undeclared place", "---\ndescription: d\n---\nx\n{{y}}", 5),
            ("a long value", "---\ntitle: \(String(repeating: "a", count: 2000))\n---\nx", 2),
        ] as [(String, String, Int?)])
    func `what is no runbook is refused with its line`(
        what: String, text: String, line: Int?
    ) {
        #expect { try RunbookFile.read(text, named: "file") } throws: {
            ($0 as? RunbookError).map { $0.line == line } ?? false
        }
    }

    @Test func `any text is read or refused`() {
        var random = SystemRandomNumberGenerator()
        let pieces = [
            "---\n", "name: a\n", "\n", "- ", ":", " ", "{{", "}}", "arguments:\n", "  ", "\"", "é",
            "description: d\n", "resources:\n", "- name: b\n", "{{b}}", "\r\n", "\0",
            "- homeline://",
        ]
        for _ in 0..<20_000 {
            let text = (0..<Int.random(in: 0..<16, using: &random)).map { _ in
                pieces.randomElement(using: &random) ?? ""
            }.joined()
            if let book = try? RunbookFile.read("---\n" + text, named: "file") {
                #expect(!book.text.isEmpty && !book.description.isEmpty)
                _ = book.text(with: ["b": "{{b}}"])
            }
        }
    }

    @Test func `Homeline's own are read, and name tools that there are`() throws {
        let books = Runbooks.builtIn
        #expect(
            books.map(\.name) == [
                "compare-hosts", "diagnose-host", "disk-full", "first-look", "incident-handover",
                "rotate-keys", "service-down",
            ])
        let tools = Set(ToolRow.all.map(\.name))
        for book in books {
            #expect((500...6000).contains(book.text.utf8.count), "\(book.name)")
            for argument in book.arguments { #expect(!argument.description.isEmpty) }
            // What stands in backquotes and looks like a tool is one.
            for word in book.text.split(separator: "`", omittingEmptySubsequences: false) {
                let starts = ["ssh_", "file_", "host_", "agent_", "target_", "forward_"]
                guard starts.contains(where: word.hasPrefix) else { continue }
                #expect(tools.contains(String(word)), "\(book.name): \(word)")
            }
            let values = Dictionary(
                uniqueKeysWithValues: book.arguments.map { ($0.name, "site/db") })
            for uri in book.resources(with: values) {
                #expect(ResourceURI(uri) != nil, "\(book.name): \(uri)")
            }
        }
    }

    // MARK: The folder

    @IO private final class Shelf {
        let folder: TemporaryDirectory
        let books: Runbooks
        var lines: [String] = []
        var changes = 0

        init() throws {
            folder = try TemporaryDirectory("prompts")
            let written = written
            books = Runbooks(
                folder: folder.path, { (uri, _) throws(MCPError) in .json(uri, "{}") },
                log: { line in written.withLock { $0.append(line) } })
            books.onChange = { [unowned self] in changes += 1 }
        }

        private let written = Box<[String]>([])
        var log: [String] { written.withLock { $0 } }

        func book(_ name: String, _ text: String) throws {
            try folder.write("---\ndescription: \(text)\n---\n\(text)", to: "\(name).md")
        }

        func description(_ name: String) -> String? {
            books.all.first { $0.name == name }?.description
        }
    }

    @Test @IO func `files that change are read again, and a bad one costs a line`() async throws {
        let shelf = try Shelf()
        try shelf.book("ours", "first")
        try shelf.book("disk-full", "our own way")
        try shelf.folder.write("---\nname: a\nnmae: b\n---\nx", to: "bad.md")
        try shelf.folder.write("not looked at", to: "notes.txt")
        #expect(mkfifo(shelf.folder.file("pipe.md"), 0o600) == 0)
        await shelf.books.start()
        #expect(shelf.changes == 1 && shelf.books.canChange)
        #expect(shelf.description("ours") == "first")
        #expect(shelf.description("disk-full") == "our own way")
        #expect(shelf.books.all.count == Runbooks.builtIn.count + 1)
        #expect(shelf.log.count == 2, "\(shelf.log)")
        #expect(
            shelf.log.contains {
                $0.hasPrefix("prompts: ") && $0.contains("/bad.md: line 3:")
                    && $0.contains("did you mean \"name\"?")
            }, "\(shelf.log)")
        // What lies in no line is named without one.
        #expect(
            shelf.log.contains { $0.hasSuffix("/pipe.md: it is not a regular file") },
            "\(shelf.log)")
        try shelf.book("ours", "second, which is longer")
        #expect(await until { shelf.description("ours") == "second, which is longer" })
        try shelf.book("ours", "third")
        await shelf.books.reload()
        #expect(shelf.description("ours") == "third")
        #expect(unlink(shelf.folder.file("disk-full.md")) == 0)
        #expect(await until { shelf.description("disk-full")?.contains("Finds") == true })
        // What others can change tells no model what to do.
        #expect(chmod(shelf.folder.file("ours.md"), 0o666) == 0)
        await shelf.books.reload()
        #expect(shelf.description("ours") == nil)
    }

    @Test @IO func `readings that are asked for at once are two at most`() async throws {
        let shelf = try Shelf()
        try shelf.folder.write("no runbook", to: "bad.md")
        let readings = (0..<10).map { _ in IO.task { await shelf.books.reload() } }
        for reading in readings { await reading.value }
        #expect((1...2).contains(shelf.log.count), "\(shelf.log)")
        // What was written before the question is seen after it.
        let reading = IO.task { await shelf.books.reload() }
        try shelf.book("ours", "new")
        await shelf.books.reload()
        #expect(shelf.description("ours") == "new")
        await reading.value
    }

    @Test @IO func `long files, many files and no folder cost a line`() async throws {
        let shelf = try Shelf()
        try shelf.book("long", String(repeating: "a", count: RunbookFolder.longestFile))
        for number in 0..<RunbookFolder.mostFiles + 5 { try shelf.book("m\(number)", "x") }
        let content = RunbookFolder(path: shelf.folder.path).read()
        #expect(content.runbooks.count == RunbookFolder.mostFiles - 1)
        #expect(content.problems.count == 2, "\(content.problems)")
        let none = RunbookFolder(path: shelf.folder.file("none")).read()
        #expect(none.runbooks.isEmpty && none.problems.count == 1)
    }

    @Test @IO func `a prompt has its text, then its resources or why they are missing`()
        async throws
    {
        let book = try RunbookFile.read(Self.good, named: "file")
        let context = CallContext(principal: MCP.Principal(name: "p"))
        func messages(
            _ reader: @escaping Runbooks.Reader
        ) async throws -> [JSON] {
            try await PromptOf(runbook: book, reader: reader).prompt.handler(
                PromptCall(name: "x", arguments: ["target": "site/db"], context: context))
        }
        let good = try await messages { (uri, _) throws(MCPError) in .json(uri, "{\"a\":1}") }
        #expect(good[0]["content"]?["text"]?.stringValue?.hasPrefix("Restart site/db: ") == true)
        #expect(
            good[1]["content"]?["resource"]?["uri"] == "homeline://hosts/site/db/report")
        let bad = try await messages { (_, _) throws(MCPError) in throw .unavailable("offline") }
        #expect(
            bad.last?["content"]?["text"]
                == "homeline://hosts/site/db/report could not be read: offline")
        let long = try await messages { (uri, _) throws(MCPError) in
            .json(uri, String(repeating: "a", count: 1 << 20))
        }
        #expect(long.last?["content"]?["text"]?.stringValue?.contains("is long") == true)
        let binary = try await messages { (uri, _) throws(MCPError) in
            Resources.Reading([
                ResourceContents(uri: uri, body: .base64(String(repeating: "A", count: 40_000)))
            ])
        }
        #expect(binary.last?["content"]?["text"]?.stringValue?.contains("is long") == true)
    }
}
