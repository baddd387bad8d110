// The table of a program's limits: `PROGRAM limits` and protocol/README.md show the constants of
// the code. Invariant: a limit that is added or changed appears in both, or its program's test
// fails.
public import Configuration
import Testing

/// Checks that a program and the protocol's page show the program's limits; `name` is the program's
/// in the page's mark.
public func expectLimits(_ limits: [Limit], of program: Program, named name: String) throws {
    let page = GeneratedPage("protocol/README.md", mark: "\(name) limits") { _ in limits.markdown }
    #expect(try page.difference() == nil)
    #expect(try page.made(from: try page.text()).blocks.count == 1)
    guard case .print(let text) = try program.parse(["limits"]) else {
        Issue.record("limits is a command that runs")
        return
    }
    for row in limits { #expect(text.contains(row.what) && text.contains(row.value)) }
    #expect(program.help().contains("limits"))
}
