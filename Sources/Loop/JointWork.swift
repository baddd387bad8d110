// Work in shared places that callers ask for by a key: whoever asks for what is under way gets the
// answer of the one who came first. Invariant: work for one key runs once at a time; nobody waits
// behind another principal's queue.

/// Work that takes a place, and that callers with the same key share.
@IO public final class JointWork<Key: Hashable & Sendable, Value: Sendable> {
    private struct Wish: Hashable {
        let principal: String
        let key: Key
    }

    /// Where the work runs.
    public let shares: Shares
    private var running: [Key: Task<Value, Never>] = [:]
    private var wishes: [Wish: Task<Result<Value, Lack>, Never>] = [:]

    /// Work that takes its places from `shares`.
    public nonisolated init(_ shares: Shares) { self.shares = shares }

    /// What `work` returns, or the same work of another caller; throws if no place was free until
    /// the deadline.
    ///
    /// Callers of one principal with one key wait together, until the deadline of the first of
    /// them. The work goes on when the caller is cancelled, as others may wait for it: it must end
    /// by itself.
    public func value(
        _ key: Key, for principal: String, until deadline: ContinuousClock.Instant,
        _ work: @escaping @IO @Sendable () async -> Value
    ) async throws(Lack) -> Value {
        if let task = running[key] { return await task.value }
        let wish = Wish(principal: principal, key: key)
        let wished =
            wishes[wish]
            ?? IO.task {
                let result = await self.result(wish, until: deadline, work)
                self.wishes[wish] = nil
                return result
            }
        wishes[wish] = wished
        return try await wished.value.get()
    }

    private func result(
        _ wish: Wish, until deadline: ContinuousClock.Instant,
        _ work: @escaping @IO @Sendable () async -> Value
    ) async -> Result<Value, Lack> {
        let place: Shares.Place
        do throws(Lack) {
            place = try await shares.wait(for: wish.principal, until: deadline)
        } catch {
            return .failure(error)
        }
        defer { place.giveBack() }
        // Another principal may have begun the same meanwhile.
        if let task = running[wish.key] {
            place.giveBack()
            return .success(await task.value)
        }
        let task = IO.task { await work() }
        running[wish.key] = task
        let value = await task.value
        running[wish.key] = nil
        return .success(value)
    }
}
