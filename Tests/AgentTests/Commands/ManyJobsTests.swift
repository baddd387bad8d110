// Many background commands through one link, 30 at a time: none is refused, and nothing of them is
// left. 150 in every run; 1,000 with HOMELINE_LAB=long, which prints figures.
import Foundation
import JSON
import Loop
import Support
import Testing
import Wire

@testable import homeline_agent

@Suite(.serialized, .timeLimit(.minutes(5))) struct ManyJobsTests {
    private static let environment = ProcessInfo.processInfo.environment
    private static let count = environment["HOMELINE_LAB"] == "long" ? 1000 : 150

    /// What a process has: descriptors, and its memory in KiB.
    private static func use() -> (descriptors: Int, memory: Int) {
        let files = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []
        let pages = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8))?
            .split(separator: " ").dropFirst().first.flatMap { Int($0) }
        return (files.count, (pages ?? 0) * 4)
    }

    /// The processes that carry the mark of a command of this test.
    private static func marked(_ prefix: String) -> Int {
        let all = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return all.count { name in
            guard Int(name) != nil,
                let data = FileManager.default.contents(
                    atPath: "/proc/\(name)/environ")
            else { return false }
            return String(decoding: data, as: UTF8.self).contains("HOMELINE_COMMAND=\(prefix)")
        }
    }

    @Test(.needs("sshd")) func `none is refused, and nothing is left`() async throws {
        try await withCommands("box", ["MaxSessions": "10"]) { setup in
            let desk = "site1."
            _ = try await setup.run("true")
            let before = Self.use()
            let start = IO.now
            var next = 0
            let workers = (0..<30).map { _ in
                IO.task { () -> [String] in
                    var wrong: [String] = []
                    while next < Self.count {
                        let number = next
                        next += 1
                        do {
                            let begun = try await setup.run("echo \(number); exit \(number % 100)")
                            {
                                $0.isBackground = true
                            }
                            let over = try await setup.output(
                                begun.commandID, wait: .seconds(50)
                            ) { $0.goal = .end }
                            let isRight =
                                over.exitCode == number % 100 && over.state == .done
                                && over.stdout.text == "\(number)\n"
                            if !isRight { wrong.append("\(over)") }
                        } catch {
                            wrong.append("\(number): \(error)")
                        }
                    }
                    return wrong
                }
            }
            for worker in workers {
                let wrong = await worker.value
                #expect(wrong.isEmpty, "\(wrong.prefix(3))")
            }
            let time = (IO.now - start) / .seconds(1)
            #expect(setup.commands.runningCount == 0 && setup.commands.places.taken == 0)
            #expect(setup.commands.all.count <= Commands.kept)
            #expect(await holds { Self.marked(desk) == 0 })
            let after = Self.use()
            // Links that were opened for the crowd, and a pipe or two of what runs beside the test.
            let links = setup.links.open.count
            #expect(after.descriptors - before.descriptors <= links + 20, "\(before) \(after)")
            print(
                "\(Self.count) jobs in \(time) s over \(links) links; descriptors"
                    + " \(before.descriptors) -> \(after.descriptors); memory"
                    + " \(before.memory) -> \(after.memory) KiB")
        }
    }
}
