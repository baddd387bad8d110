// The kernel's answer to states, and guesses from text.
import Terminal
import Testing

@Suite struct ProbeTests {
    func probe(_ modes: String, _ lines: [String]) -> Probe? {
        let modes = "tty /dev/pts/1 speed 38400 baud; line = 0; \(modes) isig;"
        return Probe(Array((lines + [modes]).joined(separator: "\n").utf8))
    }

    /// Modes, the script's lines, the verdict, the foreground program.
    static let cases: [(String, [String], Probe.Verdict, String?)] = [
        ("icanon echo", ["process 20 S hrtimer_nanosleep 230 ? sleep"], .running, "sleep"),
        ("icanon echo", ["process 20 S wait_woken 0 /dev/pts/1 cat"], .lineInput, "cat"),
        ("icanon echo", ["process 20 S wait_woken 0 /dev/tty ssh"], .lineInput, "ssh"),
        ("icanon echo", ["process 20 S wait_woken ? /dev/pts/1 cat"], .lineInput, "cat"),
        ("icanon echo", ["process 20 S wait_woken ? ? nc"], .running, "nc"),
        ("icanon echo", ["process 20 S wait_woken 0 socket:[1] nc"], .running, "nc"),
        ("icanon echo", ["process 20 S n_tty_read ? ? cat"], .lineInput, "cat"),
        ("icanon echo", ["process 20 R 0 running ? sh"], .running, "sh"),
        ("icanon echo", ["process 20 S inet_csk_accept 43 ? nc"], .running, "nc"),
        ("icanon echo", ["process 20 S 0 ? ? sudo"], .running, "sudo"),
        ("icanon echo", ["process 20 T do_signal_stop 0 /dev/pts/1 sh"], .stopped, "sh"),
        ("icanon -echo", ["process 20 S wait_woken 0 /dev/tty ssh"], .secret, "ssh"),
        ("icanon -echo", ["process 20 S 0 ? ? sudo"], .secret, "sudo"),
        ("icanon -echo", ["process 20 ? ? ? ? ?"], .secret, nil),
        ("icanon -echo", ["process 20 S hrtimer_nanosleep 230 ? sleep"], .running, "sleep"),
        ("-icanon -echo", ["process 20 S poll_schedule_timeout 270 ? vim"], .keys, "vim"),
        ("-icanon -echo", ["process 20 R 0 running ? top"], .keys, "top"),
        (
            "icanon echo",
            [
                "process 20 S hrtimer_nanosleep 230 ? sleep",
                "process 21 S anon_pipe_read 0 pipe:[3] cat",
            ], .running, "sleep"
        ),
        (
            "icanon echo",
            ["process 20 S do_wait 61 ? sh", "process 21 S wait_woken 0 /dev/pts/1 my cat"],
            .lineInput, "my cat"
        ),
        (
            "icanon echo",  // a thread that reads while the first one does not
            ["process 20 S futex_wait 202 ? java", "process 20 S wait_woken 0 /dev/pts/1 java"],
            .lineInput, "java"
        ),
    ]

    @Test(arguments: cases.indices) func `the kernel's answer becomes a verdict`(index: Int) throws
    {
        let (modes, lines, verdict, name) = Self.cases[index]
        let found = try #require(probe(modes, ["shell 10 10 20"] + lines))
        #expect(found.verdict == verdict)
        #expect(found.foreground == name)
        #expect(!found.shellIsAlone)
    }

    @Test func `the shell itself may read, and so may what it waits for in its own group`() throws {
        let waiting = "process 10 S wait_woken 0 /dev/pts/1 bash"
        var found = try #require(probe("icanon echo", ["shell 10 10 10", waiting]))
        #expect(found.verdict == .lineInput)
        #expect(found.foreground == nil)
        #expect(found.shellIsAlone)
        found = try #require(probe("icanon -echo", ["shell 10 10 10", waiting]))
        #expect(found.verdict == .secret)
        found = try #require(probe("-icanon echo", ["shell 10 10 10", waiting]))
        #expect(found.verdict == .lineInput)
        found = try #require(probe("icanon echo", ["shell 10 10 10", "process 10 R 0 ? ? bash"]))
        #expect(found.verdict == .running)
        // A job that a start-up file left in the shell's group is not what the shell waits for.
        let job = "process 12 S hrtimer_nanosleep 230 ? sleep"
        found = try #require(probe("icanon echo", ["shell 10 10 10", waiting, job]))
        #expect(found.shellIsAlone && found.verdict == .lineInput && found.foreground == nil)
        let editing = "process 10 S do_select 270 /dev/pts/1 bash"
        found = try #require(probe("-icanon -echo", ["shell 10 10 10", editing, job]))
        #expect(found.shellIsAlone && found.verdict == .lineInput && found.foreground == nil)
        let working = "process 10 R 0 ? ? bash"
        found = try #require(probe("icanon echo", ["shell 10 10 10", working, job]))
        #expect(!found.shellIsAlone && found.verdict == .running)
        let busy = "process 10 S do_wait 61 ? bash"
        let child = "process 12 S poll_schedule_timeout 270 ? fzf"
        found = try #require(probe("-icanon -echo", ["shell 10 10 10", busy, child]))
        #expect(found.verdict == .keys)
        #expect(found.foreground == "fzf")
        #expect(!found.shellIsAlone)
    }

    @Test func `a program on a terminal of its own is looked for there`() throws {
        let outer = [
            "shell 10 10 20", "stopped 15", "process 20 S 0 ? ? sudo",
            "tty /dev/pts/1 -icanon -echo",
            "inner /dev/pts/7",
        ]
        let text = { (lines: [String]) in Array((outer + lines).joined(separator: "\n").utf8) }
        var found = Probe(
            text(["process 31 S wait_woken 0 /dev/pts/7 cat", "tty /dev/pts/7 icanon echo"]))
        #expect(found?.verdict == .lineInput)
        #expect(found?.foreground == "cat")
        #expect(found?.stoppedJobs == [15])
        // Another user's terminal does not tell its modes.
        found = Probe(text(["process 31 S 0 ? ? cat", "tty /dev/pts/7"]))
        #expect(found?.verdict == .unknown)
        #expect(found?.foreground == "cat")
    }

    @Test func `without the process file system ps tells`() throws {
        let text = """
            ps 10 10 20 Ss wait -sh
            ps 20 20 20 S+ ttyin /usr/bin/cat
            shell 10
            tty /dev/ttys001 speed 9600 baud; 50 rows; lflags: icanon isig iexten echo echoe

            """
        let found = try #require(Probe(Array(text.utf8)))
        #expect(found.verdict == .lineInput)
        #expect(found.foreground == "cat")
        #expect(!found.shellIsAlone)
        let quiet = text.replacing(" echo ", with: " -echo ")
        #expect(Probe(Array(quiet.utf8))?.verdict == .secret)
        #expect(Probe(Array(quiet.replacing("ttyin", with: "nanslp").utf8))?.verdict == .running)
        #expect(Probe(Array(quiet.replacing("ttyin", with: "-").utf8))?.verdict == .secret)
        let own = text.replacing("10 10 20", with: "10 10 10").replacing(
            "20 20 20", with: "20 20 10")
        #expect(Probe(Array(own.utf8))?.shellIsAlone == true)
    }

    @Test func `an answer that tells nothing is none`() {
        for text in [
            "", "garbage\nprocess\nshell\n", "shell 10 10 20\n", "tty /dev/pts/1\n", "tty\n",
            "\u{0}\u{1b}]133;", "shell x y z\nps 1\ninner\n",
        ] {
            #expect(Probe(Array(text.utf8)) == nil, "\(text)")
        }
    }

    @Test func `only a plain terminal name goes into a question`() {
        let question = Probe.Question(process: 1, terminal: "/dev/pts/1")
        #expect(question?.line == "hl_probe 1 /dev/pts/1 2>/dev/null\n")
        #expect(Probe.Question(process: 1, terminal: "/dev/pts/1;reboot") == nil)
        #expect(Probe.Question(process: 1, terminal: "not a tty") == nil)
        #expect(Probe.Question(process: -1, terminal: "/dev/pts/1") == nil)
    }

    @Test func `questions come after 150 ms, 1 s, then silence, and once before the end`() {
        let start = ContinuousClock.now
        func at(_ milliseconds: Int) -> ContinuousClock.Instant {
            start + .milliseconds(milliseconds)
        }
        var pace = ProbePace(start: start, deadline: at(10_000))
        #expect(pace.next(lastOutput: start) == at(150))
        pace.asked(at: at(150))
        #expect(pace.next(lastOutput: at(900)) == at(1000))
        pace.asked(at: at(1000))
        #expect(pace.next(lastOutput: at(500)) == at(3000))
        #expect(pace.next(lastOutput: at(2900)) == at(4900))
        #expect(pace.next(lastOutput: at(9500)) == at(9900))
        pace.asked(at: at(9900))
        #expect(pace.next(lastOutput: start) > at(10_000))

        pace = ProbePace(start: start, deadline: at(100))
        #expect(pace.next(lastOutput: start) == at(50))
        pace = ProbePace(start: start, deadline: at(600_000))
        pace.asked(at: at(150))
        pace.asked(at: at(1000))
        #expect(pace.next(lastOutput: at(10_990)) == at(11_000))
        pace.restart(at: at(20_000))
        #expect(pace.next(lastOutput: at(10_990)) == at(20_150))
    }

    @Test func `an open line that asks is a question`() {
        #expect(PromptGuess.openLine(of: "a\nPassword: ") == "Password: ")
        #expect(PromptGuess.openLine(of: "a\n") == nil)
        // A prompt at the right margin, which the cursor has left again.
        let margin = String(repeating: " ", count: 300)
        #expect(PromptGuess.openLine(of: "a\nlines> " + margin) == "lines> ")
        #expect(PromptGuess.openLine(of: "a\n" + margin) == nil)
        for line in [
            "Password: ", "Continue? [Y/n] ", "--More--", "Enter passphrase for key:", "Really?",
            "?# ", "#? ", "Press any key to go on ", "press ENTER",
        ] {
            #expect(PromptGuess.isQuestion(line), "\(line)")
        }
        for line in ["Downloading 45%", "compiling", "password changed"] {
            #expect(!PromptGuess.isQuestion(line), "\(line)")
        }
    }

    @Test func `the prompt of a shell is not confused with that of another line editor`() {
        for line in [
            "$ ", "# ", "host% ", "me@host:~$ ", "[root@db1 ~]# ", "bash-5.2# ", "➜  ~ ", "❯ ",
            "~/a ❯ ",
            "me@host ~> ", "host:~> ", "(venv) me@host:/tmp$ ", "λ ",
        ] {
            #expect(PromptGuess.isShellPrompt(line), "\(line)")
        }
        for line in [
            "", ">>> ", "... ", "> ", "mysql> ", "MariaDB [(none)]> ", "sqlite> ", "postgres=# ",
            "db=> ", "127.0.0.1:6379> ", "(gdb) ", "irb(main):001:0> ", "Delete? [y/N] ", "Name: ",
            "100% ", "Downloading 45%", "Password: ", "Copied 12 files", "?# ", "#? ",
        ] {
            #expect(!PromptGuess.isShellPrompt(line), "\(line)")
        }
        for line in ["$ ", ">>> ", "Name: ", "host%", "Sure? [y/N] "] {
            #expect(PromptGuess.mayAsk(line), "\(line)")
        }
        for line in ["", "compiling", "Copied 45%", "building [12/40] x.c"] {
            #expect(!PromptGuess.mayAsk(line), "\(line)")
        }
    }

    @Test func `the program that draws is named, not the one that started it`() throws {
        let probe = try foreground(
            ["20 S do_wait 61 ? git", "21 S do_wait 61 ? sh", "22 S do_select 23 ? vim"],
            "-icanon -echo")
        #expect(probe.verdict == .keys && probe.foreground == "vim")
    }

    /// A terminal with shell 10 and these processes in the foreground, with these modes.
    private func foreground(
        _ processes: [String], _ modes: String, words: String = "0 - ? x"
    ) throws -> Probe {
        let lines =
            ["shell 10 10 20"] + processes.map { "process \($0)" }
            + ["words \(words)", "tty /dev/pts/4 \(modes)"]
        return try #require(Probe(Array(lines.joined(separator: "\n").utf8)))
    }

    @Test func `what may be adopted is a shell that waits, or what carries one`() throws {
        let raw = "-icanon -echo"
        let line = "icanon echo"
        let cases: [([String], String, Bool, Probe.Adoption)] = [
            (["20 S do_select 23 ? bash"], raw, false, .shell("bash")),
            (["20 S wait_woken 0 /dev/pts/4 dash"], line, false, .shell("dash")),
            (["20 S 0 ? ? dash"], line, false, .shell("dash")),
            (["20 S do_wait 61 ? su", "21 S do_select 23 ? -bash"], raw, false, .shell("-bash")),
            (["20 S poll 7 ? ssh"], raw, false, .carrier("ssh")),
            (["20 S poll 7 ? ssh"], line, false, .busy("ssh")),
            (["20 S 0 ? ? sudo"], raw, false, .busy("sudo")),
            (
                ["20 S poll 7 /dev/pts/4 fish", "21 R 0 running ? python3"], raw, false,
                .shell("fish")
            ),
            (["20 R 0 running ? bash"], line, false, .busy("bash")),
            (["10 S do_select 23 ? bash"], raw, false, .itself),
            (["10 R 0 running ? bash"], line, false, .busy("the shell")),
            (["20 S poll 7 ? ssh"], raw, true, .refused("ssh is a full-screen program")),
            (
                ["20 S wait_woken 0 /dev/pts/4 cat"], line, false,
                .refused("cat, which is not a shell, has the terminal")
            ),
            (
                ["20 S wait_woken 0 /dev/pts/4 sudo"], "icanon -echo", false,
                .refused("sudo asks for a secret")
            ),
            (["20 T do_signal_stop ? ? bash"], line, false, .refused("bash is stopped")),
        ]
        for (processes, modes, drawsScreen, expected) in cases {
            let probe = try foreground(processes, modes)
            #expect(
                probe.adoption(drawsScreen: drawsScreen, line: "$ ") == expected,
                "\(processes) \(modes)")
        }
        // The words with which they were started, and what stands before the cursor.
        let told: [(String, String, String, String, Bool)] = [
            ("S wait_woken 0 /dev/pts/4 bash", "- tty bash~ask.sh", line, "$ ", false),
            ("S wait_woken 0 /dev/pts/4 sh", "- tty sh~-c~read x", line, "Go on? [y/N] ", false),
            ("S wait_woken 0 /dev/pts/4 bash", "- other bash", line, "$ ", false),
            ("S wait_woken 0 /dev/pts/4 bash", "= tty -bash", line, "$ ", false),
            ("S wait_woken 0 /dev/pts/4 bash", "- tty -bash", line, "Name: ", false),
            ("S wait_woken 0 /dev/pts/4 dash", "- tty sh", line, "# ", true),
            ("S do_select 23 /dev/pts/4 bash", "- tty bash~--norc", raw, "me> ", true),
            ("S do_select 23 /dev/pts/4 bash", "- tty bash~--norc", raw, "Sure? [y/N] ", false),
            ("S do_select 23 /dev/pts/4 bash", "- tty bash~--norc", raw, "Name: ", false),
            // The terminal echoes a key that a builtin reads; an editor echoes by itself.
            ("S do_select 23 /dev/pts/4 bash", "- tty bash~-i", "-icanon echo", "Key", false),
            ("S do_select 23 /dev/pts/4 bash", "- tty bash~-i", raw, "Key", true),
            ("S 0 ? ? sh", "- ? -sh", line, "$ ", true),
            ("S 0 ? ? sh", "- ? sh~-c~id", line, "$ ", false),
            ("S poll 7 ? ssh", "- tty ssh~host", raw, "me@host:~$ ", true),
            ("S poll 7 ? ssh", "- tty ssh~host", raw, "Delete? [y/N] ", false),
            ("S poll 7 ? ssh", "- tty ssh~-tt~host~rm -i x", raw, "me@host:~$ ", false),
        ]
        for (process, words, modes, shown, isAdopted) in told {
            let words = "20 " + words.replacing("~", with: "\u{1f}")
            let probe = try foreground(["20 " + process], modes, words: words)
            let found = probe.adoption(drawsScreen: false, line: shown)
            let isFound = if case .shell = found { true } else { found == .carrier("ssh") }
            #expect(isFound == isAdopted, "\(process) \(words): \(found)")
        }
        let probe = try foreground(["20 S do_select 23 ? bash"], raw)
        #expect(probe.shows(process: 20, terminal: "/dev/pts/4"))
        #expect(!probe.shows(process: 20, terminal: "/dev/pts/5"))
        #expect(!probe.shows(process: 10, terminal: "/dev/pts/4"))
        #expect(["-zsh", "sh", "fish", "busybox"].allSatisfy(Probe.isShell))
        #expect(!["ssh", "vim", "bash.sh"].contains(where: Probe.isShell))
    }
}
