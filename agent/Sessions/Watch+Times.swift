// How long Watch's rules wait: what each time measures and why it has this value. The times count
// from what the agent saw; over a slow connection, from the answer that shows that the input
// arrived.
// Invariant: the sums stay below a call's default wait of 10 s.

extension Watch {
    /// Durations of the rules.
    enum Times {
        /// Time without output or input after which the output alone may count as a question:
        /// people and models wait about as long before they check again.
        static let silence = Duration.seconds(2)
        /// Time from a key's arrival after which an unchanged full-screen program counts as still
        /// running: vim and less end within 0.3 s, tmux on a busy machine within 0.9 s.
        static let picture = Duration.seconds(1)
        /// The same for a program that is at work (state R) or does not wait for a key: an
        /// interpreter that starts on a busy machine takes 1 to 2 s until its first question.
        static let working = Duration.seconds(3)
        /// Time without output after which a picture counts as drawn: vim, asked to end, first
        /// waits 100 ms for the terminal's late answers.
        static let drawing = Duration.milliseconds(160)
        /// The shortest rest between two probes: a shorter one would only ask the kernel more
        /// often.
        static let least = Duration.milliseconds(20)
        /// Time by which output may arrive later than the kernel's answer about the program that
        /// wrote it, as each has its own channel: one round trip to the far side of the world.
        static let travel = Duration.milliseconds(400)
        /// Time between two letters of a question: a console of 300 baud takes 33 ms for each, and
        /// may be held for some of them.
        static let letter = Duration.milliseconds(120)
        /// Time for a program to take a line that the terminal already holds.
        static let taking = Duration.milliseconds(30)
        /// Age up to which a read uses the last answer without a new probe: polling clients read
        /// several times a second.
        static let fresh = Duration.milliseconds(300)
    }
}
