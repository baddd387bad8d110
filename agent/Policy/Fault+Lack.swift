// The error that a caller gets when all places for its kind of call are taken. Flow: Commands,
// Files and the other rooms with places take them through these functions.
// Invariant: the sentence says whose places are in use, and what to do.
import Loop
import Wire

extension Fault {
    /// The fault for a lack of `what`; `next` says what to do.
    init(_ lack: Lack, _ what: String, _ next: String) {
        switch lack {
        case .places(let limit):
            self.init(.limitReached, "all \(limit) of this agent's \(what) are in use: \(next)")
        case .share(let own, let limit):
            self.init(
                .limitReached,
                "\(own) of this agent's \(limit) \(what) are yours, which is a principal's share:"
                    + " \(next)")
        }
    }
}

extension Shares {
    /// A place for a principal now; `what` and `next` are the words of the fault if there is none.
    func take(
        for principal: String, of what: String, or next: String
    ) throws(Fault) -> Shares.Place {
        do throws(Lack) { return try take(for: principal) } catch {
            throw Fault(error, what, next)
        }
    }

    /// A place for a principal when its turn has come, at the latest at the deadline.
    func wait(
        for principal: String, until deadline: ContinuousClock.Instant, of what: String,
        or next: String
    ) async throws(Fault) -> Shares.Place {
        do throws(Lack) { return try await wait(for: principal, until: deadline) } catch {
            throw Fault(error, what, next)
        }
    }
}
