// A device that is no Unix shell, behind a real sshd: its prompt is learned, pages are turned, and
// what it says is never more certain than its prompt. And a session that assumes nothing at all.
import Foundation
import Loop
import SSH
import Support
import Terminal
import Testing
import Wire

@testable import homeline_agent

@Suite(.serialized, .timeLimit(.minutes(3))) struct SessionsDeviceTests {
    /// A command line as switches have it.
    static let program = """
        import os, sys, time, tty
        tty.setraw(0)
        pages, mode, length = 'pages' in sys.argv, '', 24
        wraps, scrolls = 'wraps' in sys.argv, 'scrolls' in sys.argv
        def say(text): os.write(1, text.replace('\\n', '\\r\\n').encode())
        def show(lines):
            for i, line in enumerate(lines):
                if length and i and i % (length - 1) == 0:
                    say(' --More-- ')
                    key = os.read(0, 1)
                    say('\\b' * 10 + ' ' * 10 + '\\b' * 10)
                    if key == b'q': return
                say(line + '\\n')
        say('\\nAuthorised access only! # > \\n\\n')
        time.sleep(0.4)
        while True:
            say('router1%s#' % mode)
            line = b''
            while not line.endswith(b'\\r'):
                byte = os.read(0, 1)
                if not byte: sys.exit(0)
                if byte == b'\\x03': line = b'\\r'; say('^C'); break
                line += byte
                if byte == b'\\r': break
                os.write(1, byte)
                prompt = b'router1%s#' % mode.encode()
                column = len(prompt) + len(line)
                if wraps and column % 80 == 0: os.write(1, b'\\r\\n')
                if scrolls and column >= 79 and column % 20 == 19:
                    tail = line[20 * ((column - 79) // 20 + 1):]
                    os.write(1, b'\\r' + prompt + b'$' + tail + b' ' * 20 + b'\\b' * 20)
            say('\\n')
            line = line.decode().strip()
            if line == 'terminal length 0' and not pages: length = 0
            elif line == 'conf t': mode = '(config)'
            elif line.startswith('interface'): mode = '(config-if)'
            elif line == 'end': mode = ''
            elif line == 'show version': show(['Version 15.2', 'uptime is 3 weeks', 'router1# is no prompt'])
            elif line == 'show long': show(['line %d' % i for i in range(100)])
            elif line == 'show slow':
                for i in range(4): say('part %d\\n' % i); time.sleep(0.35)
            elif line == 'ping': say('Sending'); [(say('!'), time.sleep(0.1)) for _ in range(5)]; say('\\n')
            elif line == 'reload':
                say('Proceed with reload? [confirm]'); os.read(0, 1); say('\\n')
            elif line == 'exit': sys.exit(0)
            elif line.startswith('remark'): say('%d characters\\n' % len(line))
            elif line.startswith('terminal width') and (wraps or scrolls):
                say("% Invalid input detected at '^' marker.\\n")
            elif line.startswith('terminal'): pass
            elif line: say("% Invalid input detected at '^' marker.\\n")
        """

    @IO static func open(
        _ arguments: String = "", shell: ShellChoice = .network
    ) async throws -> ([AnyObject], Session, Link) {
        let folder = try TemporaryDirectory()
        let script = try folder.write(program, to: "device.py")
        let python = try #require(Repository.find("python3"))
        let server = try await SSHServer.start(
            SSHServer.Options(settings: ["ForceCommand": "\(python) \(script) \(arguments)"]))
        let (session, link) = try await SessionsOverSSHTests.open(server, shell: shell)
        return ([folder, server], session, link)
    }

    @Test(arguments: ["", "pages"])
    @IO func `a device's commands end at its prompt, without an exit code`(kind: String)
        async throws
    {
        let (kept, session, link) = try await Self.open(kind)
        defer { link.close() }
        #expect(session.shellName == "network")
        #expect(session.banner.contains("Authorised access only!"))
        #expect(!session.banner.contains("router1"))
        let long = (0..<100).map { "line \($0)\n" }.joined()
        for (command, output) in [
            ("show version", "Version 15.2\nuptime is 3 weeks\nrouter1# is no prompt\n"),
            ("show long", long), ("show slow", "part 0\npart 1\npart 2\npart 3\n"),
            ("ping", "Sending!!!!!\n"), ("conf t", ""), ("interface Gi0/1", ""),
            ("nonsense", "% Invalid input detected at '^' marker.\n"), ("end", ""), ("", ""),
        ] {
            let result = try await session.run(command)
            #expect(result.state == .done, "\(command): \(result)")
            #expect(result.output == output, "\(command)")
            #expect(result.evidence == [.prompt], "\(command)")
            #expect(result.exitCode == nil, "\(command)")
        }
        // A read sees what the command's own answer showed.
        let shown = try await session.run("show long")
        let read = try await session.read(
            offset: shown.offset, wait: .zero, raw: false, maxBytes: 100_000)
        #expect(read.output.hasPrefix(long), "\(read)")
        #expect(!read.output.contains("More"))
        let several = try await session.run("conf t\ninterface Gi0/2\nend\nshow version")
        #expect(
            several.output.hasSuffix(
                "router1#show version\nVersion 15.2\nuptime is 3 weeks\nrouter1# is no prompt\n"))
        withExtendedLifetime(kept) {}
    }

    /// Such a device takes no other width, or does not obey it.
    @Test(arguments: ["", "wraps", "scrolls"])
    @IO func `the echo of a long line is not part of the output`(manner: String) async throws {
        let (kept, session, link) = try await Self.open(manner)
        defer { link.close() }
        for count in [10, 62, 70, 71, 72, 73, 80, 100, 152, 200, 400] {
            let text = String((0..<count).map { $0 % 7 == 6 ? " " : Character("\($0 % 10)") })
            let line = "remark " + text + "x"
            let result = try await session.run(line)
            #expect(result.state == .done, "\(count): \(result)")
            #expect(result.output == "\(line.utf8.count) characters\n", "\(count)")
        }
        withExtendedLifetime(kept) {}
    }

    @Test @IO func `a device that goes on is running, its question may be input`() async throws {
        let (kept, session, link) = try await Self.open()
        defer { link.close() }
        var result = try await session.run("show slow", wait: .milliseconds(500))
        #expect(result.state == .running)
        #expect(result.exitCode == nil && result.evidence == [])
        await #expect(throws: Fault.self) { try await session.run("show version") }
        #expect(await holds { !session.isRunning })
        result = try await session.run("reload", wait: .seconds(30))
        #expect(result.state == .maybeInput, "\(result)")
        #expect(result.evidence == [.regex])
        result = try await session.send(
            text: "", keys: ["enter"], enter: false, wait: .seconds(30), maxBytes: 1000)
        #expect(result.state == .done)
        #expect(result.evidence == [.prompt])
        result = try await session.send(
            text: "show version", keys: [], enter: true, wait: .seconds(30), maxBytes: 1000)
        #expect(result.state == .done && result.exitCode == nil, "\(result)")
        #expect(result.evidence == [.prompt])
        #expect(result.output.contains("uptime is 3 weeks\n"))
        result = try await session.run("exit", wait: .seconds(30))
        #expect(result.state == .shellExited)
        withExtendedLifetime(kept) {}
    }

    @Test @IO func `a raw session only types and reads`() async throws {
        let (kept, session, link) = try await Self.open(shell: .raw)
        defer { link.close() }
        let refused = await #expect(throws: Fault.self) { try await session.run("show version") }
        #expect(refused?.message.contains("ssh_session_send") == true)
        let read = try await session.read(offset: 0, wait: .zero, raw: false, maxBytes: 1000)
        #expect(read.state == .running)
        let log = session.log
        func shows(_ text: String) -> Bool {
            String(decoding: log.bytes(0..<log.end), as: UTF8.self).contains(text)
        }
        #expect(await holds { shows("router1#") })
        _ = try await session.send(
            text: "show version", keys: [], enter: true, wait: .milliseconds(300), maxBytes: 1000)
        #expect(await holds { shows("uptime is 3 weeks") })
        let result = try await session.send(
            text: "exit", keys: [], enter: true, wait: .seconds(30), maxBytes: 1000)
        #expect(result.state == .shellExited)
        withExtendedLifetime(kept) {}
    }

    @Test @IO func `a chosen shell is taken for it, whatever its program is called`() async throws {
        let home = try TemporaryDirectory()
        try FileManager.default.copyItem(atPath: "/bin/dash", toPath: home.file("local-shell"))
        let session = try await openSession(
            .dash, home: home, arguments: ["-local-shell"], path: home.file("local-shell"),
            choice: .dash)
        defer { session.close() }
        #expect(session.shellName == "dash")
        #expect(try await session.run("echo é; false").output == "é\n")
    }
}
