// What browsers send of passkeys, forms and cookies: bytes of whoever reaches the pages.
import Crypto
import Foundation
import HTTP
import JSON
import Loop
import Support

@testable import Passkeys
@testable import homeline_relay

extension Parser {
    /// The vectors of Tests/PasskeysTests: the members of this name, as bytes.
    private static func recorded(_ part: String, _ member: String) -> [[UInt8]] {
        let path = "\(Repository.root)/Tests/PasskeysTests/vectors.json"
        guard let text = try? String(contentsOfFile: path, encoding: .utf8),
            let all = (try? JSON(parsing: text))?.objectValue
        else { return [] }
        return all.flatMap { _, one in [one[part], one[part]?[0]] }
            .compactMap { $0?[member]?.stringValue.flatMap(Base64.decodeURL) }
    }

    private static let site = RelyingParty(id: "localhost", origin: "http://localhost:8642")

    static let authenticatorData = Parser(
        name: "authenticator data",
        seeds: recorded("creation", "authenticatorData")
            + recorded("assertions", "authenticatorData")
    ) { bytes in
        // Of what is around it, all is right, so that libfido2 reads it.
        let challenge = [UInt8](0..<32)
        func client(_ type: String) -> [UInt8] {
            Array(
                ("{\"type\":\"\(type)\",\"challenge\":\"\(Base64.encodeURL(challenge))\","
                    + "\"origin\":\"\(site.origin)\"}").utf8)
        }
        let whole = site.hash + [0x45] + bytes.dropFirst(33)
        let made = try? PasskeyCreation(
            clientData: client("webauthn.create"), authenticatorData: whole
        ).verified(for: site, challenge: challenge)
        for algorithm in PasskeyAlgorithm.allCases {
            let key = PasskeyKey(algorithm: algorithm, bytes: Array(bytes.suffix(64)))
            let counter = try? PasskeyAssertion(
                clientData: client("webauthn.get"), authenticatorData: whole,
                signature: Array(bytes.prefix(72))
            ).verify(by: key, counter: 0, for: site, challenge: challenge)
            precondition(counter == nil, "a signature that nobody has made")
        }
        return (made?.id.count ?? 0) + (made?.key.bytes.count ?? 0)
    }

    static let clientData = Parser(
        name: "client data",
        seeds: recorded("creation", "clientData") + recorded("assertions", "clientData")
    ) { bytes in
        for purpose in [ClientData.Purpose.creation, .assertion] {
            for number: UInt8 in 0..<2 {
                let challenge = (0..<32).map { 32 * number + $0 }
                _ = try? ClientData(bytes, purpose, challenge: challenge, site)
            }
        }
        return 0
    }

    static let forms = Parser(
        name: "forms and cookies",
        seeds: ["a=b&c=%20d+e&f", "token=x&to=oauth%2Fauthorize%3Fa%3Db", "id=%FF", "a=1;b=2"]
            .map { Array($0.utf8) }
    ) { bytes in
        let form = FormBody(bytes)
        let text = String(decoding: bytes, as: UTF8.self)
        let path = BackPath(form?["to"] ?? text).text
        precondition(!path.hasPrefix("/") && !path.contains("\\") && !path.contains("\n"))
        let encoded = PercentText.value(text)
        precondition(FormBody(Array("a=\(encoded)".utf8))?["a"] == text || text.utf8.count > 10_000)
        var headers = HTTPHeaders()
        headers.add("Cookie", text)
        if let request = try? HTTPRequest(method: "GET", target: "/", headers: headers) {
            _ = PageCookie.session.value(in: request, isSecure: true)
            _ = BrowserName.of(text)
        }
        return path.utf8.count
    }
}
