// Thousands of agents in one process, each with a key and a tunnel of its own: what a relay cannot
// tell from as many machines. `homeline-bench fleet INVITATION COUNT` joins them and then keeps
// them connected, as `homeline-agent run` does; once a second it prints how many are, as JSON.
// peers/scale.py measures the relay meanwhile.
import Crypto
import Glibc
import JSON
import Loop
import Net
import Tunnel
import Wire

@IO final class SimulatedFleet {
    nonisolated static let word = "fleet"

    /// What every agent needs, made once.
    let context: TLSContext
    let invitation: Invitation
    let address: SocketAddress
    private(set) var online = 0
    private(set) var dials = 0
    private(set) var refusals = 0
    private(set) var calls = 0

    /// Dials at once while the fleet joins: as many as a first visit by people with scripts.
    private static let joining = 64

    /// Runs until it is killed; the exit code.
    static func run(_ arguments: [String]) async -> Int32 {
        do {
            guard arguments.count == 2, let count = Int(arguments[1]), (1...100_000).contains(count)
            else { throw BenchError("give INVITATION COUNT") }
            _ = Process.raiseDescriptorLimit()
            let fleet = try SimulatedFleet(try Invitation(arguments[0]))
            await fleet.serve(count)
            return 0
        } catch {
            LineProtocol.complain(error)
            return 70
        }
    }

    private init(_ invitation: Invitation) throws {
        guard let port = invitation.urls[0].split(separator: ":").last.flatMap({ UInt16($0) }),
            let pin = invitation.pin.flatMap({ PublicKeyPin(bytes: $0) }),
            let address = SocketAddress(ip: "127.0.0.1", port: port)
        else { throw BenchError("cannot dial \(invitation.urls[0])") }
        self.invitation = invitation
        self.address = address
        context = try TLSContext(client: .pin(pin), alpn: [Contract.applicationProtocol])
    }

    private func serve(_ count: Int) async {
        let report = LoopTimer(after: .seconds(1), repeating: .seconds(1)) { self.report() }
        let turns = Turns(Self.joining)
        for number in 0..<count {
            await turns.begin()
            IO.task { await SimulatedAgent(number, self, turns).run() }
        }
        await Once<Void>().wait()
        report.cancel()
    }

    private func report() {
        print(
            "{\"online\":\(online),\"dials\":\(dials),\"refusals\":\(refusals),\"calls\":\(calls)}")
        fflush(nil)
    }

    func dialled() { dials += 1 }
    func refused() { refusals += 1 }
    func called() { calls += 1 }
    func came() { online += 1 }
    func went() { online -= 1 }
}

/// At most so many at once; the others wait.
@IO private final class Turns {
    private var free: Int
    private let condition = Condition()

    init(_ count: Int) { free = count }

    func begin() async {
        while free == 0 { await condition.wait(until: IO.now + .seconds(60)) { free > 0 } }
        free -= 1
    }

    func end() {
        free += 1
        condition.broadcast()
    }
}

/// One of the agents.
@IO private final class SimulatedAgent {
    private let fleet: SimulatedFleet
    private let number: Int
    private var key: Ed25519PrivateKey?
    private var id: String?
    private var connections: Int64 = 0
    private var failures = 0
    private var turns: Turns?

    init(_ number: Int, _ fleet: SimulatedFleet, _ turns: Turns) {
        (self.number, self.fleet, self.turns) = (number, fleet, turns)
    }

    func run() async {
        while true {
            let start = IO.now
            let wasServed = await connect()
            turns?.end()
            turns = nil
            // As agent/Uplink/Backoff: full jitter, short again after 5 s of service.
            failures = wasServed && IO.now - start > .seconds(5) ? 0 : failures + 1
            let cap = min(60, 0.5 * Double(1 << min(failures, 10)))
            try? await IO.sleep(for: max(.milliseconds(250), .seconds(Double.random(in: 0...cap))))
        }
    }

    /// Dials and serves until the tunnel ends; whether the relay said welcome.
    private func connect() async -> Bool {
        fleet.dialled()
        connections += 1
        guard
            let socket = try? await SocketStream.connect(to: fleet.address, deadline: .seconds(10)),
            let stream = try? await TLSStream.handshake(
                over: socket, context: fleet.context, serverName: "relay")
        else { return false }
        let binding =
            stream.exportKeyingMaterial(
                label: Contract.exporterLabel, count: Contract.bindingBytes) ?? []
        let ended = Once<Void>()
        let welcome = Once<Bool>()
        let tunnel = Tunnel(
            over: stream, role: .responder, limits: TunnelLimits(bodyBytes: Contract.callBytes))
        tunnel.onClose = { _ in
            welcome.set(false)
            ended.set(())
        }
        tunnel.onCall = { bytes in
            if let answer = await self.standing(bytes, ended) { return answer }
            return self.answer(bytes, binding, welcome)
        }
        if tunnel.isClosed { return false }
        let isWelcome = await IO.within(.seconds(15)) { await welcome.wait() } ?? false
        guard isWelcome else {
            fleet.refused()
            tunnel.close()
            return false
        }
        turns?.end()
        turns = nil
        fleet.came()
        await ended.wait()
        fleet.went()
        return true
    }

    /// The answer to `agent.events`, as nothing ever happens here; nil for another call.
    private func standing(_ bytes: [UInt8], _ ended: Once<Void>) async -> [UInt8]? {
        guard let request = try? Request(decoding: bytes), request.method == "agent.events",
            let fields = try? Fields(request.arguments), let call = try? AskEvents(fields)
        else { return nil }
        if call.after != nil { await ended.wait() }
        let answer = AgentEvents(last: 0, isMissed: call.after == nil)
        return Reply.result(RawJSON(answer.json)).encoded()
    }

    private func answer(_ bytes: [UInt8], _ binding: [UInt8], _ welcome: Once<Bool>) -> [UInt8] {
        do {
            let request = try Request(decoding: bytes)
            let fields = try Fields(request.arguments)
            switch Wire.Method(rawValue: request.method) {
            case .hello:
                let hello = try hello(Challenge(fields), binding)
                return Reply.result(RawJSON(hello.json)).encoded()
            case .welcome:
                id = try Welcome(fields).agentID
                welcome.set(true)
                return Reply.result(RawJSON([:])).encoded()
            case .refuse:
                welcome.set(false)
                return Reply.result(RawJSON([:])).encoded()
            case .listPrincipals: return Reply.result(RawJSON(PrincipalList([]).json)).encoded()
            case .listTargets:
                fleet.called()
                return Reply.result(RawJSON(["targets": []])).encoded()
            default: throw Fault(.unknownMethod, "this agent is simulated")
            }
        } catch {
            return Reply.fault(error as? Fault ?? Fault(.internal, "\(error)")).encoded()
        }
    }

    private func hello(_ challenge: Challenge, _ binding: [UInt8]) throws -> Hello {
        let key = try key ?? Ed25519PrivateKey.generate()
        self.key = key
        let nonce = Base64.decodeURL(challenge.nonce) ?? []
        var hello = Hello(
            publicKey: Base64.encodeURL(key.publicKey.bytes),
            signature: Base64.encodeURL(
                try key.sign(Contract.helloMessage(binding: binding, nonce: nonce))),
            epoch: .init(boot: 1, connection: connections))
        if let id {
            hello.agentID = id
        } else {
            hello.invitation = Base64.encodeURL(fleet.invitation.secret)
        }
        hello.keepsJournal = true
        hello.facts.hostname = "host-\(number)"
        hello.facts.system = "linux"
        hello.facts.version = "0.1.0"
        return hello
    }
}
