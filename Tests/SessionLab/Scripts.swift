// Valid scripts for each shell, made of statements inside of constructs inside of constructs, and
// their prefixes: what a client sends that was cut short.
// Invariant: what a script prints begins with `out`, and no script reads its terminal.
import Support

/// The scripts of one shell.
struct Scripts {
    let shell: Shell

    /// All scripts: each statement in each construct, and each construct in each other.
    ///
    /// tcsh's `eval` does not find the end of the outer one of two loops.
    var all: [String] {
        let inner = shell == .tcsh ? [] : wrap("echo out1", in: constructs)
        return statements + statements.flatMap { wrap($0, in: constructs) }
            + inner.flatMap { wrap($0, in: constructs) }
    }

    /// Every prefix that ends between two tokens, without duplicates, in a fixed order.
    var prefixes: [String] {
        var seen: Set<String> = []
        // `cat` without its here-document reads the terminal.
        return all.flatMap(prefixes).filter { prefix in
            let reads = prefix.hasSuffix("cat") && !prefix.hasSuffix("| cat")
            // A function that an earlier script of the session has made.
            let calls = prefix.split(separator: "\n").last == "f"
            // mksh takes what follows for an expression, and evaluates it.
            let isExpression = shell == .mksh && prefix.hasSuffix("((")
            return !reads && !calls && !isExpression && seen.insert(prefix).inserted
        }
    }

    private func wrap(_ body: String, in constructs: [String]) -> [String] {
        constructs.map { $0.replacing("BODY", with: body) }
    }

    /// Cuts after each word, sign and line feed.
    private func prefixes(_ script: String) -> [String] {
        func isOfWord(_ character: Character) -> Bool {
            character.isLetter || character.isNumber || "_./-".contains(character)
        }
        let characters = Array(script)
        return characters.indices.dropFirst().filter { index in
            let (before, after) = (characters[index - 1], characters[index])
            // A session ends code with a line feed, which fish's own parser would miss after `\`.
            if shell == .fish, before == "\\" { return false }
            return before != " " && !(isOfWord(before) && isOfWord(after))
        }.map { String(characters[..<$0]) } + [script]
    }

    private var statements: [String] {
        switch shell {
        case .fish: Self.common + Self.fish
        case .tcsh: Self.common
        case .bash, .zsh: Self.common + Self.posix + Self.arrays
        case .mksh, .dash, .ash: Self.common + Self.posix
        }
    }

    private var constructs: [String] {
        switch shell {
        case .fish: Self.fishConstructs
        case .tcsh: Self.tcshConstructs
        case .zsh: Self.posixConstructs + Self.zshConstructs
        case .bash, .mksh, .dash, .ash: Self.posixConstructs
        }
    }

    private static let common = [
        "echo out1", "echo 'out a' \"out b\"", "echo out1; echo out2", "echo out1 >/dev/null",
        "echo out1\necho out2", "echo out1 | cat", "true && echo out1", "false || echo out1",
        "echo out\\ a", "test a = a && echo out1", "/bin/echo out1 2>&1",
    ]
    private static let posix = [
        "echo out$((1 + 2))", "echo \"out$(echo in)\"", "echo `echo out1`", "x=1; echo out$x",
        "echo out${none:-none}", "x=1; cat <<E\nout $x\nE", "cat <<'E'\nout $x\nE",
        "[ 1 -lt 2 ] && echo out1", "echo out1 # said", "echo out \\\n  b",
        "printf '%s\\n' out1", "! false && echo out1", "(echo out1)", "{ echo out1; }",
    ]
    private static let arrays = ["a=(1 2); echo out${a[1]}", "[[ a == a ]] && echo out1"]
    private static let fish = [
        "echo out(math 1 + 2)", "set x 1; echo out$x", "set v in; echo \"out$v\"",
        "not false; and echo out1",
        "false; or echo out1", "echo out1 # said", "echo out{1,2}",
    ]
    private static let posixConstructs = [
        "if true; then BODY\nfi", "if false; then :; else BODY\nfi", "for i in 1 2; do BODY\ndone",
        "n=0; while [ $n -lt 2 ]; do n=$((n + 1)); BODY\ndone",
        "m=0; until [ $m -ge 1 ]; do m=1; BODY\ndone", "case a in a) BODY\n;; *) :;; esac",
        "f() { BODY\n}; f", "(BODY\n)", "{ BODY\n}", "x=$(BODY\n); echo \"$x\"", "{ BODY\n} | cat",
        "true && { BODY\n}", "for i in 1 2\ndo\nBODY\ndone", "if true\nthen\nBODY\nfi",
        "cat <<E\nout\nE\nBODY",
    ]
    private static let zshConstructs = [
        "for i in 1 2; { BODY\n}", "repeat 2 { BODY\n}", "for ((i = 0; i < 2; i++)) { BODY\n}",
        "if true { BODY\n}", "() { BODY\n}", "{ BODY\n} always { : }",
    ]
    private static let fishConstructs = [
        "if true; BODY\nend", "if false; true; else; BODY\nend", "for i in 1 2; BODY\nend",
        "set n 0; while test $n -lt 2; set n (math $n + 1); BODY\nend",
        "switch a; case a; BODY\nend", "function f; BODY\nend; f", "begin; BODY\nend",
        "echo (BODY\n)", "begin; BODY\nend | cat", "true; and begin; BODY\nend",
        "if true\nBODY\nend",
        "for i in 1 2\nBODY\nend", "begin\nBODY\nend", "true && begin; BODY\nend",
        "not begin; BODY\nend",
    ]
    private static let tcshConstructs = [
        "if (1) then\nBODY\nendif", "foreach i (1 2)\nBODY\nend",
        "set n = 0\nwhile ($n < 2)\n@ n++\nBODY\nend", "switch (a)\ncase a:\nBODY\nbreaksw\nendsw",
        "if (0) then\n:\nelse\nBODY\nendif", "set x = 1\nBODY", "(echo out; echo out2)\nBODY",
        "echo out{1,2}\nBODY", "echo `echo out`\nBODY", "echo $HOME >/dev/null\nBODY",
        "if (1) echo out\nBODY", "repeat 2 echo out\nBODY",
    ]
}
