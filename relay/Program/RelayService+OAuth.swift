// OAuth as a part of the relay: whose rights a request has, and what people have let clients do.
// Flow: a request of MCP → authenticate → its principal, or a challenge that leads to OAuth.
import Configuration
import HTTP
import Loop
import MCP
import Wire

/// Ends a principal's calls and streams: set once there is somebody who can.
@IO final class RightsEnd {
    var end: (@IO (_ id: String, _ sentence: String) -> Void)?
}

extension OAuthService {
    /// That of a relay with these settings.
    convenience init(_ store: Store, _ access: Access, _ options: Options, _ rights: RightsEnd) {
        self.init(
            store, access,
            documents: options.bool(Settings.clientMetadata)
                ? ClientDocuments(DocumentFetch(), now: store.now) : nil,
            people: { () throws(StoreError) in try await store.people() },
            end: { rights.end?($0, $1) })
    }
}

extension RelayService {
    static func authenticate(
        _ request: HTTPRequest, allowedOrigins: Set<String>, _ access: Access, _ router: Router,
        _ oauth: OAuthService
    ) -> Authentication {
        let address = oauth.isOpen ? oauth.address : nil
        let metadata = address?.metadata(for: request.soleHeader("host"))
        do throws(AccessError) {
            let principal = try access.principal(
                authorization: request.soleHeader("authorization"),
                fromLoopback: LocalClient.isOne(request, allowedOrigins: allowedOrigins))
            // Only what acts for a person can be given more by that person.
            let stepUp: StepUp? =
                if principal.client != nil, let metadata {
                    StepUp(metadata: metadata, scopes: Scope.words(principal.scopes))
                } else {
                    nil
                }
            return .principal(router.introduce(principal), stepUp)
        } catch {
            return .challenge(error.challenge(metadata: metadata))
        }
    }

    /// Has clients find OAuth, where it is not switched off.
    func openOAuth(_ options: Options) {
        guard options.bool(Settings.oauth), let web = entrance.web.address else { return }
        oauth.visitors = pages.sessions
        pages.clients = oauth.service
        oauth.open(entrance.web, at: OAuthAddress(web: web))
    }

    func oauthChanged() async {
        do throws(StoreError) { try await oauth.service.reload() } catch {
            Process.log("the store failed: \(error)")
        }
    }

    /// Ends what has expired of OAuth.
    func sweepOAuth() async {
        do throws(StoreError) { try await oauth.service.sweep() } catch {
            Process.log("the store failed: \(error)")
        }
    }
}
