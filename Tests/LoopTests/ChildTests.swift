import Glibc
import Programs
import Testing

@testable import Loop

@Suite struct `Children` {
    @Test @IO func `output, errors and the exit code are collected`() async throws {
        let result = try await Child.run(
            "sh", ["-c", "cat; echo oops >&2; exit 3"], input: Array("in".utf8),
            deadline: .seconds(10))
        #expect(result.exitCode == 3)
        #expect(result.output == Array("in".utf8))
        #expect(result.errorOutput == Array("oops\n".utf8))
    }

    @Test @IO func `a missing program is told`() async {
        await #expect(throws: LoopError.self) {
            try await Child.run("/no/such/program", [], deadline: .seconds(1))
        }
    }

    @Test @IO func `a child that outlives its deadline is killed, grandchildren or not`() async {
        await #expect(throws: LoopError.timedOut(program: "sh")) {
            try await Child.run("sh", ["-c", "sleep 60 & sleep 60"], deadline: .milliseconds(100))
        }
    }

    @Test @IO func `a loud child is stopped at its cap`() async {
        await #expect(throws: LoopError.tooMuchOutput(program: "yes", limit: 1000)) {
            try await Child.run("yes", [], outputLimit: 1000, deadline: .seconds(10))
        }
    }
}

@Suite struct `Terminals` {
    @Test @IO func `a child on a terminal echoes, prints and ends with its code`() async throws {
        let pty = try PTY.spawn(
            path: "/bin/sh", arguments: ["sh", "-c", "read x; echo got $x; tty; exit 5"],
            environment: ["PATH": "/usr/bin:/bin"])
        var output: [UInt8] = []
        let ended = Once<ProgramEnd>()
        pty.onOutput = { output += $0 }
        pty.onEnd = { ended.set($0) }
        pty.resume()
        pty.write(Array("hello\n".utf8))
        let end = await IO.within(.seconds(20)) { await ended.wait() }
        #expect(end == .exited(5))
        let text = String(decoding: output, as: UTF8.self)
        #expect(text.contains("got hello\r\n"))
        #expect(text.contains("/dev/pts/"))
    }

    @Test @IO func `a child that ended before anybody listened is told in full`() async throws {
        let pty = try PTY.spawn(
            path: "/bin/sh", arguments: ["sh", "-c", "echo said"],
            environment: ["PATH": "/usr/bin:/bin"])
        // Longer than the child takes; the loop turns meanwhile.
        for _ in 0..<200 where kill(pty.pid, 0) == 0 { try? await IO.sleep(for: .milliseconds(2)) }
        var output: [UInt8] = []
        let ended = Once<ProgramEnd>()
        pty.onOutput = { output += $0 }
        pty.onEnd = { ended.set($0) }
        pty.resume()
        let end = await IO.within(.seconds(20)) { await ended.wait() }
        #expect(end == .exited(0))
        #expect(output == Array("said\r\n".utf8))
    }

    @Test @IO func `closing hangs up the child`() async throws {
        let pty = try PTY.spawn(
            path: "/bin/sh", arguments: ["sh", "-c", "sleep 60"],
            environment: ["PATH": "/usr/bin:/bin"])
        let ended = Once<ProgramEnd>()
        pty.onEnd = { ended.set($0) }
        pty.close()
        let end = await IO.within(.seconds(20)) { await ended.wait() }
        #expect(
            end == .signalled("HUP") || end == .exited(129) || end == .exited(1),
            "\(String(describing: end))")
    }
}
