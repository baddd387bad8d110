// Forwards that listen at the agent, through a real sshd and on the agent's own machine.
import Foundation
import JSON
import Loop
import Net
import Support
import Testing
import Wire

@testable import homeline_agent

extension Desk {
    /// Opens a forward; its address and id.
    func forward(
        _ host: String, to port: UInt16?, kind: String = "local", _ more: JSON.Object = [:],
        as caller: Caller = Caller(id: "ada", reach: Caller.everywhere)
    ) async throws -> (address: String, id: String) {
        var arguments: JSON.Object = ["target": .string("site/\(host)"), "kind": .string(kind)]
        if let port { arguments["to"] = .string("127.0.0.1:\(port)") }
        let opened = try await call(.openForward, arguments.with(more), as: caller).get()
        return (opened["listen"]?.stringValue ?? "", opened["forward_id"]?.stringValue ?? "")
    }

    /// What `forward.list` shows of a forward.
    func shown(_ id: String) async throws -> JSON {
        let list = try await call(.listForwards, [:]).get()["forwards"]?.arrayValue ?? []
        return list.first { $0["forward_id"]?.stringValue == id } ?? .null
    }
}

@Suite(.timeLimit(.minutes(1))) struct ForwardsTests {
    /// A desk whose host `box` is a real sshd.
    @IO private func desk(_ settings: [String: String] = [:]) async throws -> Desk {
        let server = try await SSHServer.start(
            SSHServer.Options(shell: .dash, settings: settings))
        return try await Desk([("box", server, "")])
    }

    private static let hosts = ["box", "local"]

    @Test(arguments: hosts) @IO
    func `bytes pass both ways, and are counted`(host: String) async throws {
        let desk = try await desk()
        let server = try TestServer(.echoes)
        let (address, id) = try await desk.forward(host, to: server.port)
        #expect(address.hasPrefix("127.0.0.1:") && !address.hasSuffix(":0"))
        var clients: [TestClient] = []
        for number in 0..<3 {
            let client = try await TestClient(address)
            client.read()
            client.write("hello \(number)")
            clients.append(client)
        }
        for (number, client) in clients.enumerated() {
            #expect(await until { client.text == "hello \(number)" })
        }
        let open = try await desk.shown(id)
        #expect(open["open"] == 3 && open["accepted"] == 3)
        for client in clients { client.socket.endWriting() }
        for client in clients { #expect(await until { client.ended }) }
        #expect(await until { server.closed == 3 })
        var shown = try await desk.shown(id)
        #expect(
            await until {
                shown = (try? await desk.shown(id)) ?? .null
                return shown["open"] == nil
            })
        #expect(shown["sent_bytes"] == 21 && shown["received_bytes"] == 21)
        #expect(shown["failed"] == nil && shown["error"] == nil)
        server.close()
        await desk.service.shutDown()
    }

    @Test(arguments: hosts) @IO
    func `each direction ends by itself`(host: String) async throws {
        let desk = try await desk()
        // The client ends first; the server answers afterwards, as `nc -N` and databases do.
        let counting = try TestServer(.counts)
        let (address, _) = try await desk.forward(host, to: counting.port)
        let client = try await TestClient(address)
        client.read()
        client.socket.write([UInt8](repeating: 1, count: 3_000_000))
        client.socket.endWriting()
        #expect(await until { client.ended })
        #expect(client.text == "3000000" && counting.ends == 1)
        client.socket.close()
        // The server ends first; what the client sends afterwards arrives.
        let ending = try TestServer(.endsFirst)
        let (other, id) = try await desk.forward(host, to: ending.port)
        let late = try await TestClient(other)
        late.read()
        #expect(await until { late.ended })
        late.socket.write([UInt8](repeating: 2, count: 2_000_000))
        late.socket.endWriting()
        #expect(await until { ending.ends == 1 })
        #expect(ending.received == 2_000_000)
        #expect(await until { (try? await desk.shown(id))?["open"] == nil })
        counting.close()
        ending.close()
        await desk.service.shutDown()
    }

    @Test(arguments: hosts) @IO
    func `a client that does not read holds its server back`(host: String) async throws {
        let desk = try await desk()
        let server = try TestServer(.floods)
        let (address, id) = try await desk.forward(host, to: server.port)
        let slow = try await TestClient(address)
        #expect(await until { server.sent > 1 << 20 })
        // Others go on, over the same link.
        let echo = try TestServer(.echoes)
        let (second, _) = try await desk.forward(host, to: echo.port)
        for _ in 0..<20 {
            let client = try await TestClient(second)
            client.read()
            client.write("x")
            #expect(await until { client.text == "x" })
            client.socket.close()
        }
        // Kernel buffers, the SSH window and the joint's own: far less than all of it.
        #expect(server.sent < TestServer.flood / 2)
        slow.read()
        #expect(await until { slow.ended })
        #expect(slow.count == TestServer.flood)
        slow.socket.close()
        #expect(
            await until {
                (try? await desk.shown(id))?["received_bytes"] == .integer(TestServer.flood)
            })
        server.close()
        echo.close()
        await desk.service.shutDown()
    }

    @Test(arguments: hosts) @IO
    func `a closed destination closes the connection and is reported`(host: String) async throws {
        let desk = try await desk()
        let gone = try TestServer(.echoes)
        let port = gone.port
        gone.close()
        let (address, id) = try await desk.forward(host, to: port)
        let client = try await TestClient(address)
        client.read()
        #expect(await until { client.closed || client.ended })
        let shown = try await desk.shown(id)
        #expect(shown["failed"] == 1 && shown["accepted"] == 1 && shown["open"] == nil)
        let error = try #require(shown["error"]?.stringValue)
        #expect(error.contains("127.0.0.1:\(port)"), "\(error)")
        #expect(error.contains(host == "box" ? "connect failed" : "refused"), "\(error)")
        await desk.service.shutDown()
    }

    @Test @IO func `a server that forwards nothing says so`() async throws {
        let desk = try await desk(["AllowTcpForwarding": "no"])
        let (address, id) = try await desk.forward("box", to: 1)
        let client = try await TestClient(address)
        client.read()
        #expect(await until { client.closed || client.ended })
        let error = try await desk.shown(id)["error"]?.stringValue ?? ""
        #expect(error.contains("AllowTcpForwarding"), "\(error)")
        await desk.service.shutDown()
    }

    @Test @IO func `what cannot be opened has its own sentence`() async throws {
        let desk = try await desk()
        let server = try TestServer(.echoes)
        let taken: JSON = ["target": "site/local", "to": "localhost:1"]
        func fault(_ more: JSON.Object, _ code: Fault.Code, _ says: String) async {
            let fault = await desk.fault(.openForward, (taken.objectValue ?? [:]).with(more))
            #expect(
                fault?.code == code && fault?.message.contains(says) == true, "\(more) \(fault)")
        }
        await fault(["listen": .string("127.0.0.1:\(server.port)")], .unavailable, "in use")
        await fault(["listen": "0.0.0.0:0"], .refusedByPolicy, "AllowBind")
        await fault(["listen": "elsewhere:0"], .refusedByPolicy, "AllowBind")
        await fault(["listen": "70000"], .invalidArgument, "\"listen\"")
        await fault(["to": "nowhere"], .invalidArgument, "\"to\"")
        await fault(["to": "127.1:80"], .invalidArgument, "in full")
        await fault(["to": "0x7f000001:80"], .invalidArgument, "in full")
        await fault(["to": "::1:80"], .invalidArgument, "brackets")
        await fault(["to": .null], .invalidArgument, "\"to\" is missing")
        await fault(["kind": "dynamic"], .invalidArgument, "leave out \"to\"")
        await fault(["target": "site/nobody"], .nameNotFound, "nobody")
        #expect(desk.service.forwards.all.isEmpty)
        #expect(await desk.code(.closeForward, ["forward_id": "x.1"]) == .unknownForward)
        server.close()
        await desk.service.shutDown()
    }

    @Test @IO func `closing drains or cuts`() async throws {
        let desk = try await desk()
        let server = try TestServer(.echoes)
        let (address, id) = try await desk.forward("box", to: server.port)
        let client = try await TestClient(address)
        client.read()
        client.write("a")
        #expect(await until { client.text == "a" })
        let drained = IO.task {
            await desk.call(.closeForward, ["forward_id": .string(id), "drain_s": 50])
        }
        // No new connections, while the old one goes on.
        #expect(await until { (try? await TestClient(address)) == nil })
        client.write("b")
        #expect(await until { client.text == "ab" })
        client.socket.endWriting()
        #expect(try await drained.value.get()["received_bytes"] == 2)
        let (again, other) = try await desk.forward("box", to: server.port)
        let held = try await TestClient(again)
        held.read()
        held.write("c")
        #expect(await until { held.text == "c" })
        let cut = try await desk.call(.closeForward, ["forward_id": .string(other)]).get()
        #expect(cut["accepted"] == 1)
        #expect(await until { held.ended || held.closed })
        #expect(await until { server.closed == 2 })
        #expect(await desk.code(.closeForward, ["forward_id": .string(other)]) == .unknownForward)
        server.close()
        await desk.service.shutDown()
    }

    @Test @IO func `a forward is its principal's, and ends with it`() async throws {
        let desk = try await desk()
        let server = try TestServer(.echoes)
        let ada = Caller(id: "ada", reach: Caller.everywhere)
        let (address, id) = try await desk.forward("box", to: server.port, as: ada)
        let client = try await TestClient(address)
        client.read()
        client.write("a")
        #expect(await until { client.text == "a" })
        for stranger in [
            Caller(id: "bob", label: "ada", reach: Caller.everywhere),
            Caller(id: "ada", reach: ["local"]),
        ] {
            let list = try await desk.call(.listForwards, [:], as: stranger).get()
            #expect(list["forwards"] == [])
            for method in [Wire.Method.closeForward, .connectForward] {
                let answer = await desk.call(method, ["forward_id": .string(id)], as: stranger)
                #expect(answer.code == .unknownForward, "\(method)")
            }
        }
        // Who may not use the agent's machine does not listen on it.
        let narrow = Caller(id: "eve", reach: ["box"])
        let refused = await desk.call(
            .openForward, ["target": "site/box", "to": "localhost:1"], as: narrow)
        #expect(refused.code == .refusedByPolicy)
        let held = try await desk.call(.listPrincipals, [:]).get()
        #expect(held["principals"] == ["ada"])
        _ = try await desk.call(.endPrincipal, ["principal": "ada"]).get()
        #expect(await until { client.ended || client.closed })
        #expect(desk.service.forwards.all.isEmpty)
        server.close()
        await desk.service.shutDown()
    }

    @Test @IO func `rules of agent.conf hold at the opening, later and for each connection`()
        async throws
    {
        let desk = try await desk()
        let server = try TestServer(.echoes)
        let (address, _) = try await desk.forward("local", to: server.port)
        desk.allow { $0.forwards = ForwardRules(denied: ["localhost:\(server.port)"]) }
        #expect(await until { desk.service.forwards.all.isEmpty })
        await #expect(throws: (any Error).self) { _ = try await TestClient(address) }
        let arguments: JSON.Object = [
            "target": "site/local", "to": .string("127.0.0.1:\(server.port)"),
        ]
        #expect(await desk.fault(.openForward, arguments)?.message.contains("DenyForward") == true)
        desk.allow { $0.forwards = ForwardRules(allowed: ["no"]) }
        #expect(
            await desk.fault(.openForward, arguments)?.message.contains("AllowForward no") == true)
        desk.allow {
            $0.forwards = ForwardRules()
            $0.isReadOnly = true
        }
        #expect(await desk.code(.openForward, arguments) == .refusedByPolicy)
        desk.allow {
            $0.isReadOnly = false
            $0.allowsLocal = false
        }
        #expect(
            await desk.fault(.openForward, arguments)?.message.contains("AllowLocal no") == true)
        server.close()
        await desk.service.shutDown()
    }
}
