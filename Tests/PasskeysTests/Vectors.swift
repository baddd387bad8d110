// What Chromium's virtual authenticator has sent (python/record.py): a passkey of each kind, used
// twice, and one without user verification.
import Crypto
import Foundation
import JSON
import Passkeys
import Support

/// One recorded passkey.
struct Recorded: Sendable {
    static let site = RelyingParty(id: "localhost", origin: "http://localhost:8642")

    let id: [UInt8]
    var creation: (clientData: [UInt8], authenticatorData: [UInt8])
    var assertions: [(clientData: [UInt8], authenticatorData: [UInt8], signature: [UInt8])]

    /// The challenge that the page gave: 0 for the creation, 1 and 2 for the assertions.
    static func challenge(_ number: UInt8) -> [UInt8] {
        (0..<32).map { 32 * number + $0 }
    }

    init(_ name: String) throws {
        let path = "\(Repository.root)/Tests/PasskeysTests/vectors.json"
        let all = try JSON(parsing: try String(contentsOfFile: path, encoding: .utf8))
        guard let one = all[name] else { throw Unavailable("no vector \(name)") }
        func bytes(_ value: JSON?, _ member: String) -> [UInt8] {
            value?[member]?.stringValue.flatMap(Base64.decodeURL) ?? []
        }
        id = bytes(one, "id")
        creation = (
            bytes(one["creation"], "clientData"), bytes(one["creation"], "authenticatorData")
        )
        assertions = (one["assertions"]?.arrayValue ?? []).map {
            (bytes($0, "clientData"), bytes($0, "authenticatorData"), bytes($0, "signature"))
        }
    }

    /// The passkey that the creation makes.
    func made(
        for site: RelyingParty = site, challenge: [UInt8] = challenge(0)
    ) throws(PasskeyError) -> NewPasskey {
        try PasskeyCreation(
            clientData: creation.clientData, authenticatorData: creation.authenticatorData
        ).verified(for: site, challenge: challenge)
    }

    /// The counter after an assertion.
    func used(
        _ number: Int, by key: PasskeyKey, counter: UInt32 = 0, for site: RelyingParty = site,
        challenge: [UInt8]? = nil
    ) throws(PasskeyError) -> UInt32 {
        let used = assertions[number]
        return try PasskeyAssertion(
            clientData: used.clientData, authenticatorData: used.authenticatorData,
            signature: used.signature
        ).verify(
            by: key, counter: counter, for: site,
            challenge: challenge ?? Self.challenge(UInt8(number + 1)))
    }
}
