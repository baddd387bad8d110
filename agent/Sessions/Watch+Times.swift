// How long Watch's rules wait, each with what it measures and why it is this long. They are counted
// from what the agent saw: over a slow line, from the answer that shows that what was typed arrived.
// Invariant: the sums stay below a call's default wait of 10 s.

extension Watch {
    /// Durations of the rules.
    enum Times {
        /// Time without output or input before the output alone is taken for a question: people and
        /// models wait about as long before they look twice.
        static let silence = Duration.seconds(2)
        /// Time from a key's arrival until an unchanged full-screen program counts as going on: vim
        /// and less end within 0.3 s, tmux on a busy machine within 0.9 s.
        static let picture = Duration.seconds(1)
        /// The same for a program that is at work (state R) or waits for no key: an interpreter
        /// that starts on a busy machine takes 1 to 2 s to its first question.
        static let working = Duration.seconds(3)
        /// Time without output after which a picture is drawn: vim, asked to end, first waits 100 ms
        /// for the terminal's late answers.
        static let drawing = Duration.milliseconds(160)
        /// The shortest rest: less would only ask the kernel more often.
        static let least = Duration.milliseconds(20)
        /// Time that output may take longer than the kernel's answer about the program that wrote
        /// it, as each has a channel of its own: one round trip to the far side of the world.
        static let travel = Duration.milliseconds(400)
        /// Time between two letters of a question: a console of 300 baud takes 33 ms for each, and
        /// may be held for some of them.
        static let letter = Duration.milliseconds(120)
        /// Time for a program to take a line that the terminal already holds.
        static let taking = Duration.milliseconds(30)
        /// Age up to which a look's answer is not asked for again by a read: polling clients read
        /// several times a second.
        static let fresh = Duration.milliseconds(300)
    }
}
