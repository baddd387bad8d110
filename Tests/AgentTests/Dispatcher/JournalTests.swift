// A call with a key runs once: repeated while it runs, after it, after the agent was killed, and
// when the file is cut, full, old or cannot be written.
import Foundation
import JSON
import Loop
import Support
import Testing
import Wire

@testable import homeline_agent

@Suite struct JournalTests {
    /// Calls with keys at one journal, and how often each was served.
    @IO private final class Counter {
        var runs = 0
        /// What the service waits for before it answers; nil: nothing.
        var gate: Once<Void>?
        var cancelled = 0
        var delivered = 0

        func call(
            _ journal: Journal, _ key: String, of principal: String = "ada",
            method: Wire.Method = .runCommand, arguments: JSON.Object = ["command": "x"],
            reply: String = "{}", isFree: Bool = false, isLost: Bool = false
        ) async -> String {
            let request = Request(
                method, caller: Caller(id: principal, reach: []), key: key,
                arguments: RawJSON(.object(arguments)))
            guard let read = try? Request(decoding: request.encoded()),
                let call = journal.call(read, isShortLived: method == .readOutput)
            else { return "no request" }
            do throws(Fault) {
                return String(
                    decoding: try await journal.reply(to: call, isLost: { isLost }) {
                        () throws(Fault) in
                        {
                            self.runs += 1
                            if let gate = self.gate {
                                await withTaskCancellationHandler {
                                    await gate.wait()
                                } onCancel: {
                                    IO.task {
                                        self.cancelled += 1
                                        gate.set(())
                                    }
                                }
                            }
                            return Journal.Served(reply: Array(reply.utf8), isFree: isFree) {
                                self.delivered += 1
                            }
                        }
                    }, as: UTF8.self)
            } catch {
                return "\(error.code.rawValue): \(error)"
            }
        }
    }

    @Test @IO func `a key that comes again gets the first call's reply`() async throws {
        let (journal, counter) = (Journal(), Counter())
        let first = await counter.call(journal, "k", reply: #"{"a":1}"#)
        #expect(first == #"{"a":1}"#)
        #expect(await counter.call(journal, "k", reply: #"{"a":2}"#) == first)
        #expect(counter.runs == 1)
        _ = await counter.call(journal, "k", of: "bob")
        _ = await counter.call(journal, "l")
        #expect(counter.runs == 3)
    }

    @Test @IO func `a key that comes again meanwhile waits for the same service`() async throws {
        let (journal, counter) = (Journal(), Counter())
        let gate = Once<Void>()
        counter.gate = gate
        let calls = (0..<3).map { _ in IO.task { await counter.call(journal, "k", reply: "{}") } }
        #expect(await holds { counter.runs == 1 })
        gate.set(())
        for call in calls { #expect(await call.value == "{}") }
        #expect(counter.runs == 1)
    }

    @Test @IO func `a service is cancelled when nobody waits for it any more`() async throws {
        let (journal, counter) = (Journal(), Counter())
        counter.gate = Once()
        let calls = (0..<2).map { _ in IO.task { await counter.call(journal, "k") } }
        #expect(await holds { counter.runs == 1 })
        calls[0].cancel()
        try await IO.sleep(for: .milliseconds(20))
        #expect(counter.cancelled == 0)
        calls[1].cancel()
        #expect(await holds { counter.cancelled == 1 })
        #expect(await calls[1].value == "{}")
    }

    @Test @IO func `a key of another call is refused`() async throws {
        let (journal, counter) = (Journal(), Counter())
        let same: JSON.Object = ["a": 1, "b": [true, nil, 1.5]]
        _ = await counter.call(journal, "k", arguments: same)
        #expect(await counter.call(journal, "k", arguments: same) == "{}")
        for arguments: JSON.Object in [
            ["a": 2, "b": [true, nil, 1.5]], ["b": [true, nil, 1.5]], ["a": 1, "b": [true, nil]],
        ] {
            let refused = await counter.call(journal, "k", arguments: arguments)
            #expect(refused.hasPrefix("invalid_argument"), "\(refused)")
        }
        let other = await counter.call(journal, "k", method: .sendInput, arguments: same)
        #expect(other.hasPrefix("invalid_argument"))
        #expect(counter.runs == 1)
    }

    @Test @IO func `what is refused before it is served leaves its key free`() async throws {
        let journal = Journal()
        let request = Request(
            .runCommand, caller: Caller(id: "ada", reach: []), key: "k", arguments: RawJSON([:]))
        let call = try #require(journal.call(request, isShortLived: false))
        await #expect(throws: Fault(.unknownSession, "")) {
            try await journal.reply(to: call) { () throws(Fault) in
                throw Fault(.unknownSession, "")
            }
        }
        let reply = try await journal.reply(to: call) { () throws(Fault) in
            { Journal.Served(reply: [1]) }
        }
        #expect(reply == [1])
    }

    @Test @IO func `after a restart an ended call has its reply, a begun one no outcome`()
        async throws
    {
        let (folder, counter) = (try TemporaryDirectory("journal"), Counter())
        let first = Journal(folder: folder.path)
        let text = #"{"output":"a\nb \u00e9","n":1}"#
        #expect(await counter.call(first, "ended", reply: text) == text)
        let long = "\"" + String(repeating: "x", count: 100_000) + "\""
        #expect(await counter.call(first, "long", reply: long) == long)
        #expect(await counter.call(first, "long", reply: "") == long)
        let gate = Once<Void>()
        counter.gate = gate
        let begun = IO.task { await counter.call(first, "begun") }
        #expect(await holds { counter.runs == 3 })
        // The process is killed here: nothing more is written by it.
        let second = Journal(folder: folder.path)
        #expect(await counter.call(second, "ended") == text)
        let unknown = await counter.call(second, "begun")
        #expect(unknown.hasPrefix("outcome_unknown") && unknown.contains("restarted"), "\(unknown)")
        let lost = await counter.call(second, "long")
        #expect(lost.hasPrefix("outcome_unknown") && lost.contains("100002 bytes"), "\(lost)")
        let other = await counter.call(second, "ended", method: .execute)
        #expect(other.hasPrefix("invalid_argument"))
        #expect(counter.runs == 3)
        gate.set(())
        _ = await begun.value
        counter.gate = nil
        _ = await counter.call(second, "new")
        #expect(counter.runs == 4)
    }

    @Test @IO func `a file cut at any byte is read as far as it goes`() async throws {
        let (folder, counter) = (try TemporaryDirectory("journal"), Counter())
        let first = Journal(folder: folder.path)
        for key in ["a", "b"] { _ = await counter.call(first, key, reply: #"{"k":"\#(key)"}"#) }
        let whole = try Data(contentsOf: URL(filePath: folder.file("journal")))
        for length in 0...whole.count {
            let cut = try TemporaryDirectory("cut")
            // 0600, as the agent makes it.
            _ = FileManager.default.createFile(
                atPath: cut.file("journal"), contents: whole.prefix(length),
                attributes: [.posixPermissions: 0o600])
            let journal = Journal(folder: cut.path)
            let fresh = Counter()
            let replies = [
                await fresh.call(journal, "a", reply: #"{"new":1}"#),
                await fresh.call(journal, "b", reply: #"{"new":1}"#),
            ]
            for (key, reply) in zip(["a", "b"], replies) {
                let isRight =
                    reply == #"{"k":"\#(key)"}"# || reply == #"{"new":1}"#
                    || reply.hasPrefix("outcome_unknown")
                #expect(isRight, "\(length): \(reply)")
            }
            // What was begun and is not known any more was not begun for the reader of the file.
            #expect(fresh.runs == replies.filter { $0 == #"{"new":1}"# }.count)
            let again = Journal(folder: cut.path)
            let later = [await fresh.call(again, "a"), await fresh.call(again, "b")]
            #expect(later == replies, "\(length)")
        }
    }

    @Test @IO func `full files are replaced, and what is served meanwhile stays known`()
        async throws
    {
        let (folder, counter) = (try TemporaryDirectory("journal"), Counter())
        let journal = Journal(folder: folder.path)
        let gate = Once<Void>()
        counter.gate = gate
        let held = IO.task { await counter.call(journal, "held") }
        #expect(await holds { counter.runs == 1 })
        counter.gate = nil
        let reply = "\"" + String(repeating: "x", count: 60_000) + "\""
        for number in 0..<150 { _ = await counter.call(journal, "n\(number)", reply: reply) }
        // The file has no room for more replies, and what is young is not given up for them.
        #expect(await counter.call(journal, "n0") == reply)
        #expect(await counter.call(journal, "n149") == reply)
        for number in 0..<10_000 { _ = await counter.call(journal, "m\(number)") }
        let sizes = try ["journal", "journal.1"].map { name in
            try FileManager.default.attributesOfItem(atPath: folder.file(name))[.size] as? Int ?? 0
        }
        #expect(sizes.allSatisfy { $0 > 0 && $0 < 8 << 20 }, "\(sizes)")
        #expect(counter.runs == 10_151)
        let restarted = Journal(folder: folder.path)
        #expect(await counter.call(restarted, "held").hasPrefix("outcome_unknown"))
        #expect(await counter.call(restarted, "n0") == reply)
        #expect(await counter.call(restarted, "n149").hasPrefix("outcome_unknown"))
        #expect(await counter.call(restarted, "m9999") == "{}")
        #expect(counter.runs == 10_151)
        gate.set(())
        #expect(await held.value == "{}")
    }

    @Test @IO func `a folder that cannot be written is logged, and calls run once all the same`()
        async throws
    {
        let counter = Counter()
        let lines = Box<[String]>([])
        let journal = Journal(folder: "/proc/none") { line in lines.withLock { $0.append(line) } }
        #expect(await counter.call(journal, "k", reply: "1") == "1")
        #expect(await counter.call(journal, "k", reply: "2") == "1")
        #expect(counter.runs == 1)
        #expect(lines.withLock { $0.count } == 1)
        #expect(lines.withLock { $0.first?.contains("not protected against a crash") } == true)
    }

    @Test @IO func `what began nothing may be made again under its key`() async throws {
        let (folder, counter) = (try TemporaryDirectory("journal"), Counter())
        let journal = Journal(folder: folder.path)
        #expect(await counter.call(journal, "k", reply: "1", isFree: true) == "1")
        #expect(await counter.call(journal, "k", reply: "2", isFree: true) == "2")
        let restarted = Journal(folder: folder.path)
        #expect(await counter.call(restarted, "k", reply: "3") == "3")
    }

    @Test @IO func `a service goes on when its tunnel is lost, and its reply is delivered once`()
        async throws
    {
        let (journal, counter) = (Journal(), Counter())
        let gate = Once<Void>()
        counter.gate = gate
        let lost = IO.task { await counter.call(journal, "k", reply: "1", isLost: true) }
        #expect(await holds { counter.runs == 1 })
        lost.cancel()
        try await IO.sleep(for: .milliseconds(20))
        #expect(counter.cancelled == 0)
        gate.set(())
        _ = await lost.value
        #expect(counter.delivered == 0)
        for _ in 0..<2 { #expect(await counter.call(journal, "k") == "1") }
        #expect(counter.delivered == 1 && counter.runs == 1)
    }

    @Test @IO func `what was only read is not written down`() async throws {
        let (folder, counter) = (try TemporaryDirectory("journal"), Counter())
        let journal = Journal(folder: folder.path)
        #expect(await counter.call(journal, "k", method: .readOutput, reply: "1") == "1")
        #expect(await counter.call(journal, "k", method: .readOutput, reply: "2") == "1")
        let text = try String(contentsOfFile: folder.file("journal"), encoding: .utf8)
        #expect(!text.contains("session.read"))
    }

    @Test(arguments: [(0o644, ""), (0o600, String(repeating: "x", count: 20 << 20))])
    @IO func `a file that cannot be read is moved aside, and named`(
        mode: Int, content: String
    ) async throws {
        let (folder, counter) = (try TemporaryDirectory("journal"), Counter())
        _ = FileManager.default.createFile(
            atPath: folder.file("journal"), contents: Data(content.utf8),
            attributes: [.posixPermissions: mode])
        let lines = Box<[String]>([])
        let journal = Journal(folder: folder.path) { line in lines.withLock { $0.append(line) } }
        #expect(await counter.call(journal, "k", reply: #"{"n":1}"#) == #"{"n":1}"#)
        #expect(await counter.call(Journal(folder: folder.path), "k") == #"{"n":1}"#)
        #expect(counter.runs == 1)
        #expect(lines.withLock { $0.count } == 1, "\(lines.withLock { $0 })")
        #expect(access(folder.file("journal.unreadable"), F_OK) == 0)
    }

    @Test @IO func `a repetition at the dispatcher does not run again, and a key has a limit`()
        async throws
    {
        let desk = try await Desk([])
        let file = desk.folder.file("out")
        func execute(_ key: String?) async -> Reply {
            let request = Request(
                .execute, caller: Caller(id: "ada", reach: Caller.everywhere), key: key,
                arguments: RawJSON([
                    "target": "site/local", "command": .string("echo x >> \(file)"),
                ]))
            return Reply(decoding: await desk.service.dispatcher.answer(request.encoded()))
        }
        guard case .result(let one) = await execute("k"),
            case .result(let two) = await execute("k")
        else {
            Issue.record("the command was refused")
            return
        }
        #expect(one == two)
        _ = await execute("l")
        _ = await execute(nil)
        #expect(try String(contentsOfFile: file, encoding: .utf8) == "x\nx\nx\n")
        guard case .fault(let fault) = await execute(String(repeating: "k", count: 65)) else {
            Issue.record("a long key was taken")
            return
        }
        #expect(fault.code == .invalidArgument)
    }
}
