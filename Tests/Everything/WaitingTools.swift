// A tool that a client can cancel, and a tool that tells whether it was. Invariant: a wait ends at
// the latest after 30 s, as no client of a test waits longer.
import Loop
import MCP

@IO final class WaitingTools {
    private var cancelled = 0

    var all: [Tool] {
        [
            .fixture("test_wait", "Waits until it is cancelled, or for 30 s.") { [self] call in
                call.progress?.report(0, total: 1, message: "waiting")
                do throws(CancellationError) {
                    try await IO.sleep(for: .seconds(30))
                    return ToolResult(text: "Waited for 30 s.")
                } catch {
                    cancelled += 1
                    return ToolResult(text: "Cancelled.")
                }
            },
            .fixture("test_cancelled_count", "Tells how many calls of test_wait were cancelled.") {
                [self] _ in ToolResult(text: .string("\(cancelled)"))
            },
        ]
    }
}
