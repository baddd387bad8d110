// A relay whose program is exchanged has two processes for a while, and each may change the store:
// what one of them stores is put in force in the other. Flow: the store's number of changes →
// `onChange`, which reads again what rights hang on. Invariant: rights that are taken away at one
// process end at the other within 5 s.
import Loop

/// Watches the store for changes by another process.
@IO final class StoreWatch {
    /// Time between two looks, each of which reads one number.
    private static let look = Duration.seconds(1)

    private let store: Store
    private let onChange: @IO () async throws(StoreError) -> Void
    private var seen: Int64?
    private var isReading = false
    private var timer: LoopTimer?

    /// Calls `onChange` at the first look, and when there has been a change since the look before.
    ///
    /// It ends with `limit`, or at the first failure.
    init(
        _ store: Store, for limit: Duration,
        _ onChange: @escaping @IO () async throws(StoreError) -> Void
    ) {
        (self.store, self.onChange) = (store, onChange)
        let end = IO.now + limit
        timer = LoopTimer(after: Self.look, repeating: Self.look) { [weak self] in
            guard let self, IO.now < end else { return self?.cancel() ?? () }
            IO.task { await self.read() }
        }
    }

    /// Ends it.
    func cancel() {
        timer?.cancel()
        timer = nil
    }

    private func read() async {
        guard !isReading, timer != nil else { return }
        isReading = true
        defer { isReading = false }
        do throws(StoreError) {
            let number = try await store.foreignChange()
            guard number != seen else { return }
            try await onChange()
            seen = number
        } catch {
            guard timer != nil else { return }
            cancel()
            Process.log("what the relay's other process stores is not seen here: \(error)")
        }
    }
}
