// protocol/README.md against the contract: its tables are the contract's, and none is missing.
// HOMELINE_WRITE_TABLES=1 writes them anew in place of comparing.
import Foundation
import Support
import Testing

@testable import Wire

@Suite struct ReadmeTests {
    private static let path = "\(Repository.root)/protocol/README.md"
    private static let begin = "<!-- contract: "
    private static let end = "<!-- end -->"

    /// The page with every table as the contract says it, and what the tables are of.
    private func page(_ text: String) throws -> (text: String, blocks: [[String]]) {
        var lines: [String] = []
        var blocks: [[String]] = []
        var isInside = false
        for line in text.components(separatedBy: "\n") {
            if line == Self.end { isInside = false }
            if !isInside { lines.append(line) }
            guard line.hasPrefix(Self.begin) else { continue }
            let words = line.dropFirst(Self.begin.count).split(separator: " ").dropLast()
            blocks.append(words.map(String.init))
            lines.append(try #require(Tables.table(words.map(String.init)), "\(line)"))
            isInside = true
        }
        return (lines.joined(separator: "\n"), blocks)
    }

    @Test func `the tables are the contract's`() throws {
        let text = try String(contentsOfFile: Self.path, encoding: .utf8)
        let (made, _) = try page(text)
        if ProcessInfo.processInfo.environment["HOMELINE_WRITE_TABLES"] != nil {
            try made.write(toFile: Self.path, atomically: true, encoding: .utf8)
            return
        }
        let (is_, should) = (
            text.components(separatedBy: "\n"), made.components(separatedBy: "\n")
        )
        #expect(is_.count == should.count)
        for (line, other) in zip(is_, should) where line != other {
            Issue.record("the page says \(line), the contract \(other)")
            return
        }
    }

    @Test func `no call is without its tables`() throws {
        let (_, blocks) = try page(try String(contentsOfFile: Self.path, encoding: .utf8))
        #expect(blocks.contains(["calls"]) && blocks.contains(["tools"]))
        let arguments = blocks.filter { $0.first == "arguments" }.flatMap { $0.dropFirst() }
        #expect(Set(arguments) == Set(Wire.Method.allCases.map(\.rawValue)))
        #expect(arguments.count == Set(arguments).count)
        let shown = blocks.filter { $0.first == "result" }.compactMap {
            Wire.Method(rawValue: $0.last ?? "")
        }
        for method in Wire.Method.allCases {
            let names = method.row.result.map(\.name)
            #expect(
                names.isEmpty || shown.contains { $0.row.result.map(\.name) == names },
                "\(method)")
        }
    }

    @Test func `a row that is removed or changed is found`() throws {
        let (made, _) = try page(try String(contentsOfFile: Self.path, encoding: .utf8))
        let lines = made.components(separatedBy: "\n")
        var isInside = false
        var tried = 0
        for (place, line) in lines.enumerated() {
            if line == Self.end { isInside = false }
            if isInside, line.hasPrefix("| "), place % 5 == 0 {
                tried += 1
                var less = lines
                less.remove(at: place)
                var changed = lines
                changed[place] += " and more"
                for wrong in [less, changed] {
                    let spoiled = wrong.joined(separator: "\n")
                    #expect(try page(spoiled).text != spoiled, "\(line)")
                }
            }
            if line.hasPrefix(Self.begin) { isInside = true }
        }
        #expect(tried > 20)
    }
}
