// The kernel's answer to states, and guesses from text.
import Terminal
import Testing

@Suite struct ProbeTests {
    func verdict(_ modes: String, _ lines: String...) -> Probe.Verdict? {
        let text = "stty speed 38400 baud; \(modes) isig;\n" + lines.joined(separator: "\n") + "\n"
        return Probe(Array(text.utf8), terminal: "/dev/pts/1")?.verdict
    }

    @Test func `the kernel's answer becomes a verdict`() {
        let child = "shell 10 20"
        let shell = "shell 10 10"
        #expect(
            verdict("icanon echo", child, "process 20 S hrtimer_nanosleep 230 ? sleep") == .running)
        #expect(
            verdict("icanon echo", child, "process 20 S wait_woken 0 /dev/pts/1 cat") == .lineInput)
        #expect(
            verdict("icanon echo", child, "process 20 S wait_woken 0 socket:[1] nc") == .running)
        #expect(verdict("icanon echo", shell, "process 10 R 0 running ? bash") == .running)
        #expect(
            verdict("icanon -echo", shell, "process 10 S wait_woken 0 /dev/pts/1 bash") == .secret)
        #expect(verdict("icanon -echo", child, "process 20 S 0 ? ? sudo") == .secret)
        #expect(
            verdict("icanon -echo", child, "process 20 S hrtimer_nanosleep 230 ? sleep") == .running
        )
        #expect(verdict("-icanon -echo", child, "process 20 S poll 270 ? vim") == .fullscreen)
        #expect(
            verdict("-icanon echo", shell, "process 10 S wait_woken 0 /dev/pts/1 bash")
                == .lineInput)
        #expect(
            verdict(
                "icanon echo", child, "process 20 S do_wait 61 ? su",
                "process 21 S wait_woken 0 /dev/pts/1 cat") == .lineInput)
        #expect(
            verdict("icanon echo", shell, "process 10 S poll_schedule_timeout 7 ? ash")
                == .lineInput)
        #expect(
            verdict("icanon echo", child, "process 20 S poll_schedule_timeout 7 ? ssh") == .running)
        #expect(Probe([], terminal: "/dev/pts/1") == nil)
        #expect(Probe(Array("garbage\nprocess\nshell\n".utf8), terminal: "") == nil)
    }

    @Test func `only a plain terminal name goes into a script`() {
        #expect(Probe.script(process: 1, terminal: "/dev/pts/1")?.contains("t=/dev/pts/1;") == true)
        #expect(Probe.script(process: 1, terminal: "/dev/pts/1;reboot") == nil)
        #expect(Probe.script(process: 1, terminal: "not a tty") == nil)
    }

    @Test func `an open line that asks is a question`() {
        #expect(PromptGuess.openLine(of: "a\nPassword: ") == "Password: ")
        #expect(PromptGuess.openLine(of: "a\n") == nil)
        for line in [
            "Password: ", "Continue? [Y/n] ", "--More--", "Enter passphrase for key:", "Really?",
        ] {
            #expect(PromptGuess.isQuestion(line), "\(line)")
        }
        for line in ["Downloading 45%", "compiling", "password changed"] {
            #expect(!PromptGuess.isQuestion(line), "\(line)")
        }
    }
}
