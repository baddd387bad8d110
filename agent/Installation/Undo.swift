// What an installation has done so far, so that one that fails leaves nothing behind.

import Loop
/// The steps back, newest last.
@IO final class Undo {
    private var steps: [@IO () async -> Void] = []

    /// Notes how the step that was just taken is taken back.
    func add(_ step: @escaping @IO () async -> Void) { steps.append(step) }

    /// Takes every step back, the newest first.
    func all() async {
        while let step = steps.popLast() { await step() }
    }
}
