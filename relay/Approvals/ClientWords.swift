// What a client says of itself and of its call, for the person who is asked. Flow: Tools sets it
// for each call of a client → Router reads it where it notes a question. Invariant: it grants
// nothing; where there is none, no client waits for the call, and no person is asked.
import JSON
import Loop
import Wire

/// A client's name, and its model's reason for the call that is running.
struct ClientWords: Sendable {
    /// Those of the running task's call; nil: no client has made it.
    @TaskLocal static var current: ClientWords?

    /// The member of a request's `_meta` that has the model's reason.
    static let reasonName = "dev.homeline/reason"
    /// The most Unicode scalars kept of either: a person reads a sentence or two.
    private static let limit = 500

    /// What the client program says it is.
    let client: String?
    /// What the model gave as its reason.
    let reason: String?

    /// The words of a client's call.
    init(client: String?, meta: JSON.Object) {
        self.client = client?.shown(atMost: Self.limit)
        reason = meta[Self.reasonName]?.stringValue?.shown(atMost: Self.limit)
    }

    /// Runs `body` for a call with these words.
    @IO func during<T, Failure: Error>(
        _ body: @IO () async throws(Failure) -> T
    ) async throws(Failure) -> T {
        let result = await Self.$current.withValue(self) { () async -> Result<T, Failure> in
            do throws(Failure) { return .success(try await body()) } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }
}
