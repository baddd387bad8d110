// `homeline-relay forward` with real programs: it listens in its own process, and ends with it.
import Foundation
import JSON
import Loop
import Net
import Support
import Testing

@Suite(.timeLimit(.minutes(1))) struct ForwardTests {
    @Test @IO func `a person's forward works, and ends with its process`()
        async throws
    {
        let place = try await Place.shared.value
        let server = try #require(place.servers["dash"])
        let data = place.home.data("relay")
        // The SSH server itself is a service that greets whoever connects.
        let process = try RunningProcess(
            Repository.program("homeline-relay"),
            ["forward", "site/bash", "0:127.0.0.1:\(server.port)", "--data", data])
        let line = try await process.line(containing: "forwards to")
        let port = try #require(
            line.split(separator: " ").first?.split(separator: ":").last.flatMap { UInt16($0) })
        let socket = try await SocketStream.connect(host: "127.0.0.1", port: port)
        let taken = Box("")
        socket.onData = { more in
            let text = String(decoding: more, as: UTF8.self)
            taken.withLock { $0 += text }
        }
        #expect(await holds { taken.withLock { $0.contains("SSH-2.0-") } })
        socket.close()
        let greeting = taken.withLock { $0 }
        #expect(greeting.hasPrefix("SSH-2.0-"))
        let list = try await place.caller.structured("forward_list", [:])
        let shown = list["forwards"]?.arrayValue?.first
        #expect(shown?["at"] == "relay" && shown?["accepted"] == 1)
        process.signal(SIGINT)
        #expect(
            try await holds {
                try await place.caller.structured("forward_list", [:])["forwards"] == []
            })
    }

    @Test @IO func `a source whose client has broken off is let go at once`() async throws {
        let place = try await Place.shared.value
        // It writes on whenever it can, as a stream of video does.
        var sources: [SocketStream] = []
        let portion = [UInt8](repeating: 7, count: 1 << 16)
        let loopback = try #require(SocketAddress(ip: "127.0.0.1", port: 0))
        let listener = try Listener.tcp(loopback) { source in
            sources.append(source)
            source.onDrain = { [unowned source] in source.write(portion) }
            source.write(portion)
        }
        defer { listener.close() }
        let destination = try #require(listener.address)
        let opened = try await place.caller.structured(
            "forward_open",
            ["target": "site/bash", "to": .string("\(destination)"), "at": "relay"])
        let id = try #require(opened["forward_id"]?.stringValue)
        let port = try #require(
            opened["listen"]?.stringValue?.split(separator: ":").last.flatMap { UInt16($0) })
        let client = try await SocketStream.connect(host: "127.0.0.1", port: port)
        var taken = 0
        client.onData = { taken += $0.count }
        #expect(await holds { @IO in taken > 1 << 20 })
        client.close()
        #expect(
            try await holds(within: .seconds(10)) { @IO in
                let list = try await place.caller.structured("forward_list", [:])["forwards"]
                let own = list?.arrayValue?.first { $0["forward_id"]?.stringValue == id }
                return (own?["open"]?.intValue ?? 0) == 0 && sources.allSatisfy(\.isClosed)
            })
        _ = try await place.caller.structured("forward_close", ["forward_id": .string(id)])
    }
}
