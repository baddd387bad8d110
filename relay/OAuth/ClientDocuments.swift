// The clients whose ids are URLs: fetched when a person is asked about one, and kept for a while.
// Flow: a client's id → kept, or DocumentFetch → ClientDocument → OAuthClient. Invariant: one fetch
// at a time for a URL and few in all; what is kept is bounded, and nothing is kept for longer than
// a day.
import Loop

/// Clients with metadata documents.
@IO final class ClientDocuments {
    /// Fetches at once, and those for one person.
    nonisolated static let places = 8
    nonisolated static let share = 2
    /// The most clients that are kept: some hundred bytes each.
    nonisolated static let limit = 256
    /// How long one is kept, whatever its server says, in seconds: a reload at the consent page is
    /// no second fetch, and what a client takes back ends within a day.
    nonisolated static let shortest: Int64 = 300
    nonisolated static let longest: Int64 = 86_400
    /// How long a failure is kept.
    nonisolated static let failure: Int64 = 15

    private struct Kept {
        let result: Result<OAuthClient, OAuthError>
        let until: Int64
    }

    private let fetch: DocumentFetch
    private let now: @Sendable () -> Int64
    private let work: JointWork<String, Result<DocumentFetch.Answer, OAuthError>>
    private var kept: [String: Kept] = [:]

    init(_ fetch: DocumentFetch, now: @escaping @Sendable () -> Int64) {
        (self.fetch, self.now) = (fetch, now)
        work = JointWork(Shares(Self.places, share: Self.share))
    }

    /// The client whose id is `url`, for a person; throws why it cannot be taken.
    func client(_ url: String, for person: String) async throws(OAuthError) -> OAuthClient {
        if let known = kept[url], now() < known.until { return try known.result.get() }
        let answer: Result<DocumentFetch.Answer, OAuthError>
        do throws(Lack) {
            let fetch = fetch
            answer = try await work.value(url, for: person, until: IO.now + DocumentFetch.patience)
            {
                do throws(OAuthError) { return .success(try await fetch(url)) } catch {
                    return .failure(error)
                }
            }
        } catch {
            throw OAuthError(.temporarilyUnavailable, "too many clients are being looked up")
        }
        var lifetime = Self.failure
        let result: Result<OAuthClient, OAuthError>
        do throws(OAuthError) {
            let answer = try answer.get()
            result = .success(try ClientDocument(answer.body).described(at: url))
            lifetime = min(Self.longest, max(Self.shortest, answer.lifetime ?? 0))
        } catch {
            result = .failure(error)
        }
        keep(Kept(result: result, until: now() + lifetime), as: url)
        return try result.get()
    }

    private func keep(_ client: Kept, as url: String) {
        let moment = now()
        if kept.count >= Self.limit { kept = kept.filter { $0.value.until > moment } }
        if kept.count >= Self.limit, let first = kept.min(by: { $0.value.until < $1.value.until }) {
            kept[first.key] = nil
        }
        kept[url] = client
    }
}
