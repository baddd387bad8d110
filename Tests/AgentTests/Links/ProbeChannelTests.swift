// The probe's own channel: one for all sessions of a link, none before it is needed, none where
// the server allows no further channel. Commands go on whether it opens, fails or ends.
import Foundation
import Glibc
import Loop
import SSH
import Support
import Terminal
import Testing
import Wire

@testable import homeline_agent

@Suite(.serialized, .timeLimit(.minutes(3))) struct ProbeChannelTests {
    @Test @IO func `sessions of a link share one channel`() async throws {
        let place = try await ProbePlace(.dash)
        let (one, two) = (try await place.session(), try await place.session())
        // It has shown that the shells were at their prompts.
        #expect(place.link.channelCount == 3)
        async let first = one.run("read x")
        async let second = two.run("cat")
        #expect(try await first.state == .lineInput)
        #expect(try await second.foreground == "cat")
        #expect(place.link.channelCount == 3)
        one.close()
        two.close()
    }

    @Test @IO func `a channel that was killed is replaced, and no command notices`() async throws {
        let place = try await ProbePlace(.bash)
        let session = try await place.session()
        #expect(try await session.run("read x").state == .lineInput)
        let shell = try #require(session.console.shell.process)
        let others = place.server.sessions().filter { id in
            String(decoding: readBytes("/proc/\(id)/comm"), as: UTF8.self) == "sh\n"
                && Int(id) != shell
        }
        #expect(others.count == 1)
        for id in others { kill(id, SIGKILL) }
        #expect(await holds { place.probes.isOpen == false })
        #expect(try await session.type("").state == .done)
        #expect(try await session.run("read x").state == .lineInput)
        session.close()
    }

    @Test @IO func `a probe that hangs delays nobody`() async throws {
        let place = try await ProbePlace(.bash)
        let session = try await place.session()
        #expect(try await session.run("read x").state == .lineInput)
        for id in place.server.sessions() where Int(id) != session.console.shell.process {
            if String(decoding: readBytes("/proc/\(id)/comm"), as: UTF8.self) == "sh\n" {
                kill(id, SIGSTOP)
            }
        }
        #expect(try await session.type("").state == .done)
        let result = try await session.run("cat", wait: .milliseconds(500))
        #expect(result.state == .running)
        #expect(result.evidence == [])
        // Its limit passes, it is replaced, and the next questions are answered.
        let read = try await session.read(
            offset: session.command?.begin, wait: .seconds(50), raw: false, maxBytes: 1000)
        #expect(read.state == .lineInput)
        session.close()
    }

    @Test @IO func `without room for a second channel marks are enough`() async throws {
        let place = try await ProbePlace(.bash, settings: ["MaxSessions": "1"])
        let session = try await place.session()
        for number in 0..<20 {
            let result = try await session.run("echo \(number)")
            #expect(result.output == "\(number)\n")
            #expect(result.evidence == [.mark])
        }
        var result = try await session.run("sleep 20", wait: .milliseconds(700))
        #expect(result.state == .running)
        #expect(result.evidence == [])
        #expect(result.foreground == nil)
        #expect(try await session.press("ctrl-c").state == .aborted)
        result = try await session.run("printf 'Token [y/n]: '; read x; echo $x")
        #expect(result.state == .maybeInput)
        #expect(result.evidence == [.regex])
        #expect(result.prompt == "Token [y/n]: ")
        #expect(result.note?.contains("low confidence") == true)
        result = try await session.type("y")
        #expect(result.state == .done)
        #expect(result.output.hasSuffix("y\n"))
        // The alternate screen shows in the output.
        result = try await session.run("printf '\\033[?1049h'; sleep 20")
        #expect(result.state == .fullscreen)
        #expect(result.evidence == [.regex])
        #expect(try await session.press("ctrl-c").state == .aborted)
        session.close()
    }

    @Test @IO func `the script runs in every shell that may be sh`() async throws {
        let home = try TemporaryDirectory()
        let session = try await openSession(.bash, home: home)
        defer { session.close() }
        #expect(try await session.run("sh -c 'cat; :'").state == .lineInput)
        let process = try #require(session.console.shell.process)
        let terminal = try #require(session.console.shell.terminal)
        let question = try #require(Probe.Question(process: process, terminal: terminal))
        let input = Array((Probe.definitions + question.line).utf8)
        for name in ["dash", "bash", "mksh", "busybox", "zsh"] {
            guard let path = Repository.find(name) else { continue }
            let arguments = name == "busybox" ? ["sh"] : name == "zsh" ? ["--emulate", "sh"] : []
            let result = try await Child.run(
                path, arguments, input: input, deadline: .seconds(10))
            let probe = try #require(Probe(result.output), "\(name)")
            #expect(probe.verdict == .lineInput, "\(name)")
            #expect(probe.foreground == "cat", "\(name)")
            #expect(result.errorOutput.isEmpty, "\(name)")
        }
    }

    @Test @IO func `without the process file system ps answers`() async throws {
        let home = try TemporaryDirectory()
        let session = try await openSession(.bash, home: home)
        defer { session.close() }
        #expect(try await session.run("sleep 60", wait: .milliseconds(400)).state == .running)
        let process = try #require(session.console.shell.process)
        let terminal = try #require(session.console.shell.terminal)
        let line = "hl_probe \(process) \(terminal) /none\n"
        let result = try await Child.run(
            "/bin/sh", [], input: Array((Probe.definitions + line).utf8), deadline: .seconds(10))
        let probe = try #require(Probe(result.output))
        #expect(probe.foreground == "sleep")
        #expect(probe.verdict == .running)
        #expect(probe.modes?.isCanonical == true)
        #expect(probe.modes?.echoes == true)
    }

    /// Its terminal may be another session's by then.
    @Test @IO func `nothing is said of a terminal whose shell is gone`() async throws {
        let home = try TemporaryDirectory()
        let session = try await openSession(.bash, home: home)
        defer { session.close() }
        #expect(try await session.run("sleep 60", wait: .milliseconds(400)).state == .running)
        let terminal = try #require(session.console.shell.terminal)
        let line = "hl_probe 4194999 \(terminal)\n"  // above the kernel's greatest process id
        let result = try await Child.run(
            "/bin/sh", [], input: Array((Probe.definitions + line).utf8), deadline: .seconds(10))
        #expect(Probe(result.output) == nil, "\(String(decoding: result.output, as: UTF8.self))")
    }

    @Test func `a process that ends while it is looked at hides nothing`() async throws {
        let folder = try TemporaryDirectory("proc")
        for (id, group, children) in [(10, 10, "20\n"), (20, 20, "")] {
            _ = try folder.folder("\(id)/task/\(id)")
            try folder.write("\(id) (x) S 1 \(group) 10 1025 20 0 0\n", to: "\(id)/stat")
            try folder.write(children, to: "\(id)/task/\(id)/children")
        }
        let comm = folder.file("20/comm")
        #expect(mkfifo(comm, 0o600) == 0)
        // It is gone when its name has been read.
        Thread.detachNewThread {
            let descriptor = open(comm, O_WRONLY)
            unlink(folder.file("20/stat"))
            write(descriptor, "stty\n", 5)
            close(descriptor)
        }
        let line = "hl_probe 10 /dev/null \(folder.path) 2>/dev/null\n"
        let output = try await IO.task { () async -> Result<[UInt8], any Error> in
            do {
                return .success(
                    try await Child.run(
                        "/bin/sh", [], input: Array((Probe.definitions + line).utf8),
                        deadline: .seconds(30)
                    ).output)
            } catch { return .failure(error) }
        }.value.get()
        let probe = try #require(Probe(output), "\(String(decoding: output, as: UTF8.self))")
        #expect(probe.processes.map(\.state) == ["?"])
        #expect(!probe.waitsForInput && probe.verdict != .secret)
    }

    /// To look at each process of a host costs too much for every look at a remote shell.
    @Test(arguments: [
        ("ssh", "do_sys_poll", false), ("ssh", "unix_stream_read_generic", true),
        ("ssh", "wait_woken", false), ("gpg", "unix_stream_read_generic", true), ("gpg", "0", true),
        ("cat", "unix_stream_read_generic", false),
    ]) @IO func `a pinentry is looked for only where a program waits for an agent`(
        name: String, wait: String, looks: Bool
    ) async throws {
        let folder = try TemporaryDirectory("proc")
        for (id, group, children) in [(10, 10, "20\n"), (20, 20, ""), (30, 30, "")] {
            _ = try folder.folder("\(id)/task/\(id)")
            _ = try folder.folder("\(id)/fd")
            try folder.write("\(id) (x) S 1 \(group) 10 1025 20 0 0\n", to: "\(id)/stat")
            try folder.write(children, to: "\(id)/task/\(id)/children")
            try folder.write("0 0x5\n", to: "\(id)/syscall")
            try folder.write(id == 20 ? "\(wait)\n" : "wait_woken\n", to: "\(id)/wchan")
            try folder.write(
                id == 20 ? "\(name)\n" : id == 30 ? "pinentry-tty\n" : "bash\n", to: "\(id)/comm")
        }
        #expect(symlink("/dev/null", folder.file("30/fd/5")) == 0)
        let line = "hl_probe 10 /dev/null \(folder.path) 2>/dev/null\n"
        let output = try await Child.run(
            "/bin/sh", [], input: Array((Probe.definitions + line).utf8), deadline: .seconds(30)
        ).output
        let probe = try #require(Probe(output), "\(String(decoding: output, as: UTF8.self))")
        #expect(probe.processes.map(\.id) == (looks ? [20, 30] : [20]))
        #expect(probe.hasSecretAsker == looks)
    }

    private func readBytes(_ path: String) -> [UInt8] {
        let descriptor = open(path, O_RDONLY)
        guard descriptor >= 0 else { return [] }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 256)
        let count = read(descriptor, &bytes, bytes.count)
        return Array(bytes.prefix(max(0, count)))
    }
}
