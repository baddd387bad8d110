// The beginning of a tunnel, from the end of TLS to the relay's verdict: the hello that proves this
// agent's identity, then welcome or refuse. Part of RelayConnection, and of the visit that doctor
// makes. Invariant: the proof is bound to this TLS connection, and a verdict comes once.
import Crypto
import JSON
import Loop
import Net
import Tunnel
import Wire

/// The greeting of one tunnel, which holds it.
@IO final class RelayGreeting {
    /// What the relay said.
    enum Verdict: Sendable {
        case welcome(Welcome)
        case refusal(Refusal)
    }

    private let key: Ed25519PrivateKey
    private let binding: [UInt8]
    /// Why a welcome does not count; nil: it does.
    private let reservation: Fault?
    private let complete: @IO (inout Hello) -> Void
    private let settled = Once<Result<Verdict, UplinkError>>()

    /// Begins over a fresh TLS connection; the tunnel answers the greeting's calls, and no others.
    ///
    /// `complete` fills in who this agent is. With a `reservation` a welcome is refused with it, so
    /// that the relay takes no connection over.
    static func begin(
        over stream: TLSStream, key: Ed25519PrivateKey, reservation: Fault? = nil,
        complete: @escaping @IO (inout Hello) -> Void
    ) -> (RelayGreeting, Tunnel) {
        let greeting = RelayGreeting(stream, key, reservation, complete)
        let tunnel = Tunnel(over: stream, role: .responder, limits: RelayConnection.limits)
        tunnel.onClose = { [settled = greeting.settled] in
            settled.set(.failure(.ended("the relay closed the connection: \($0)")))
        }
        tunnel.onCall = { greeting.answer($0) }
        return (greeting, tunnel)
    }

    private init(
        _ stream: TLSStream, _ key: Ed25519PrivateKey, _ reservation: Fault?,
        _ complete: @escaping @IO (inout Hello) -> Void
    ) {
        self.key = key
        self.reservation = reservation
        self.complete = complete
        binding =
            stream.exportKeyingMaterial(
                label: Contract.exporterLabel, count: Contract.bindingBytes) ?? []
    }

    /// Whether the relay has taken this agent, and may call it.
    var isWelcomed: Bool {
        if case .success(.welcome)? = settled.value { true } else { false }
    }

    /// Waits for the verdict.
    func verdict(within deadline: Duration) async -> Result<Verdict, UplinkError> {
        let timer = LoopTimer(after: deadline) { [settled] in settled.set(.failure(.timedOut)) }
        defer { timer.cancel() }
        return await settled.wait()
    }

    /// Answers the greeting's calls: hello, welcome and refuse.
    func answer(_ bytes: [UInt8]) -> [UInt8] {
        do throws(Fault) {
            let request = try Request(decoding: bytes)
            let fields = try Fields(request.arguments)
            switch Method(rawValue: request.method) {
            case .hello:
                var hello = try prove(Challenge(fields))
                complete(&hello)
                return Reply.result(RawJSON(hello.json)).encoded()
            case .welcome:
                settled.set(.success(.welcome(try Welcome(fields))))
                if let reservation { throw reservation }
            case .refuse: settled.set(.success(.refusal(try Refusal(fields))))
            default: throw Fault(.unavailable, "this agent has not been welcomed yet")
            }
            return Reply.result(RawJSON([:])).encoded()
        } catch {
            return Reply.fault(error).encoded()
        }
    }

    /// The proof that this agent has its key, for this connection and challenge.
    private func prove(_ challenge: Challenge) throws(Fault) -> Hello {
        guard let nonce = Base64.decodeURL(challenge.nonce), nonce.count == Contract.bindingBytes,
            binding.count == Contract.bindingBytes,
            let signature = try? key.sign(Contract.helloMessage(binding: binding, nonce: nonce))
        else { throw Fault(.invalidArgument, "the challenge is unusable") }
        return Hello(
            publicKey: Base64.encodeURL(key.publicKey.bytes),
            signature: Base64.encodeURL(signature),
            epoch: .init(boot: 0, connection: 0))
    }
}
