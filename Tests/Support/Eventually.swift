// Waiting for a condition, with a deadline: the only way tests wait.
// Invariant: returns as soon as the condition holds, and never after the limit.

/// Polls `condition` until it gives a value; nil when `limit` has passed.
public func eventually<T>(
    within limit: Duration = .seconds(10), every step: Duration = .milliseconds(4),
    _ condition: () async throws -> T?
) async rethrows -> T? {
    let end = ContinuousClock.now + limit
    while true {
        if let value = try await condition() { return value }
        if ContinuousClock.now >= end || Task.isCancelled { return nil }
        try? await Task.sleep(for: step)
    }
}

/// Polls `condition` until it holds; false when `limit` has passed.
public func holds(
    within limit: Duration = .seconds(30), _ condition: () async throws -> Bool
) async rethrows -> Bool {
    try await eventually(within: limit) { try await condition() ? true : nil } ?? false
}
