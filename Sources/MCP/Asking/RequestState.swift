// What the server must know again when a client comes back with answers; the client carries it,
// sealed, as `requestState`. Pure. Invariant: it counts only for the principal, the method and the
// parameters it was made for, and only until it expires.
import Crypto
import JSON

struct RequestState: Equatable {
    /// Names this state, so that it can be used up.
    var nonce: String
    var principal: String
    var method: String
    /// The digest of the request's parameters.
    var digest: String
    /// How many rounds have been asked, this one included.
    var round: Int
    /// When it expires, in seconds since 1970.
    var expiry: Int64
    /// The keys that were asked for in this round.
    var asked: [String]
    /// The results of earlier rounds.
    var settled: JSON.Object
    var kept: JSON?

    var json: JSON {
        var object: JSON.Object = [
            "nonce": .string(nonce), "principal": .string(principal), "method": .string(method),
            "digest": .string(digest), "round": .int(Int64(round)), "expiry": .int(expiry),
            "asked": .array(asked.map(JSON.string)), "settled": .object(settled),
        ]
        object["kept"] = kept
        return .object(object)
    }
}

extension RequestState {
    init?(_ json: JSON) {
        guard let nonce = json["nonce"]?.stringValue,
            let principal = json["principal"]?.stringValue,
            let method = json["method"]?.stringValue, let digest = json["digest"]?.stringValue,
            let round = json["round"]?.intValue.flatMap(Int.init(exactly:)),
            let expiry = json["expiry"]?.intValue, let asked = json["asked"]?.arrayValue,
            let settled = json["settled"]?.objectValue
        else { return nil }
        self.init(
            nonce: nonce, principal: principal, method: method, digest: digest, round: round,
            expiry: expiry, asked: asked.compactMap(\.stringValue), settled: settled,
            kept: json["kept"])
    }
}

extension Params {
    /// The members that differ between the rounds of one request.
    private static let changing: Set<String> = ["_meta", "inputResponses", "requestState"]

    /// A digest that is the same for every round of a request, however its JSON is written: in any
    /// order of members, with any spelling of numbers and strings.
    var digest: String {
        let fixed = names.filter { !Self.changing.contains($0) }
        let params = JSON.object(JSON.Object(fixed.map { ($0, value($0) ?? .null) }))
        return Base64.encodeURL(SHA256.hash(params.sortedBytes()))
    }
}
