// The ids that an agent gives out: short, and never given again.
import Foundation
import Loop
import Support
import Testing
import Wire

@testable import homeline_agent

@Suite struct HandleTests {
    @Test @IO func `handles are short and count from one`() throws {
        let folder = try TemporaryDirectory()
        let membership = Membership(
            name: "site", id: "k3f9abcdefghijkl", numbers: HandleNumbers(in: folder.path))
        membership.handlePrefix = "k3f9"
        #expect(membership.newHandle() == "k3f9.1" && membership.newHandle() == "k3f9.2")
        let all = (0..<5000).map { _ in membership.newHandle() }
        #expect(Set(all).count == all.count)
        #expect(all.allSatisfy { $0.utf8.count <= 12 && $0.hasPrefix("k3f9.") })
        // Each is one word of a shell and a file name.
        let plain = Set("abcdefghijklmnopqrstuvwxyz0123456789.")
        #expect(all.allSatisfy { $0.allSatisfy(plain.contains) })
    }

    @Test @IO func `no start gives a number that an earlier one gave`() throws {
        let folder = try TemporaryDirectory()
        var given: Set<String> = []
        for count in [1, 300, 0, 256, 257, 5] {
            let numbers = HandleNumbers(in: folder.path)
            for _ in 0..<count { #expect(given.insert(numbers.next()).inserted) }
        }
        #expect(given.count == 819)
    }

    @Test @IO func `where the disk does not say, numbers are long and differ at each start`() throws
    {
        let folder = try TemporaryDirectory()
        try Data("x\n".utf8).write(to: URL(fileURLWithPath: folder.file("handles")))
        chmod(folder.file("handles"), 0o600)
        var log: [String] = []
        let damaged = HandleNumbers(in: folder.path) { log.append($0) }
        let absent = HandleNumbers(in: folder.path + "/none") { log.append($0) }
        let firsts = [damaged.next(), absent.next(), HandleNumbers().next()]
        #expect(Set(firsts).count == 3 && firsts.allSatisfy { $0.utf8.count == 7 }, "\(firsts)")
        #expect(log.count == 2, "\(log)")
    }
}
