// The common form: bash, dash, ash, zsh and mksh. A command's line sets its number, prints mark C,
// evaluates the code and prints mark E. As a user's aliases and functions may have any builtin's
// name, words are quoted and builtins are asked for by name.
// Invariant: whatever a shell traces or traps (`set -x`, `set -v`, DEBUG, ERR), what it prints
// about the words typed here comes before the second mark C, after mark E, or not at all.

/// The shells that descend from Bourne's.
struct POSIXDialect: Dialect {
    let profile: ShellProfile

    /// Whether the shell has `$'…'` and `+=`, so that any code is typed without a child process.
    var hasAnsiQuotes: Bool { profile != .dash && profile != .ash }

    /// A brace ends code that ends in an operator; zsh would take it for the end of a block in
    /// which `&&` or `||` has no operand (`if true { false ||`), and so has a semicolon there.
    func closed(_ code: [UInt8]) -> [UInt8] {
        let isList = Self.lastOperator(code) == .list
        return profile == .zsh && isList
            ? grouped(code, "", "\n\n;") : grouped(code, "{ ", "\n\n}")
    }

    /// Mark C is printed twice: before `eval`, where an error of the parser ends it all, and by the
    /// first statement of the evaluated code, after which nothing of ours is traced.
    func frame(
        _ code: [UInt8], number: Int, previous: Int, arms: Bool, learning: String
    ) -> (
        head: String, tail: String
    ) {
        (
            (arms ? " __p;" : " ")
                + "\(profile == .zsh ? "__M= __R= " : "")"
                + "__n=\(number) __s=\(Mark.unfinished) __r=\(previous) __c=",
            // In a list no status ends the shell (`set -e`) or triggers a trap on ERR.
            "\"$__t\";{ __b&&:;} \(hidden);\(evaluating) \"$__q$__c\"" + ending(number, learning)
        )
    }

    /// bash and zsh have a way past a function that is named `eval`; in the others no function has
    /// the name, or `command` would change what an error in the code does.
    private var evaluating: String {
        switch profile {
        case .bash, .zsh: "\\builtin eval"
        case .dash, .ash, .mksh, .fish, .tcsh: "\\eval"
        }
    }

    func ending(_ number: Int, _ learning: String) -> String {
        ";{ __e \(number)\(learning.isEmpty ? "" : ";\(learning)||:");} \(hidden)"
    }

    let learning = "__y __v"

    var question: String { " { __y __v;} \(hidden)" }

    let collected = "\"$__x\""
    let emptying = "__x=;"

    /// Where statements of ours print: marks go to descriptor 3, and everything else nowhere.
    ///
    /// So a trace or a trap's output does not show. zsh reports what it cannot write; mksh traces
    /// where it did before, whatever is redirected. Descriptor 3 is the terminal that the shell
    /// reads: its output may be closed (`exec >&-`), and no shell runs a statement that it cannot
    /// redirect.
    var hidden: String {
        switch profile {
        case .zsh: "3>&0 >/dev/null 2>&1"
        case .mksh: "3>&0"
        case .bash, .dash, .ash, .fish, .tcsh: "3>&0 >&- 2>&-"
        }
    }

    /// The line after the code, which is reached unless the code cannot be parsed or is given up.
    ///
    /// zsh takes the next command for the body of an unfinished `repeat 3`, `while true` or
    /// `for x (1 2)`. Such a body is left by `break`, which is an error anywhere else, and `__M`
    /// stays empty. In a list the error ends no shell (`set -e`), and
    /// `if` is not taken for the block of an unfinished `always`.
    ///
    /// bash would take a group for the body of `for x in 1 2`, but takes no `until` for it.
    ///
    /// The line also keeps what else the next command may ask about this one: `$_` in `__S`, which
    /// zsh has forgotten by then, and the statuses of a pipeline in `__A`.
    var sentinel: String {
        switch profile {
        case .zsh:
            "if __m=$? __A=(\"${pipestatus[@]}\");then { { \\builtin break;} always "
                + "{ TRY_BLOCK_ERROR=0;};}||:;__M=$__m;fi >/dev/null 2>&1;"
                + "{ __s=${__M:-\(Mark.unfinished)};} >/dev/null 2>&1"
        case .mksh: "__s=$? __S=$_"
        case .bash: "until __s=$? __S=$_ __A=(\"${PIPESTATUS[@]}\");do :;done >&- 2>&-"
        case .dash, .ash, .fish, .tcsh: "{ __s=$? __S=${_-};} >&- 2>&-"
        }
    }
}
