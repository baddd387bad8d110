// Rows of line editors at their prompts: each is at its prompt, with its words, until it works.
import Support
import Terminal
import Wire

@testable import homeline_agent

extension Table {
    static let lineEditors: [Row] = [
        Row(
            .lineEditors, .all, needs: "sqlite3",
            .run("sqlite3", .lineInput, prompt: "sqlite> ", by: "sqlite3"),
            .type("select 6*7;", .lineInput, out: .has("42\n"), prompt: "sqlite> "),
            .type("select", .lineInput, prompt: "   ...> "),
            .type("'a';", .lineInput, out: .has("a\n"), prompt: "sqlite> "), .type(".quit")),
        Row(
            .lineEditors, .all, needs: "node",
            .run("node", .lineInput, prompt: "> ", by: "node"),
            .type("6*7", .lineInput, out: .has("42\n"), prompt: "> "), .type(".exit")),
        Row(
            .lineEditors, .all, needs: "gdb",
            .run("gdb -q", .lineInput, prompt: "(gdb) ", by: "gdb"),
            .type("print 6*7", .lineInput, out: .has("$1 = 42\n"), prompt: "(gdb) "),
            .type("quit")),
        // It shows no prompt.
        Row(
            .lineEditors, .all, needs: "bc", .run("bc -q", .lineInput, by: "bc"),
            .type("6*7", .lineInput, out: .has("42\n")), .type("quit")),
        // Their answers come through another terminal.
        Row(
            .lineEditors, .all, needs: "rlwrap",
            .run("rlwrap sh -c 'printf \"Name: \"; read x; echo got $x'", .lineInput),
            .type("Ann", out: .has("got Ann\n"))),
        Row(
            .lineEditors, .all,
            .run("bash --norc", .lineInput, prompt: .starts("bash-"), by: "bash").withoutMarks,
            .type("echo in", .lineInput, out: .has("in\n"), prompt: .starts("bash-"))
                .withoutMarks, .type("exit")),
        // A key is read, and nothing is drawn.
        Row(
            .lineEditors, .all,
            .run(
                "bash -c 'read -n1 -p \"Sure? [y/N] \" x; echo; echo $x'", .lineInput,
                prompt: "Sure? [y/N] "), .press(["y"], out: .ends("\ny\n"))),
        // A terminal without an alternate screen.
        Row(
            .lineEditors, .all, needs: "vim",
            .run("env TERM=vt100 vim -u NONE f", .fullscreen, by: .starts("vim")), .type(":q!")),
        Row(
            .lineEditors, .all, needs: "whiptail",
            .run("whiptail --inputbox Name 8 40", .fullscreen, by: "whiptail"),
            .press(["esc"], exit: 255)),
    ]
}
