// Why the relay's store refused; each case is a sentence for an admin or a joining agent.

import SQLite

/// Why the relay's durable state could not be read or changed.
enum StoreError: Error, Equatable, Sendable, CustomStringConvertible {
    case database(SQLiteError)
    case invitationUnknown
    case invitationExpired
    case invitationUsed
    case invitationCancelled
    case unknownInvitation(String)
    case usesInvalid
    case rejoinChanges
    case tooManyInvitations(limit: Int)
    case nameInvalid(String)
    case nameTaken(String)
    case nameReserved(String)
    case tagInvalid(String)
    case purposeInvalid
    case keyInvalid
    case keyInUse
    case keyOutOfDate
    case patternInvalid(String)
    case unknownAgent(String, nearest: String?)
    case unknownToken(String, nearest: String?)
    case unknownClient(String)
    case unknownGrant(String)
    case tooManyClients(limit: Int)
    case redirectInvalid(String)
    case clientNameInvalid
    case unknownPerson(String, nearest: String?)
    case unknownPageSession(String)
    case linkRefused
    case unknownPasskey
    case passkeyKnown
    case lastPasskey
    case tooManyPasskeys(limit: Int)

    /// One plain line saying what is wrong and what to do next.
    var description: String {
        switch self {
        case .database(let error): error.description
        case .invitationUnknown: "this invitation is unknown here: ask for a new one"
        case .invitationExpired: "this invitation has expired: ask for a new one"
        case .invitationUsed: "this invitation has been used: ask for a new one"
        case .invitationCancelled: "this invitation was cancelled: ask for a new one"
        case .unknownInvitation(let id):
            "no open invitation '\(id)': see homeline-relay invitations"
        case .usesInvalid: "an invitation can be for 1 to \(Store.useLimit) agents"
        case .rejoinChanges:
            "one machine joins again as the agent that it was: leave out the name, the tags, the "
                + "purpose and the number of uses (homeline-relay agents update changes them)"
        case .tooManyInvitations(let limit):
            "\(limit) invitations are open: wait until some expire"
        case .nameInvalid(let name):
            "'\(name)' is not a name: use 1 to 63 lower-case letters, digits and hyphens"
        case .nameReserved(let name):
            "the name '\(name)' is reserved for the relay's own use: choose another"
        case .nameTaken(let name): "the name '\(name)' is taken: choose another or revoke it"
        case .tagInvalid(let tag):
            "'\(tag)' is not a tag: use up to 32 of 1 to 63 letters, digits, dots, hyphens, '_' or '='"
        case .purposeInvalid: "a purpose is one line of at most 500 bytes"
        case .keyInvalid: "the agent's public key is not an Ed25519 key"
        case .keyInUse:
            "this key belongs to another agent: if the machine is not that agent any more, run "
                + "homeline-agent join --new with this invitation"
        case .keyOutOfDate:
            "the agent offered another key than the one that it is to use next. If that is said "
                + "again, let the agent join once more: homeline-relay invite --rejoin NAME"
        case .patternInvalid(let text):
            "'\(text)' is not a pattern: use agent/target with * and ?, or tag:NAME, joined by commas"
        case .unknownAgent(let name, let nearest):
            "no agent '\(name)'" + Self.hint(nearest) + ": see homeline-relay agents"
        case .unknownToken(let name, let nearest):
            "no token '\(name)'" + Self.hint(nearest) + ": see homeline-relay tokens"
        case .unknownClient(let id): "no client '\(id)': see homeline-relay clients"
        case .unknownGrant(let id): "no grant '\(id)': see homeline-relay clients"
        case .tooManyClients(let limit):
            "\(limit) programs have registered themselves of late: try again in some minutes"
        case .redirectInvalid(let text):
            "'\(text)' is not an address that codes may go to: use https://…, http:// on this "
                + "machine, or a scheme of the program's own"
        case .clientNameInvalid:
            "a client's name has 1 to \(OAuthClient.nameLimit) characters on one line"
        case .unknownPerson(let name, let nearest):
            "no person '\(name)'" + Self.hint(nearest) + ": see homeline-relay people"
        case .unknownPageSession(let id):
            "nobody is logged in by the session '\(id)': see homeline-relay people sessions"
        case .linkRefused:
            "this link is unknown, used or expired: ask for a new one (homeline-relay people link)"
        case .unknownPasskey: "this passkey is not there"
        case .passkeyKnown: "this passkey is known already: use it to log in"
        case .lastPasskey: "this is the only passkey: add another one before you remove it"
        case .tooManyPasskeys(let limit):
            "a person can have \(limit) passkeys: remove one that is not used any more"
        }
    }

    private static func hint(_ nearest: String?) -> String {
        nearest.map { ", did you mean '\($0)'?" } ?? ""
    }
}
