// The fences of `make lint` (scripts/fences.py) on a small house of their own: what may stand
// passes, and each kind of wrong arrow, circle and wide type is named with its place.
import Foundation
import Support
import Testing

@Suite struct FencesTests {
    /// A house with the rooms Top and Low in `agent/`, whose plan lets Top name Low.
    private func house(_ more: [String: String] = [:], plan: String = "") throws
        -> TemporaryDirectory
    {
        let house = try TemporaryDirectory("house")
        var files = [
            "scripts/arrows.txt": "[agent]\nTop: Low\nLow:\n[Sources]\nNet: Loop\nLoop:\n" + plan,
            "agent/Top/Top.swift": "struct Top { let low: Low }\n",
            "agent/Low/Low.swift": "struct Low { struct Own {} }\n",
            "Sources/Net/Net.swift": "public import Loop\n",
            "Sources/Loop/Loop.swift": "",
            "scripts/fences.py": try String(
                contentsOfFile: Repository.root + "/scripts/fences.py", encoding: .utf8),
        ]
        for (path, text) in more { files[path] = text }
        for (path, text) in files {
            let folder = (house.file(path) as NSString).deletingLastPathComponent
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: true)
            try house.write(text, to: path)
        }
        return house
    }

    /// What the script says of a house; empty: all is well.
    private func look(_ house: TemporaryDirectory) async throws -> String {
        let script = try RunningProcess(
            "/usr/bin/env", ["python3", house.file("scripts/fences.py")])
        let end = try await script.finished()
        #expect(end == .exited(script.errors.isEmpty ? 0 : 1), "\(script.errors)")
        return script.errors
    }

    private static let wide = (0..<15).map { "    var p\($0): Int?\n" }.joined()

    @Test func `a house that keeps to its plan passes`() async throws {
        // A name in a comment or a string, and a type inside a room, do not count as arrows.
        // Accessors, observers and static members do not count as stored properties.
        let fine = """
            /// Named here: Top.
            struct Fine {
            \(Self.wide)
                var shown: Int { 5 }
                static var shared = 3
                func words(_ own: Low.Own) -> String { "Top \\("Top")" /* Top */ }
            }
            extension Low { struct Top {}; var one: Top { Top() } }
            """
        #expect(try await look(house(["agent/Low/Fine.swift": fine])) == "")
    }

    @Test(arguments: [
        (
            "agent/Low/Up.swift", "func up(_ top: [Top]) {}\n", "",
            "agent/Low/Up.swift:1 names Top: agent: Low may not name Top"
        ),
        (
            "agent/Low/Up.swift", "let text = \"\\(Top.self)\"\n", "",
            "agent: a circle: Low → Top → Low"
        ),
        ("agent/New/New.swift", "", "", "agent/New: not in scripts/arrows.txt"),
        ("Sources/Loop/Up.swift", "import Net\n", "", "Sources: Loop may not name Net"),
        (
            "agent/Top/Top.swift", "struct Top {}\n", "",
            "agent: Top does not name Low any more"
        ),
        (
            "agent/Low/Wide.swift",
            "extension Low {\n  final class Wide {\n\(wide)    weak var q: Low?"
                + " { didSet {} }\n  }\n}\n", "",
            "agent/Low/Wide.swift:2: Low.Wide has 16 stored properties, at most 15"
        ),
        (
            "agent/Low/Wide.swift",
            "struct Wide {\n\(wide)    let (a, b) = (1, [2: 3]), c = 4\n}\n",
            "", "Wide has 18 stored properties"
        ),
        (
            "agent/Low/Wide.swift", "struct Wide {\n\(wide)    let q = 1\n}\n",
            "[wide]\nagent/Wide 15: once\n", "Wide has 16 stored properties, at most 15"
        ),
        (
            "agent/Low/Thin.swift", "struct Thin {}\n", "[wide]\nagent/Thin 16: once\n",
            "Thin has 0 stored properties: take it out"
        ),
        (
            "agent/Low/Thin.swift", "", "[wide]\nagent/Gone 16: once\n",
            "there is no type agent/Gone"
        ),
        ("agent/Low/Thin.swift", "", "[relay]\nA: B\nB: A\n", "B may name A, which does not stand"),
    ])
    func `what breaks the plan is named`(
        path: String, text: String, plan: String, words: String
    ) async throws {
        let said = try await look(house([path: text], plan: plan))
        #expect(said.contains(words), "\(said)")
    }
}
