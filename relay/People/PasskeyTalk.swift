// What the pages' scripts and the relay say to each other about passkeys. Pure. Flow: the options
// that a script passes to `navigator.credentials`, and the form in which it sends what came of it.
// Bytes are base64url on the way.
import Crypto
import JSON
import Passkeys

/// The two ends of a ceremony (WebAuthn §7) as the scripts have them.
enum PasskeyTalk {
    private static let milliseconds = Challenges.lifetime * 1000

    /// The user handle by which passkeys know a person: it says nothing about the person.
    static func handle(of person: Person) -> [UInt8] { Array(person.id.utf8) }

    /// The options for a new passkey of a person, who has `known` ones.
    ///
    /// Discoverable, so that nobody types a name at a login; with user verification, so that the
    /// device alone is not enough.
    static func creation(
        _ challenge: [UInt8], of person: Person, known: [PasskeyRecord], at site: RelyingParty
    ) -> JSON {
        [
            "rp": ["id": .string(site.id), "name": "Homeline"],
            "user": [
                "id": .string(Base64.encodeURL(handle(of: person))),
                "name": .string(person.name), "displayName": .string(person.name),
            ],
            "challenge": .string(Base64.encodeURL(challenge)),
            "pubKeyCredParams": .array(
                PasskeyAlgorithm.allCases.map {
                    ["type": "public-key", "alg": JSON($0.rawValue)]
                }),
            "excludeCredentials": .array(
                known.map { ["type": "public-key", "id": .string($0.text)] }),
            "authenticatorSelection": [
                "residentKey": "required", "requireResidentKey": true,
                "userVerification": "required",
            ],
            "attestation": "none", "timeout": JSON(milliseconds),
        ]
    }

    /// The options for a login by whichever passkey the visitor has.
    static func login(_ challenge: [UInt8], at site: RelyingParty) -> JSON {
        [
            "challenge": .string(Base64.encodeURL(challenge)), "rpId": .string(site.id),
            "userVerification": "required", "timeout": JSON(milliseconds),
        ]
    }

    /// The new passkey that a form carries.
    static func creation(in form: FormBody) -> PasskeyCreation? {
        guard let clientData = bytes("clientData", form),
            let authenticatorData = bytes("authenticatorData", form)
        else { return nil }
        return PasskeyCreation(clientData: clientData, authenticatorData: authenticatorData)
    }

    /// The login that a form carries, the id of its passkey, and the user handle that the passkey
    /// has given.
    ///
    /// The handle is empty where the passkey has given none; else it has to be that of the
    /// passkey's person (WebAuthn §7.2, step 6).
    static func assertion(
        in form: FormBody
    ) -> (id: [UInt8], handle: [UInt8], assertion: PasskeyAssertion)? {
        guard let id = bytes("id", form), let clientData = bytes("clientData", form),
            let authenticatorData = bytes("authenticatorData", form),
            let signature = bytes("signature", form),
            let handle = Base64.decodeURL(form["userHandle"] ?? "")
        else { return nil }
        return (
            id, handle,
            PasskeyAssertion(
                clientData: clientData, authenticatorData: authenticatorData, signature: signature)
        )
    }

    private static func bytes(_ name: String, _ form: FormBody) -> [UInt8]? {
        form[name].flatMap(Base64.decodeURL)
    }
}

extension PasskeyRecord {
    /// A new passkey of a person, made in the browser `name`.
    init(_ made: NewPasskey, of person: Person, named name: String, now: Int64) {
        self.init(
            id: made.id, person: person.id, name: name, key: made.key, counter: made.counter,
            isBackedUp: made.isBackedUp, created: now)
    }
}
