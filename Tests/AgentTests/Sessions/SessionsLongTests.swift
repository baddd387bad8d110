// Long code, much output, late output, input, offsets and limits.
import Foundation
import Loop
import Support
import Terminal
import Testing
import Wire

@testable import homeline_agent

@Suite(.serialized) struct SessionsLongTests {
    @Test(arguments: TestShell.known)
    @IO func `code of any length runs as it is`(shell: TestShell) async throws {
        let home = try TemporaryDirectory()
        let session = try await openSession(shell, home: home)
        defer { session.close() }
        for size in [700, 850, 900, 1023, 1024, 2000, 4095, 4096, 10_000, 100_000] {
            let text = (0..<size).map { "\($0 % 10)" }.joined()
            let code = "v='\(text)é\n'\nprintf '%s' \"$v\" | cksum"
            let expected = try await Child.run(
                "/usr/bin/cksum", [], input: Array((text + "é\n").utf8),
                deadline: .seconds(10))
            let result = try await session.run(code)
            #expect(result.state == .done, "\(size): \(result)")
            #expect(result.output == String(decoding: expected.output, as: UTF8.self), "\(size)")
        }
    }

    @Test(arguments: [TestShell.bash, .dash, .zsh].filter(\.isInstalled))
    @IO func `a mebibyte of code runs`(shell: TestShell) async throws {
        let home = try TemporaryDirectory()
        let session = try await openSession(shell, home: home)
        defer { session.close() }
        let line = "x=$((x+1)) # " + String(repeating: "c", count: 86) + "\n"
        let count = (1 << 20) / line.utf8.count - 1
        let code = "x=0\n" + String(repeating: line, count: count) + "echo $x"
        let result = try await session.run(code, wait: .seconds(60))
        #expect(result.state == .done)
        #expect(result.output == "\(count)\n")
    }

    @Test @IO func `a NUL, too much code and a second command are refused`() async throws {
        let home = try TemporaryDirectory()
        let session = try await openSession(.bash, home: home)
        defer { session.close() }
        func code(_ text: String) async -> Fault.Code? {
            do throws(Fault) {
                _ = try await session.run(text, wait: .seconds(30), timeout: nil, maxBytes: 100)
                return nil
            } catch { return error.code }
        }
        #expect(await code("echo a\0b") == .invalidArgument)
        #expect(await code(String(repeating: "a", count: (1 << 20) + 1)) == .invalidArgument)
        let slow = try await session.run("sleep 3; echo over", wait: .milliseconds(50))
        #expect(slow.state == .running)
        #expect(await code("echo second") == .busy)
        let rest = try await session.read(
            offset: slow.nextOffset, wait: .seconds(10), raw: false, maxBytes: 100)
        #expect(rest.output == "over\n")
        #expect(try await session.run("echo third").output == "third\n")
    }

    @Test @IO func `a wait that ends early loses nothing`() async throws {
        let home = try TemporaryDirectory()
        let session = try await openSession(.bash, home: home)
        defer { session.close() }
        let first = try await session.begin(
            "echo early; sleep 2; echo LATE; false", shows: "early\n")
        #expect(first.state == .running)
        #expect(first.output == "early\n")
        #expect(first.exitCode == nil)
        let second = try await session.read(
            offset: first.nextOffset, wait: .seconds(10), raw: false, maxBytes: 100)
        #expect(second.output == "LATE\n")
        let last = try await session.read(
            offset: session.command?.begin, wait: .seconds(30), raw: false, maxBytes: 100)
        #expect(last.output == "early\nLATE\n")
        #expect(last.state == .done)
        #expect(last.exitCode == 1)
    }

    @Test @IO func `a cancelled wait leaves the command alone`() async throws {
        let home = try TemporaryDirectory()
        let session = try await openSession(.bash, home: home)
        defer { session.close() }
        let task = IO.task { try? await session.run("sleep 0.5; echo lives", wait: .seconds(30)) }
        _ = await holds { session.console.shell.state.isRunning }
        task.cancel()
        #expect(await task.value?.state == .running)
        let result = try await session.read(
            offset: session.command?.begin, wait: .seconds(10), raw: false, maxBytes: 100)
        #expect(result.output == "lives\n")
    }

    @Test @IO func `background output is kept apart`() async throws {
        let home = try TemporaryDirectory()
        let session = try await openSession(.bash, home: home)
        defer { session.close() }
        var result = try await session.run("set +m; (sleep 1; echo BACKGROUND) & echo now")
        #expect(result.output.hasSuffix("now\n"))
        #expect(await holds { session.log.end > result.nextOffset })
        result = try await session.run("echo next")
        #expect(result.output == "next\n")
        #expect(result.note?.contains("background") == true)
        let late = try await session.read(
            offset: result.offset - 11, wait: .zero, raw: false, maxBytes: 11)
        #expect(late.output == "BACKGROUND\n")
    }

    @Test @IO func `a program gets its input, a prompt line too`() async throws {
        let home = try TemporaryDirectory()
        let session = try await openSession(.bash, home: home)
        defer { session.close() }
        var result = try await session.begin(
            "read -p 'Name? ' x; echo \"got=$x\"", shows: "Name? ")
        #expect(result.state == .running || result.state == .lineInput)
        #expect(result.output == "Name? ")
        result = try await session.send(
            text: "Ann", keys: [], enter: true, wait: .seconds(10), maxBytes: 100)
        #expect(result.state == .done)
        #expect(result.output == "Ann\ngot=Ann\n")
        result = try await session.send(
            text: "echo typed; false", keys: [], enter: true, wait: .seconds(10), maxBytes: 100)
        #expect(result.state == .done)
        #expect(result.output == "typed\n")
        #expect(result.exitCode == 1)
        #expect(try await session.run("echo $?").output == "1\n")
        result = try await session.run("cat", wait: .milliseconds(100))
        result = try await session.send(
            text: "line", keys: ["enter", "ctrl-d"], enter: false, wait: .seconds(10), maxBytes: 100
        )
        #expect(result.state == .done)
        #expect(result.output == "line\nline\n")
        await #expect(throws: Fault.self) {
            try await session.send(
                text: "", keys: ["nokey"], enter: false, wait: .zero, maxBytes: 1)
        }
    }

    @Test @IO func `a suspended job is stopped, fg resumes it`() async throws {
        let home = try TemporaryDirectory()
        let session = try await openSession(.bash, home: home)
        defer { session.close() }
        _ = try await session.begin("echo go; sleep 2", shows: "go")
        var result = try await session.send(
            text: "", keys: ["ctrl-z"], enter: false, wait: .seconds(30), maxBytes: 1000)
        #expect(result.state == .stopped)
        result = try await session.run("fg")
        #expect(result.state == .done)
        #expect(result.exitCode == 0)
    }

    @Test(arguments: [false, true])
    @IO func `five mebibytes come back byte for byte by offset`(raw: Bool) async throws {
        let home = try TemporaryDirectory()
        let session = try await openSession(
            .bash, home: home,
            log: OutputLog(memoryLimit: 1 << 20, spoolLimit: 64 << 20, of: "test"))
        defer { session.close() }
        let file = home.path + "/data"
        let first = try await session.run(
            "head -c 5242880 /dev/urandom | base64 > data; cat data", maxBytes: 20_000)
        #expect(first.state == .done)
        let data = try Data(contentsOf: URL(fileURLWithPath: file))
        #expect(first.nextOffset - first.offset == data.count)
        #expect(first.isTruncated)
        #expect(first.output.utf8.count < 20_200)
        #expect(first.omittedBytes > data.count - 20_000)
        var all: [UInt8] = []
        var offset = first.offset
        while offset < first.nextOffset {
            let part = try await session.read(
                offset: offset, wait: .zero, raw: raw, maxBytes: 300_000)
            #expect(part.nextOffset > offset)
            offset = part.nextOffset
            all += part.output.utf8
        }
        #expect(all.elementsEqual(data))
    }

    @Test @IO func `a program's own CR LF stays in the raw view`() async throws {
        let home = try TemporaryDirectory()
        let session = try await openSession(.bash, home: home)
        defer { session.close() }
        for setting in ["true", "stty -onlcr", "stty sane"] {
            _ = try await session.run(setting)
            let result = try await session.run("printf 'a\\r\\nb\\nc\\rd'")
            #expect(result.output == "a\nb\nd")
            let raw = try await session.read(
                offset: result.offset, wait: .zero, raw: true, maxBytes: 100)
            #expect(raw.output == "a\r\nb\nc\rd", "\(setting)")
        }
    }

    @Test @IO func `a hundred megabytes stay bounded and the newest can be read`() async throws {
        let home = try TemporaryDirectory()
        let session = try await openSession(
            .bash, home: home,
            log: OutputLog(memoryLimit: 4 << 20, spoolLimit: 16 << 20, of: "test"))
        defer { session.close() }
        let before = residentKiB()
        let result = try await session.run(
            "yes 0123456789abcdefghijklmnopqrstuvwxyz | head -c 100000000", wait: .seconds(150),
            maxBytes: 1000)
        #expect(result.state == .done)
        #expect(result.nextOffset - result.offset == 100_000_000)
        #expect(result.lostBytes == 100_000_000 - (result.nextOffset - session.log.start))
        #expect(result.nextOffset - session.log.start <= 20 << 20)
        print("100 MB: \(result.durationMS) ms, resident \(before) → \(residentKiB()) KiB")
        #expect(result.output.utf8.count < 1200)
    }

    @Test @IO func `echoed text of a quick burst of commands never leaks`() async throws {
        let home = try TemporaryDirectory()
        for shell in TestShell.known {
            let session = try await openSession(shell, home: home)
            for number in 0..<200 {
                let result = try await session.run("echo \(number)")
                #expect(result.output == "\(number)\n")
                #expect(result.note == nil)
            }
            #expect(session.log.end == (0..<200).map { "\($0)\n".utf8.count }.reduce(0, +))
            session.close()
        }
    }

    @Test @IO func `a command costs one round trip`() async throws {
        let home = try TemporaryDirectory()
        for shell in TestShell.known {
            let session = try await openSession(shell, home: home)
            var times: [Duration] = []
            for _ in 0..<300 {
                let begin = IO.now
                _ = try await session.run("echo hi")
                times.append(begin.duration(to: IO.now))
            }
            times.sort()
            print("\(shell.rawValue): median \(times[150]), best \(times[0])")
            session.close()
        }
    }

    @Test @IO func `the table counts, finds, sweeps and closes`() async throws {
        let home = try TemporaryDirectory()
        var next = 0
        let table = Sessions(limit: 2) {
            next += 1
            return "s\(next)"
        }
        let environment = ["HOME": home.path, "PATH": "/usr/bin:/bin", "TERM": "xterm"]
        func open(_ owner: Owner = "me") async throws(Fault) -> Session {
            try await table.open(
                .init(owner: owner, target: "agent/local", idleTimeout: .seconds(5))
            ) {
                () throws(Fault) in
                do throws(LoopError) {
                    return try LocalHost.shell(
                        path: "/bin/dash", arguments: ["dash", "-i"], environment: environment)
                } catch { throw Fault(.shellUnusable, error.description) }
            }
        }
        let first = try await open()
        let second = try await open()
        await #expect(throws: Fault.self) { try await open() }
        #expect(table["s1"] === first)
        #expect(table.all.map(\.id) == ["s1", "s2"])
        second.isPersistent = true
        table.sweep(now: IO.now + .seconds(6))
        #expect(table["s1"] == nil)
        #expect(table["s2"] === second)
        #expect(first.end != nil)
        // A principal has its share; the rest is for others.
        table.limit = 4
        for _ in 0..<2 { _ = try await open() }
        do {
            _ = try await open()
            Issue.record("a principal took more than its share")
        } catch { #expect(error.message.contains("share"), "\(error)") }
        _ = try await open("other")
        await #expect(throws: Fault.self) { try await open("third") }
        table.closeAll()
        #expect(table.all.isEmpty)
    }
}

/// This process's memory in use.
func residentKiB() -> Int {
    let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
    let line = status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
    return line.flatMap { Int($0.filter(\.isNumber)) } ?? 0
}
