// The table of the agent's limits: the program and protocol/README.md show the constants of the
// code.
import Support
import Testing

@testable import homeline_agent

@Suite struct LimitsTests {
    @Test func `the program and the protocol's page show the limits`() throws {
        try expectLimits(Limits.all, of: Settings.program, named: "agent")
    }
}
