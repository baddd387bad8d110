// Waiting for several tasks that one caller began.

extension IO {
    /// The values of all tasks, in their order; when the caller is cancelled, so are they.
    @IO public static func values<T: Sendable>(of tasks: [Task<T, Never>]) async -> [T] {
        await withTaskCancellationHandler {
            var values: [T] = []
            for task in tasks { values.append(await task.value) }
            return values
        } onCancel: {
            for task in tasks { task.cancel() }
        }
    }
}
