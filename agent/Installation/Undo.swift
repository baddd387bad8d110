// What an installation has done so far, so that one that fails leaves things as they were.

import Loop
/// The steps back, newest last.
@IO final class Undo {
    private var steps: [@IO () async -> Void] = []
    private var last: (@IO () async -> String?)?

    /// Notes how the step that was just taken is taken back.
    func add(_ step: @escaping @IO () async -> Void) { steps.append(step) }

    /// Notes what is done when every step has been taken back; it returns why that failed.
    func addLast(_ step: @escaping @IO () async -> String?) { last = step }

    /// Takes every step back, the newest first; returns why what was there before does not run.
    func all() async -> String? {
        while let step = steps.popLast() { await step() }
        let last = last
        self.last = nil
        return await last?()
    }
}
