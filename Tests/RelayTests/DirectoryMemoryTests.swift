// What completion remembers: bounded in number and bytes, for each principal and for all, and gone
// soon after nobody asks any more.
import Loop
import Support
import Testing

@testable import homeline_relay

@Suite struct DirectoryMemoryTests {
    /// A memory in which a value's bytes are its number.
    @IO private func made(
        for lifetime: Duration = .seconds(600), atMost limit: Int = 100
    ) -> BriefMemory<String, Int> {
        BriefMemory(
            for: lifetime, atMost: limit, bytes: 100, bytesOfOne: 50, places: 4, share: 4
        ) { $1 }
    }

    @Test @IO func `a principal's values give way to its newer ones`() async {
        let memory = made()
        for key in ["a", "b", "c"] {
            _ = await memory.value(key, for: "p", within: .seconds(5)) { 20 }
        }
        #expect(memory.count == 2 && memory.bytesHeld == 40)
        // The newest is known, the oldest is asked for again.
        #expect(await memory.value("c", for: "p", within: .seconds(5)) { nil } == 20)
        #expect(await memory.value("a", for: "p", within: .seconds(5)) { nil } == nil)
        // What is too long is given and not kept.
        #expect(await memory.value("d", for: "p", within: .seconds(5)) { 51 } == 51)
        #expect(memory.bytesHeld == 40)
    }

    @Test @IO func `all together have a limit of bytes, and one of values`() async {
        let memory = made()
        for principal in ["p", "q", "r"] {
            _ = await memory.value(principal, for: principal, within: .seconds(5)) { 40 }
        }
        #expect(memory.count == 2 && memory.bytesHeld == 80)
        let few = made(atMost: 3)
        for key in 0..<9 { _ = await few.value("\(key)", for: "p", within: .seconds(5)) { 1 } }
        #expect(few.count == 3)
    }

    @Test @IO func `what is old is dropped though nobody asks`() async {
        let memory = made(for: .seconds(1))
        _ = await memory.value("a", for: "p", within: .seconds(5)) { 1 }
        #expect(memory.count == 1)
        #expect(await until { memory.count == 0 })
        _ = await memory.value("b", for: "p", within: .seconds(5)) { 1 }
        #expect(await until { memory.count == 0 })
    }
}
