// Channels: exact bytes both ways, back-pressure, many at once, ends of every kind.
import Foundation
import Loop
import Programs
import SSH
import Support
import Testing

@Suite(.timeLimit(.minutes(2))) struct ChannelTests {
    /// The first 5,000,000 bytes of `seq`.
    private static let numbers: [UInt8] = {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(5_000_010)
        var number = 1
        while bytes.count < 5_000_000 {
            bytes += "\(number)\n".utf8
            number += 1
        }
        return Array(bytes.prefix(5_000_000))
    }()

    @Test(arguments: [["RekeyLimit": "default none"], ["RekeyLimit": "256K"]])
    func `five megabytes come exactly, through key exchanges too`(
        settings: [String: String]
    ) async throws {
        let server = try await SSHServer.start(SSHServer.Options(shell: .dash, settings: settings))
        let configuration = try server.link()
        #expect(Self.numbers.count == 5_000_000)  // made before, so that the loop is not held up
        try await onLoop {
            let link = try await Link.connect(configuration)
            defer { link.close() }
            let done = try await link.run("seq 1 800000 | head -c 5000000")
            #expect(done.output == Self.numbers)
            #expect(done.end == .exited(0))
        }
    }

    @Test(arguments: [["RekeyLimit": "default none"], ["RekeyLimit": "128K"]])
    func `a megabyte of input arrives and comes back`(settings: [String: String]) async throws {
        let server = try await SSHServer.start(SSHServer.Options(shell: .dash, settings: settings))
        let configuration = try server.link()
        let input = (0..<(1 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
        try await onLoop {
            let link = try await Link.connect(configuration)
            defer { link.close() }
            let done = try await link.run("cat", input: input)
            #expect(done.output == input)
            let counted = try await link.run("wc -c", input: input)
            #expect(counted.text.contains("1048576"))
        }
    }

    @Test func `shells that start together all start`() async throws {
        // Shells that were closed count until they have ended, which takes time under load.
        let server = try await SSHServer.start(
            SSHServer.Options(shell: .dash, settings: ["MaxSessions": "400"]))
        let configuration = try server.link()
        try await onLoop {
            let link = try await Link.connect(configuration)
            defer { link.close() }
            // libssh2 gives a request up when another channel's answer comes while it waits
            let tasks = (0..<6).map { _ in
                IO.task { () async -> SSHError? in
                    do throws(SSHError) {
                        for _ in 0..<60 { try await link.openShell().close() }
                        return nil
                    } catch { return error }
                }
            }
            for task in tasks { #expect(await task.value == nil) }
        }
    }

    @Test func `eight channels interleave on one link`() async throws {
        let server = try await SSHServer.start(SSHServer.Options(shell: .dash))
        let configuration = try server.link()
        try await onLoop {
            let link = try await Link.connect(configuration)
            defer { link.close() }
            let tasks = (0..<8).map { index in
                IO.task { () async -> Bool in
                    for round in 0..<5 {
                        let text = "channel \(index) round \(round)"
                        guard
                            let done = try? await link.run(
                                "echo \(text); head -c 200000 /dev/zero"),
                            done.output.count == text.utf8.count + 200_001,
                            done.text.hasPrefix(text), done.end == .exited(0)
                        else { return false }
                    }
                    return true
                }
            }
            for task in tasks { #expect(await task.value) }
            #expect(link.channelCount == 0)
        }
    }

    @Test func `a paused channel holds the server off and others go on`() async throws {
        let server = try await SSHServer.start(SSHServer.Options(shell: .dash))
        let configuration = try server.link { $0.limits.window = 1 << 18 }
        try await onLoop {
            let link = try await Link.connect(configuration)
            defer { link.close() }
            let mark = server.directory.file("written")
            let loud = try await link.execute(
                "head -c 8000000 /dev/zero; echo done >\(mark)")
            for _ in 0..<5 { #expect(try await link.run("echo on").text == "on\n") }
            #expect(loud.end == nil)
            #expect((try? String(contentsOfFile: mark, encoding: .utf8)) == nil)
            let done = try #require(await loud.finished())
            #expect(done.output.count == 8_000_000)
            #expect(done.end == .exited(0))
        }
    }

    @Test func `a shell on a terminal is typed to, resized and hung up`() async throws {
        let server = try await SSHServer.start(SSHServer.Options(shell: .dash))
        let configuration = try server.link()
        try await onLoop {
            let link = try await Link.connect(configuration)
            defer { link.close() }
            let shell = try await link.openShell(TerminalSize(columns: 91, rows: 33))
            let text = Gathering()
            shell.onOutput = { text.bytes += $0 }
            shell.resume()
            shell.write(Array("stty size; echo $TERM\n".utf8))
            #expect(await holds { text.string.contains("33 91") })
            #expect(await holds { text.string.contains("dumb") })
            shell.resize(columns: 120, rows: 40)
            shell.write(Array("stty size\n".utf8))
            #expect(await holds { text.string.contains("40 120") })
            shell.write(Array("exit 5\n".utf8))
            #expect(try #require(await shell.finished()).end == .exited(5))
        }
    }

    @Test func `a signal ends a command`() async throws {
        // OpenSSH refuses signals where root logs in, as it may here.
        let server = try await PasswordServer.start("password")
        let configuration = server.link()
        try await onLoop {
            let link = try await Link.connect(configuration)
            defer { link.close() }
            let channel = try await link.execute("wait")
            channel.signal("TERM")
            #expect(try #require(await channel.finished()).end == .signalled("TERM"))
        }
    }

    @Test(arguments: [false, true])
    func `closing a running command takes little time`(terminal: Bool) async throws {
        let server = try await SSHServer.start(SSHServer.Options(shell: .dash))
        let configuration = try server.link()
        try await onLoop {
            let link = try await Link.connect(configuration)
            defer { link.close() }
            let start = IO.now
            // Where the server refuses the signal, its end of the channel stays until the sleep
            // ends.
            let channel = try await link.execute(
                "sleep 20", terminal: terminal ? TerminalSize() : nil)
            channel.close()
            let done = try #require(await channel.finished())
            #expect(done.end != .exited(0))
            #expect(IO.now - start < .seconds(10))
            #expect(try await link.run("echo on").text == "on\n")
            #expect(await holds { link.channelCount == 0 })
        }
    }

    @Test func `one session too many is refused, and a freed place is taken`() async throws {
        let server = try await SSHServer.start(
            SSHServer.Options(shell: .dash, settings: ["MaxSessions": "1"]))
        let configuration = try server.link()
        try await onLoop {
            let link = try await Link.connect(configuration)
            defer { link.close() }
            let first = try await link.execute("cat")
            do throws(SSHError) {
                _ = try await link.execute("true")
                Issue.record("a second session was opened")
            } catch {
                guard case .channelRefused = error else {
                    Issue.record("\(error)")
                    return
                }
            }
            first.sendEOF()
            #expect(await first.finished()?.end == .exited(0))
            for _ in 0..<5 { #expect(try await link.run("echo on").text == "on\n") }
        }
    }

    @Test func `commands that end together keep no place`() async throws {
        let server = try await SSHServer.start(
            SSHServer.Options(shell: .dash, settings: ["MaxSessions": "6"]))
        let configuration = try server.link()
        try await onLoop {
            let link = try await Link.connect(configuration)
            defer { link.close() }
            for _ in 0..<8 {
                let tasks = (0..<4).map { _ in IO.task { try? await link.run("true").end } }
                for task in tasks { #expect(await task.value == .exited(0)) }
            }
            for _ in 0..<6 { _ = try await link.execute("cat") }
            #expect(link.channelCount == 6)
        }
    }

    @Test(arguments: [false, true])
    func `a killed server ends its channels as lost, after their output`(
        paused: Bool
    ) async throws {
        let server = try await SSHServer.start(SSHServer.Options(shell: .dash))
        let configuration = try server.link()
        try await onLoop {
            let link = try await Link.connect(configuration)
            let mark = server.directory.file("written")
            let channel = try await link.execute("echo before; : >'\(mark)'; sleep 62")
            let text = Gathering()
            if !paused {
                channel.onOutput = { text.bytes += $0 }
                channel.resume()
                #expect(await holds { text.string == "before\n" })
            } else {
                #expect(await holds { access(mark, F_OK) == 0 })
                #expect(try await link.run("echo").text == "\n")
                try await IO.sleep(for: .milliseconds(200))
            }
            var ended: [SSHError] = []
            link.onEnd = { ended.append($0) }
            server.cutConnections()
            #expect(await holds { ended.count == 1 })
            #expect(!link.isOpen)
            channel.onOutput = { text.bytes += $0 }
            channel.resume()
            #expect(text.string == "before\n")
            guard case .lost = channel.end else {
                Issue.record("\(String(describing: channel.end))")
                return
            }
            #expect(await connectedError(link) != nil)
        }
    }
}

/// What came so far.
@IO final class Gathering {
    var bytes: [UInt8] = []
    nonisolated init() {}
    var string: String { String(decoding: bytes, as: UTF8.self) }
}

@IO private func connectedError(_ link: Link) async -> SSHError? {
    do throws(SSHError) {
        _ = try await link.execute("true")
        return nil
    } catch {
        return error
    }
}
