// The common form: bash, dash, ash, zsh and mksh, and what differs between them. As a user's
// aliases and functions may have any builtin's name, words are quoted and builtins are asked for by
// name. Invariant: set-up leaves the functions __p (arms the prompts), __b (prints mark C and sets
// $?) and __e (prints mark E), the sentinel line in __t and a line feed in __l.

/// The shells that descend from Bourne's.
struct POSIXDialect: Dialect {
    let profile: ShellProfile

    /// Whether the shell has `$'…'` and `+=`, so that any code is typed without a child process.
    var hasAnsiQuotes: Bool { profile != .dash && profile != .ash }

    func setUp(_ nonce: Nonce) -> [String] {
        [
            "\(before) \(options)__s=\(Mark.settingUp);__n=0;\(prompts(nonce));__p\n",
            " \(beginning(nonce)) \(environment)\n",
            " \(forgetting)\(ending(nonce)) \(texts);__s=0\n",
        ]
    }

    func closed(_ code: [UInt8]) -> [UInt8] { grouped(code, "{ ", "\n\n}") }

    func frame(number: Int, previous: Int, arms: Bool) -> (head: String, tail: String) {
        (
            arms ? " __p;__c=" : " __c=",
            // In a list no status ends the shell (`set -e`) or triggers a trap on ERR.
            "$__t;__b \(number) \(previous)&&:;\\eval \"$__c\"" + ending(number)
        )
    }

    func after(_ command: String) -> String { ";\(command) 2>/dev/null||:" }

    let collected = "$__x"
    let emptying = "__x=;"

    /// A separate line: what it changes applies when the next line is read.
    private var before: String { profile == .zsh ? " \\unsetopt correct correct_all\n" : "" }

    /// How printf is called, whatever functions have its name; zsh's `command` would start a
    /// program.
    private var printf: String {
        switch profile {
        case .bash, .zsh: "\\builtin printf"
        default: "\\command printf"
        }
    }

    /// Turns off editing, history and hooks, which would print between the marks.
    private var options: String {
        switch profile {
        case .bash:
            // Without readline the terminal itself reads lines: faster, and its echo is exact.
            "\\set +o history +o emacs +o vi;"
                + "\\builtin bind 'set enable-bracketed-paste off' 2>/dev/null;"
                + "\\builtin trap - DEBUG;\\builtin shopt -s promptvars;"
                + "{ \\builtin unset PROMPT_COMMAND;\\builtin unset PS0; } 2>/dev/null;"
        case .zsh:
            "\\unsetopt prompt_cr prompt_sp zle prompt_bang print_exit_value;"
                + "\\setopt interactivecomments prompt_subst prompt_percent;"
                + "precmd_functions=() preexec_functions=() RPROMPT= RPS1=;"
                + "precmd() { :; };preexec() { :; };\\builtin trap - DEBUG;"
        case .mksh: "\\set +o emacs +o gmacs +o vi;"
        default: ""
        }
    }

    /// The prompts are armed again by the same function when a command replaced them.
    ///
    /// `unset` also removes the export, or a child shell would print marks too.
    private func prompts(_ nonce: Nonce) -> String {
        let isZsh = profile == .zsh
        let status = isZsh ? "%%?" : "$?"
        let directory = isZsh ? "${PWD//[%%]/%%%%}" : "$PWD"
        let mark =
            #"\033]133;D;\#(nonce.text);\#(status);$__s;$__n;\#(directory);\#(nonce.text)\007"#
        let set =
            "PS1=\"$(\(printf) '\(mark)')\";PS2=\"$(\(printf) '\\033]133;F;\(nonce.text);\\007')\""
        switch profile {
        case .bash:
            // A read-only prompt stays, and the mark comes before it.
            return
                "__d(){ \\builtin set -- $?;\\builtin printf '\\033]133;D;\(nonce.text);%s;%s;%s;%s;"
                + "\(nonce.text)\\007' $1 $__s $__n \"$PWD\";\\return $1;};"
                + "__p(){ if \\builtin unset PS1 PS2 2>/dev/null;then \(set);"
                + "else PROMPT_COMMAND=__d;fi;}"
        case .zsh:
            return "__d(){ \\builtin printf '\\033]133;D;\(nonce.text);%s;%s;%s;%s;"
                + "\(nonce.text)\\007' $? $__s $__n \"$PWD\";};"
                + "__p(){ case ${(t)PS1} in *readonly*) precmd_functions=(__d);;"
                + "*) \\typeset -g +x PS1 PS2;\(set);;esac;}"
        default: return "__p(){ \\unset PS1 PS2;\(set);}"
        }
    }

    /// Prints C and sets `$?`.
    private func beginning(_ nonce: Nonce) -> String {
        // mksh has no builtin printf.
        let mark =
            profile == .mksh
            ? #"\print -rn -- $'\033]133;C;\#(nonce.text);'"$1"$';\n'"#
            : #"\#(printf) '\033]133;C;\#(nonce.text);%s;\n' "$1""#
        // An interrupt after mark C finds the number set, and an interrupt before finds the status.
        return "__k(){ \(mark);};__b(){ __s=\(Mark.unfinished);__n=$1;\(toTerminal("__k"));"
            + #"\return "$2";};"#
    }

    private func ending(_ nonce: Nonce) -> String {
        let key = nonce.text
        let mark =
            profile == .mksh
            ? #"\print -rn -- $'\033]133;E;\#(key);'"$__s;$1;${PWD-}"$';\#(key)\007'"#
            : #"\#(printf) '\033]133;E;\#(key);%s;%s;%s;\#(key)\007' "$__s" "$1" "${PWD-}""#
        return "__j(){ \(mark);};__e(){ \(toTerminal("__j"));__c=;};"
    }

    /// The shell's own output may be redirected (`exec >log`): then the mark goes to /dev/tty, or
    /// to the output if that does not open.
    private func toTerminal(_ function: String) -> String {
        #"if [ -t 1 ];then \#(function) "$1";"#
            + #"else \#(function) "$1" 2>/dev/null >/dev/tty||\#(function) "$1";fi"#
    }

    /// The two line feeds end a trailing comment or backslash before the sentinel.
    private var texts: String {
        "__l=$(\(printf) '\\n_');__l=${__l%_};__t=$__l$__l'__s=$?'"
    }

    /// bash lists what was typed before history was off; the user's own lines stay listed.
    private var forgetting: String {
        guard profile == .bash else { return "" }
        // Only quoted words, as IFS and globbing may be anything; each round forgets one entry or
        // is the last.
        return #"__h(){ while __c=$(\builtin history 1);do "#
            + #"case $__c in *']133;'*);;*)\return 0;;esac;__c=${__c#"${__c%%[0-9]*}"};"#
            + #"\builtin history -d "${__c%%[!0-9]*}"||\return 0;done;};"#
            + "__h 2>/dev/null;"
    }

    private var environment: String {
        // One by one: a read-only one must not keep the others from being set.
        "{ \\unset HISTFILE;\\export PAGER=cat;\\export GIT_PAGER=cat;\\export SYSTEMD_PAGER=cat;"
            + "} 2>/dev/null"
    }
}
