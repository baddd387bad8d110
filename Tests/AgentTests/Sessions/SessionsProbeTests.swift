// Is it waiting for input? Real programs on real terminals, asked through the kernel.
import Glibc
import Loop
import Support
import Terminal
import Testing
import Wire

@testable import homeline_agent

@Suite(.serialized) struct SessionsProbeTests {
    @Test(arguments: [TestShell.bash, .dash, .zsh].filter(\.isInstalled))
    @IO func `a program that waits is told apart from one that works`(shell: TestShell) async throws
    {
        let home = try TemporaryDirectory()
        let session = try await openSession(shell, home: home)
        defer { session.close() }
        let begin = IO.now
        var result = try await session.run("printf 'Say: '; cat")
        #expect(result.state == .lineInput)
        #expect(result.foreground == "cat")
        #expect(result.prompt == "Say: ")
        #expect(result.evidence == [.probe])
        #expect(IO.now - begin < .seconds(10))
        result = try await interrupt(session)
        #expect(result.state == .aborted)

        result = try await session.run("sleep 20", wait: .milliseconds(400))
        #expect(result.state == .running)
        let isNamed = try await holds {
            result = try await session.read(
                offset: session.command?.begin, wait: .milliseconds(50), raw: false, maxBytes: 1000)
            return result.foreground == "sleep"
        }
        #expect(isNamed)
        result = try await interrupt(session)
        #expect(result.state == .aborted)

        result = try await session.run(
            "printf 'Password: '; stty -echo; read x; stty echo; echo got=$x")
        #expect(result.state == .secret)
        #expect(result.prompt == "Password: ")
        result = try await session.send(
            text: "hush", keys: [], enter: true, wait: .seconds(10), maxBytes: 1000)
        #expect(result.state == .done)
        #expect(result.output.hasSuffix("got=hush\n"))

        if Need.program("less").isMet {
            result = try await session.run("seq 1 200 > numbers; less numbers")
            #expect(result.state == .fullscreen)
            #expect(result.foreground == "less")
            result = try await session.send(
                text: "q", keys: [], enter: false, wait: .seconds(10), maxBytes: 1000)
            #expect(result.state == .done)
        }
    }

    @IO func interrupt(_ session: Session) async throws -> CommandResult {
        try await session.send(
            text: "", keys: ["ctrl-c"], enter: false, wait: .seconds(10), maxBytes: 1000)
    }

    @Test @IO func `a prompt lost in an aborted command is found again after an interrupt`()
        async throws
    {
        let home = try TemporaryDirectory()
        let session = try await openSession(.dash, home: home)
        defer { session.close() }
        var result = try await session.run("PS1='$ '\nif; then", wait: .milliseconds(300))
        #expect(result.state == .lineInput || result.state == .running)
        result = try await session.send(
            text: "", keys: ["ctrl-c"], enter: false, wait: .milliseconds(300), maxBytes: 1000)
        #expect(result.state == .aborted)
        #expect(try await session.run("echo ok").output == "ok\n")
    }
}
