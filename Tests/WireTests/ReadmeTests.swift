// protocol/README.md against the contract: its tables are the contract's, and none is missing.
// HOMELINE_WRITE_TABLES=1 writes them anew in place of comparing.
import Foundation
import Support
import Testing

@testable import Wire

@Suite struct ReadmeTests {
    private static let begin = "<!-- contract: "
    private static let end = "<!-- end -->"
    private let page = GeneratedPage("protocol/README.md", mark: "contract", block: Tables.table)

    @Test func `the tables are the contract's`() throws {
        #expect(try page.difference() == nil)
    }

    @Test func `no call is without its tables`() throws {
        let (_, blocks) = try page.made(from: try page.text())
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
        let (made, _) = try page.made(from: try page.text())
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
                    #expect(try page.made(from: spoiled).text != spoiled, "\(line)")
                }
            }
            if line.hasPrefix(Self.begin) { isInside = true }
        }
        #expect(tried > 20)
    }
}
