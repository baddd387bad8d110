// What differs between shells: the lines of set-up and the way code is quoted. Everything typed
// stays below 900 bytes a line (busybox ash takes 1,024, a canonical terminal 4,096).
// Invariant: set-up leaves four functions behind: __p arms the prompts, __b prints mark C and sets
// $?, __e prints mark E; __t holds the sentinel line, __l a line feed.

/// One kind of shell.
public enum ShellProfile: String, Sendable, CaseIterable {
    case bash, dash, ash, zsh, mksh

    /// The profile for a program (`/usr/bin/bash`, `-zsh`, `busybox`); nil: not a shell known here.
    public init?(program: String) {
        var name = program.split(separator: "/").last.map(String.init) ?? program
        if name.hasPrefix("-") { name.removeFirst() }
        if name.hasPrefix("zsh") {
            self = .zsh
            return
        }
        switch name {
        case "bash", "bash4", "bash5": self = .bash
        case "dash", "sh": self = .dash
        case "ash", "busybox": self = .ash
        case "mksh", "lksh": self = .mksh
        default: return nil
        }
    }

    /// Has `$'…'` and `+=`, so that any code is typed without a child process.
    var hasAnsiQuotes: Bool { self == .bash || self == .zsh || self == .mksh }

    /// The terminal alone echoes what is typed (ash's own editor cannot be switched off).
    public var echoesExactly: Bool { self != .ash }

    /// A line that any shell (fish and tcsh too) answers with mark P.
    public static func question(nonce: Nonce) -> [UInt8] {
        let mark = #"printf "\033]133;P;\#(nonce.text);%s;%s;%s;\#(nonce.text)\007""#
        let program =
            #"$(readlink /proc/$PPID/exe 2>/dev/null || ps -o comm= -p $PPID)"#
        return line(" sh -c '\(mark) $PPID \"$(tty)\" \"\(program)\"'")
    }

    /// Replaces a shell that has no profile by one that has.
    public static var replacement: [UInt8] {
        line(" exec sh -c 'command -v bash >/dev/null 2>&1 && exec bash -i; exec sh -i'")
    }

    /// The lines of set-up: the first is answered by mark D; then the rest may be sent at once,
    /// and D with `__s` = 0 says that all is in place.
    public func setUp(nonce: Nonce) -> [[UInt8]] {
        [
            Self.line(" \(options)__s=\(Mark.settingUp);__n=0;\(prompts(nonce));__p"),
            Self.line(" \(beginning(nonce)) \(environment)"),
            Self.line(" \(ending(nonce)) \(Self.texts);__s=0"),
        ]
    }

    /// Quiet editing, no history, no hooks: what else would print between the marks.
    private var options: String {
        switch self {
        case .bash:
            // Without readline the terminal itself reads lines: faster, and its echo is exact.
            "set +o history +o emacs +o vi;bind 'set enable-bracketed-paste off' 2>/dev/null;"
                + "trap - DEBUG;unset PROMPT_COMMAND PS0;"
        case .zsh:
            "unsetopt prompt_cr prompt_sp zle prompt_bang;"
                + "setopt interactivecomments prompt_subst prompt_percent;"
                + "precmd_functions=();preexec_functions=();unset RPROMPT RPS1;"
                + "unset -f precmd preexec 2>/dev/null;"
        case .mksh: "set +o emacs +o gmacs +o vi;"
        case .dash, .ash: ""
        }
    }

    /// The prompts are armed again by the same function when a command replaced them.
    ///
    /// `unset` also takes away the export, or a child shell would print marks of its own.
    private func prompts(_ nonce: Nonce) -> String {
        let status = self == .zsh ? "%%?" : "$?"
        let directory = self == .zsh ? "${PWD//[%%]/%%%%}" : "$PWD"
        let unset = self == .zsh ? "typeset +x PS1 PS2" : "unset PS1 PS2"
        let mark =
            #"\033]133;D;\#(nonce.text);\#(status);$__s;$__n;\#(directory);\#(nonce.text)\007"#
        return "__p(){ \(unset);PS1=\"$(printf '\(mark)')\";"
            + "PS2=\"$(printf '\\033]133;F;\(nonce.text);\\007')\";}"
    }

    /// Prints C and sets `$?`; under `set -e` a status would end the shell.
    private func beginning(_ nonce: Nonce) -> String {
        // mksh has no printf of its own.
        let mark =
            self == .mksh
            ? #"print -rn -- $'\033]133;C;\#(nonce.text);'"$1"$';\n'"#
            : #"printf '\033]133;C;\#(nonce.text);%s;\n' "$1""#
        return "__k(){ \(mark);};__b(){ \(toTerminal("__k"));__n=$1;__s=\(Mark.unfinished);"
            + #"case $- in *e*) return 0;;esac;return "$2";};"#
    }

    private func ending(_ nonce: Nonce) -> String {
        let key = nonce.text
        let mark =
            self == .mksh
            ? #"print -rn -- $'\033]133;E;\#(key);'"$__s;$1;${PWD-}"$';\#(key)\007'"#
            : #"printf '\033]133;E;\#(key);%s;%s;%s;\#(key)\007' "$__s" "$1" "${PWD-}""#
        return "__j(){ \(mark);};__e(){ \(toTerminal("__j"));};"
    }

    /// The shell's own output may be redirected (`exec >log`): then to /dev/tty, and where that does
    /// not open, to the output after all.
    private func toTerminal(_ function: String) -> String {
        #"if [ -t 1 ];then \#(function) "$1";"#
            + #"else \#(function) "$1" 2>/dev/null >/dev/tty||\#(function) "$1";fi"#
    }

    /// The two line feeds end a trailing comment or backslash before the sentinel.
    private static let texts =
        "__l=$(printf '\\n_');__l=${__l%_};__t=$__l$__l'__s=$?'"

    private var environment: String {
        "unset HISTFILE;export PAGER=cat GIT_PAGER=cat SYSTEMD_PAGER=cat"
    }

    static func line(_ text: String) -> [UInt8] { Array(text.utf8) + [10] }
}
