// Answers of the kernel, as the probe's script prints them, for the rules of WatchRules.
import Terminal

/// What the kernel says, as its script prints it.
enum KernelAnswer: String {
    case cat = "shell 10 10 20|process 20 S wait_woken 0 /dev/pts/1 cat|tty /dev/pts/1 icanon echo"
    case catBeside = """
        shell 10 10 20|process 20 S wait_woken 0 /dev/pts/1 cat|process 21 R 0 ? ? cc|\
        tty /dev/pts/1 icanon echo
        """
    case secret =
        "shell 10 10 20|process 20 S wait_woken 0 /dev/pts/1 su|tty /dev/pts/1 icanon -echo"
    case sleep =
        "shell 10 10 20|process 20 S hrtimer_nanosleep 230 ? sleep|tty /dev/pts/1 icanon echo"
    case less = "shell 10 10 20|process 20 S poll_schedule 7 ? less|tty /dev/pts/1 -icanon -echo"
    case python =
        "shell 10 10 20|process 20 S do_select 23 ? python3|tty /dev/pts/1 -icanon -echo"
    case keyReader =
        "shell 10 10 20|process 20 S wait_woken 0 /dev/pts/1 bash|tty /dev/pts/1 -icanon -echo"
    case vimStarts = "shell 10 10 20|process 20 R 0 ? ? vim|tty /dev/pts/1 -icanon -echo"
    case stopped = "shell 10 10 20|process 20 T do_signal_stop ? ? cat|tty /dev/pts/1 icanon echo"
    case modeless = "shell 10 10 20|process 20 S wait_woken 0 ? cat|tty /dev/pts/1"
    case prompt =
        "shell 10 10 10 555|process 10 S wait_woken 0 /dev/pts/1 dash|tty /dev/pts/1 icanon echo"
    case shellWorks = "shell 10 10 10 555|process 10 R 0 ? ? dash|tty /dev/pts/1 icanon echo"
    case innerShell =
        "shell 10 10 20|process 20 S wait_woken 0 /dev/pts/1 bash|tty /dev/pts/1 icanon echo"
    case otherShell =
        "shell 10 10 10 777|process 10 S wait_woken 0 /dev/pts/1 zsh|tty /dev/pts/1 icanon echo"
    case ssh = "shell 10 10 20|process 20 S poll_schedule 7 ? ssh|tty /dev/pts/1 -icanon -echo"
    case hidden = "shell 10 10 20|process 20 S 0 ? ? apt|tty /dev/pts/1 icanon echo"
    case silent = ""

    var probe: Probe? {
        let text = rawValue.split(separator: "|").map { $0 + "\n" }.joined()
        return Probe(Array(text.utf8))
    }
}
