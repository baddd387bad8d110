// A log that nobody reads: standard error on a pipe that is full from the first line on, or closed.
// Programs log there, and must go on as if somebody read it.
import Foundation
import Glibc
import JSON
import Support
import Testing

@Suite(.timeLimit(.minutes(2))) struct StalledLogTests {
    /// A named pipe in which no further byte has room; its reader reads nothing before `drain`.
    private final class FullPipe: Sendable {
        let path: String
        private let descriptor: Int32

        init(_ directory: TemporaryDirectory, _ name: String) throws {
            path = directory.file(name)
            guard mkfifo(path, 0o600) == 0 else { throw Unavailable("mkfifo: errno \(errno)") }
            descriptor = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC)
            let filler = [UInt8](repeating: UInt8(ascii: "."), count: 4096)
            while write(descriptor, filler, filler.count) > 0 {}
            while write(descriptor, filler, 1) > 0 {}
        }

        deinit { close(descriptor) }

        /// What stands in the pipe, without the filler.
        func drain() -> String {
            var all: [UInt8] = []
            var chunk = [UInt8](repeating: 0, count: 65536)
            while true {
                let count = read(descriptor, &chunk, chunk.count)
                guard count > 0 else { break }
                all.append(contentsOf: chunk[..<count])
            }
            return String(decoding: all.drop { $0 == UInt8(ascii: ".") }, as: UTF8.self)
        }
    }

    /// Connects to the port and sends bytes that are not TLS; waits until the relay cuts it.
    private func junk(_ port: UInt16) async -> Bool {
        let junk = Array("GET / HTTP/1.1\r\n\r\n".utf8)
        return (try? await HTTPAnswer.exchange(junk, port: port, within: .seconds(20))) != nil
    }

    @Test func `relay and agent work on, and end, while nobody reads their logs`() async throws {
        let home = try await Installation.start()
        _ = await home.process("relay")?.stop()
        let relayLog = try FullPipe(home.directory, "relay.log")
        let agentLog = try FullPipe(home.directory, "agent.log")
        try await home.startRelay(errors: relayLog.path)
        let port = try #require(URL(string: home.tunnel)?.port.flatMap(UInt16.init(exactly:)))
        for _ in 0..<60 {
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<10 { group.addTask { _ = await junk(port) } }
            }
        }
        let caller = try await home.caller()
        let list = try await caller.structured("agent_list", [:], within: .seconds(10))
        #expect(list["agents"]?.arrayValue?.isEmpty == true)

        try await home.join("site")
        try await home.startAgent("site", caller: caller, errors: agentLog.path)
        let told = try await caller.structured("agent_describe", ["agent": "site"])
        #expect(told["agent"] == "site")

        // Somebody reads again: the lines that waited come, and there are few of them.
        var log = relayLog.drain()
        #expect(
            await holds {
                log += relayLog.drain()
                return log.contains("agent site connected")
            })
        let refusals = log.split(separator: "\n").filter { $0.contains("refused: ") }
        #expect((1...20).contains(refusals.count), "\(log)")

        // Its own log is still full: what waits must not hold up its end.
        let start = ContinuousClock.now
        let ends = await home.stop()
        #expect(ends == ["relay": .exited(0), "site": .exited(0)])
        #expect(ContinuousClock.now - start < .seconds(14))
        log += relayLog.drain()
        #expect(log.contains("stopping"), "what was queued is written at the end: \(log)")
        #expect(log.contains("more connections"), "\(log)")
    }

    @Test func `programs work on without standard descriptors, and where jobs may not write`()
        async throws
    {
        let home = try await Installation.start()
        try await home.join("site")
        let agent = try RunningProcess(
            "/bin/sh",
            [
                "-c", "exec \"$0\" run --data \"$1\" <&- >&- 2>&-",
                Repository.program("homeline-agent"), home.data("site"),
            ])
        let caller = try await home.caller()
        #expect(await home.online("site", caller: caller))
        for descriptor in 0...2 {
            let path = "/proc/\(agent.id)/fd/\(descriptor)"
            #expect(try FileManager.default.destinationOfSymbolicLink(atPath: path) == "/dev/null")
        }
        let opened = try await caller.structured("ssh_session_open", ["target": "site/local"])
        let run = try await caller.structured(
            "ssh_session_command",
            ["session_id": opened["session_id"] ?? .null, "command": "echo here >&2"])
        #expect(run["output"] == "here\n")

        // A background job of a terminal that lets none write is not stopped by what it has to say.
        let program = Repository.program("homeline-relay")
        let revoke = "\(program) tokens revoke none --data \(home.data("relay"))"
        let background = try await caller.structured(
            "ssh_session_command",
            [
                "session_id": opened["session_id"] ?? .null,
                "command": .string("bash -mc 'stty tostop; \(revoke) & wait $!; echo $?'"),
            ])
        #expect(background["output"]?.stringValue?.contains("no token 'none'") == true)
        #expect(background["output"]?.stringValue?.hasSuffix("65\n") == true, "\(background)")
        #expect(await agent.stop() == .exited(0))
        await home.stop()
    }
}
