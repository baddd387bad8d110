// The set-up of the common form: options, the functions that print marks, and the hooks that arm
// the prompts. A user's own prompt hooks run before ours, so that a theme that builds its prompt
// each time has its effects and never the last word.
// Invariant: set-up leaves the functions __p (arms the prompts), __b (prints mark C and sets $?),
// __e (prints mark E) and __v (prints mark V), the sentinel line in __t and a line feed in __l.
// The halves of the nonce are in __ka and __kb, and the shell puts them together only to print:
// no list of what it has, and no file with such a list, has a mark or the nonce.

extension POSIXDialect {
    /// The first part needs nothing that follows it: behind a line editor that ends with it, what
    /// is typed ahead may be lost.
    func setUp(_ nonce: Nonce) -> [String] {
        [
            "\(before) \(options)__s=\(Mark.settingUp) __n=0 __S= __E=;\(texts(nonce))\(first)\n",
            " \(untraced)\(arming)\(installing)\n",
            " \(printing)\(hook)__p(){ { __y __a;\(promptless("__y __f 0"))} \(hidden);};\n",
            " \(beginning)\(pipeline)\(variables)\n",
            " \(environment);\(forgetting)\(jobs)\(ending)__t=$__l$__l'\(sentinel)';"
                + "\(exporting)__s=0;\(begin)\n",
        ]
    }

    /// A separate line: what it changes applies when the next line is read.
    ///
    /// A history that is written at once (`inc_append_history`) gets no line after it.
    private var before: String {
        guard profile == .zsh else { return "" }
        return " \\unsetopt correct correct_all;\\setopt hist_ignore_space;\\unset HISTFILE 2>&-\n"
    }

    /// How a builtin is called, whatever functions have its name; zsh's `command` would start a
    /// program.
    private var builtin: String {
        switch profile {
        case .bash, .zsh: "\\builtin"
        case .dash, .ash, .mksh, .fish, .tcsh: "\\command"
        }
    }

    /// Prints a word as it is; mksh has no builtin printf.
    private var put: String { profile == .mksh ? "\\print -rn --" : "\(builtin) printf %s" }

    /// Turns off exports, editing, history and what would print between the marks, and sets the
    /// hooks of the prompts aside until set-up is over.
    private var options: String {
        let set = "\(onlyOnce)__kw=$-;;esac;\\set +a;"
        return switch profile {
        case .bash:
            // Without readline the terminal itself reads lines: faster, and its echo is exact.
            "\(set)\\set +o history +o emacs +o vi;"
                + "\\builtin bind 'set enable-bracketed-paste off' 2>&-;\\builtin trap - DEBUG;"
                + "\(onlyOnce)__v=(\"${PROMPT_COMMAND[@]-}\");;esac;"
                + "{ \\builtin unset PROMPT_COMMAND;\\builtin unset PS0;} 2>&-;__A=();"
                + "\\builtin shopt -s promptvars;"
        case .zsh:
            "\(set)\(Self.zshOptions)\\builtin trap - DEBUG;"
                + "\(onlyOnce)__v=(${precmd_functions[@]-});;esac;__A=();"
        case .mksh: "\(set)\\set +o emacs +o gmacs +o vi;"
        case .dash, .ash, .fish, .tcsh: set
        }
    }

    /// Nothing of ours is exported, also where a start-up file has `set -a`.
    private var exporting: String { "case $__kw in *a*)\\set -a;;esac;" }

    /// The first part may be typed again: then the hooks are set aside already.
    private var onlyOnce: String { "case ${__s-} in \(Mark.settingUp));;*)" }

    private static let zshOptions =
        "\\unsetopt zle prompt_cr prompt_sp prompt_bang print_exit_value correct correct_all;"
        + "\\setopt interactivecomments prompt_subst prompt_percent;RPROMPT= RPS1=;"

    /// `__z` begins a mark, `__g` ends it; `__P` and `__Q` are the prompts.
    private func texts(_ nonce: Nonce) -> String {
        let frames =
            hasAnsiQuotes
            ? "__z=$'\\033]133;' __g=$'\\007' __l=$'\\n';"
            : "__z=$(\\command printf '\\033]133;') __g=$(\\command printf '\\007') "
                + "__l=$(\\command printf '\\n_');__l=${__l%_};"
        let status = profile == .zsh ? "%?" : "$?"
        let directory = profile == .zsh ? "${PWD//[%]/%%}" : "$PWD"
        // mksh prints this prompt as it is: it gets the first digits alone.
        let more =
            profile == .mksh
            ? "\"${__z}F;\(String(decoding: nonce.beginning, as: UTF8.self));$__g\""
            : "'${__z}F;\(Self.key);$__g'"
        return "\(nonce.assigned(to: ("__ka", "__kb")));\(frames)"
            + "__P='${__z}D;\(Self.key);\(status);$__s;$__n\(running);\(directory);\(Self.key)$__g' "
            + "__Q=\(more) __R=;"
    }

    /// The nonce, where the shell expands it.
    private static let key = "$__ka$__kb"

    /// What a prompt has behind the command's number while code runs, so that a prompt printed by
    /// the code itself (`${PS1@P}`, `print -P`) is not taken for a mark.
    ///
    /// `%e`: how deep the running code is evaluated, 0 at a prompt. In bash `__R` is set by mark C
    /// and cleared by our hook, even where its function is gone. The other shells expand a prompt
    /// only where they show it.
    private var running: String {
        switch profile {
        case .bash: "${__R#0}"
        case .zsh: "%(1e.+.)"
        case .dash, .ash, .mksh, .fish, .tcsh: ""
        }
    }

    /// Shows the first prompt; where prompts are read-only, the line itself prints the mark.
    private var first: String {
        let mark = "\\builtin printf %s \"${__z}D;\(Self.key);0;$__s;0;$PWD;\(Self.key)$__g\""
        return switch profile {
        case .bash: "if \\builtin unset PS1 PS2 2>&-;then PS1=\"$__P\" PS2=\"$__Q\";else \(mark);fi"
        case .zsh:
            "__d(){ case ${(t)PS1} in *readonly*)\(mark);;*)PS1=\"$__P\";esac;};"
                + "precmd_functions=(__d)"
        case .dash, .ash, .mksh, .fish, .tcsh: "\\unset PS1 PS2;PS1=\"$__P\" PS2=\"$__Q\""
        }
    }

    // MARK: The prompts

    /// Runs a function that puts the nonce together: no trace shows it, and what is set is not
    /// exported (`set -a`).
    private var untraced: String {
        "__y(){ __w=$-;\\set +ax;\"$@\";case $__w in *a*)\\set -a;;esac;"
            + "case $__w in *x*)\\set -x;;esac;};"
    }

    /// Sets the prompts, unless they are set, and puts our hook behind the user's.
    ///
    /// `unset` also removes the export, or a child shell would print marks too. `__u`: 1 where
    /// prompts are read-only, so that the hook prints mark D; 2 where the hooks are, too.
    private var arming: String {
        switch profile {
        case .bash:
            "__a(){ \(enabling)__u= __R= __H=+;\\builtin shopt -s promptvars;"
                + "[[ ${PS1-} = \"$__P\" && ${PS2-} = \"$__Q\" ]]||if \\builtin unset PS1 PS2;"
                + "then PS1=\"$__P\" PS2=\"$__Q\";else __u=1;fi;"
                + "__v=(\"${PROMPT_COMMAND[@]-}\");"
                + "[[ ${__v[*]: -1} = *\"$__D\" ]]||__i||__u=${__u:+2} __H=;};"
        case .zsh:
            "__a(){ \(enabling)__u=;\(Self.zshOptions)case ${(t)PS1} in *readonly*)__u=1;;"
                + "*)\\typeset -g +x PS1 PS2;PS1=\"$__P\" PS2=\"$__Q\";esac;"
                + "case ${precmd_functions[-1]-} in __d);;"
                + "*)precmd_functions=(${${precmd_functions[@]-}:#__d} __d);esac;};"
        case .dash, .ash, .mksh, .fish, .tcsh:
            "__a(){ [ \"${PS1-}\" = \"$__P\" ]&&[ \"${PS2-}\" = \"$__Q\" ]||"
                + "{ \\unset PS1 PS2;PS1=\"$__P\" PS2=\"$__Q\";};};"
        }
    }

    /// What a user has switched off (`enable -n eval`) runs nothing more, this session included.
    private var enabling: String { "\\enable builtin eval printf;" }

    /// Puts our hook, `__D`, behind those in `__v`.
    ///
    /// Behind the first place of an array it stays when a start-up file sets the variable, which
    /// sets that place alone. Before 5.1 bash runs the first place alone.
    private var installing: String {
        guard profile == .bash else { return "" }
        return "__D='{ __d $((__R=0));} \(hidden)';__i(){ \\builtin unset PROMPT_COMMAND||\\return;"
            + "if ((BASH_VERSINFO*100+BASH_VERSINFO[1]<501));"
            + "then PROMPT_COMMAND=${__v//\"$__D\"/:}$__l$__D;\\return;fi;"
            + "PROMPT_COMMAND=();for __i in \"${__v[@]}\";do [[ -z $__i || $__i = \"$__D\" ]]||"
            + "PROMPT_COMMAND+=(\"$__i\");done;"
            + "PROMPT_COMMAND[${#PROMPT_COMMAND[@]}+1]=$__D;};"
    }

    /// What runs behind the user's own hooks, before each prompt.
    private var hook: String {
        let print =
            "__f(){ __o \"${__z}D;\(Self.key);$(($1|\(Mark.ownPrompt)));$__s;$__n;${PWD-};"
            + "\(Self.key)$__g\";};"
        let body = "\\builtin set -- $?;__y __a;[[ -z $__u ]]||__y __f \"$1\""
        return switch profile {
        case .bash: "\(print)__d(){ \(body);\\return \"$1\";};"
        case .zsh: "\(print)__d(){ { \(body);} \(hidden);};"
        case .dash, .ash, .mksh, .fish, .tcsh: ""
        }
    }

    /// A statement for shells in which neither prompt nor hook can print mark D.
    private func promptless(_ statement: String) -> String {
        profile == .bash ? "case $__u in 2)\(statement);;esac;" : ""
    }

    /// The end of set-up: the hooks are back, and ours with them.
    private var begin: String {
        switch profile {
        case .bash: "__i 2>&-;__p"
        case .zsh: "precmd_functions=($__v __d);__p"
        case .dash, .ash, .mksh, .fish, .tcsh: "__p"
        }
    }

    // MARK: The marks

    /// Prints a mark on descriptor 3.
    ///
    /// Where the shell does not read the terminal, or may only read it, the mark goes to /dev/tty.
    private var printing: String {
        "__o(){ if [ -t 3 ]&&\(put) \"$1\" >&3;then :;else \(put) \"$1\" >/dev/tty;fi;};"
    }

    /// Prints C and sets `$?` and `$_`.
    ///
    /// With `set -v`, lines are shown when they are read: the code then begins on a line of its
    /// own. `__R` counts: 11 once zsh has parsed all of the code, and runs it.
    private var beginning: String {
        let exit = profile == .bash ? "$__E" : ""
        let last = profile == .zsh ? "{ __b&&:;}" : "{ __b \"$__S\"&&: \"$__S\";}"
        let pipes = pipeStatus.map { "case ${__c%\"$__t\"} in *\($0)*)__m;;esac;" } ?? ""
        return
            "__k(){ \(profile == .bash ? "__R=$__H;" : "")__o \"${__z}C;\(Self.key);$__n;$__l\";};"
            + "__b(){ \(profile == .zsh ? "__R+=1;" : "")"
            + "__q=\"$__h;\(exit)\";case $- in *v*)__q=\"$__h$__l\(exit)\";;esac;"
            + "\(pipes)__y __k;\\return \"$__r\";};__h='\(last) \(hidden)';"
    }

    /// The array of the statuses of a pipeline, where the next command is given them.
    private var pipeStatus: String? {
        switch profile {
        case .bash: "PIPESTATUS"
        case .zsh: "pipestatus"
        case .dash, .ash, .mksh, .fish, .tcsh: nil
        }
    }

    /// For code that names that array: a pipeline before the code that ends as the one before did.
    ///
    /// It is left out where it would end the shell (`set -e`) or trigger a trap on ERR, or where
    /// `!` has changed the status.
    private var pipeline: String {
        guard pipeStatus != nil else { return "" }
        let traps = profile == .bash ? "\\builtin trap -p ERR" : "\\builtin trap"
        return "__m(){ __W= __X=0;for __i in \"${__A[@]}\";do "
            + "__W=\"$__W${__W:+|}(\\builtin exit $__i)\";"
            + "[[ -o pipefail && $__i = 0 ]]||__X=$__i;done;"
            + "[[ $__W = *\"|\"* && $__X = \"$__r\" ]]||\\return;"
            + "[[ $__r = 0 || $- != *e* && $(\(traps)) != *ERR* ]]&&__q=\"$__q{ $__W;} \(hidden);\";};"
    }

    /// Prints E, forgets the code and arms the prompts.
    private var ending: String {
        return "__j(){ \(repeating)\(profile == .bash ? "__l;" : "")"
            + "__o \"${__z}E;\(Self.key);$__s\(jobCount);$1;${PWD-};\(Self.key)$__g\";__c=;__a;"
            + "\(promptless("__f \"$__s\""))};"
            + "__e(){ \(profile == .zsh ? "__E=$?;" : "")__y __j \"$1\";};"
    }

    /// bash refuses to `exit` while it has stopped jobs, unless its last builtin was `exit`, or was
    /// `jobs`: so that one comes first (with the status of the refusal) where `exit` was refused.
    private var repeating: String {
        guard profile == .bash else { return "" }
        return "__E=;case $__s,$__c in 1,exit\"$__t\"|1,logout\"$__t\"|1,exit\\ *\"$__t\")"
            + "__E='{ \\builtin jobs %;} >&- 2>&-;';;esac;"
    }

    /// Prints V.
    private var variables: String {
        "__v(){ if [ -t 3 ];then __o \"${__z}V;\(Self.key);\";"
            + "\\command env -0 2>&-|\\command head -c \(Exports.sizeLimit) >&3;"
            + "__o \";\(Self.key)$__g\";fi;};"
    }

    /// How many jobs the shell has, for mark E; bash can tell since 4.4.
    ///
    /// zsh also reports the status of code that it gave up.
    private var jobCount: String {
        switch profile {
        case .bash: "//$__J"
        case .zsh: "/${${__R:#1}:+$__E}/${(%):-%j}"
        case .dash, .ash, .mksh, .fish, .tcsh: ""
        }
    }

    private var jobs: String {
        guard profile == .bash else { return "" }
        return "__J=0 __K='\\j';if ((BASH_VERSINFO*100+BASH_VERSINFO[1]<404));then __l(){ :;};"
            + "else __l(){ __J=${__K@P};};fi;"
    }

    /// bash lists what was typed before history was off; the user's own lines stay listed.
    private var forgetting: String {
        guard profile == .bash else { return "" }
        // Only quoted words, as IFS and globbing may be anything; each round forgets one entry or
        // is the last.
        return #"__h(){ while __c=$(\builtin history 1);do "#
            + #"case $__c in *']133;'*);;*)\return 0;;esac;__c=${__c#"${__c%%[0-9]*}"};"#
            + #"\builtin history -d "${__c%%[!0-9]*}"||\return 0;done;};"#
            + "__h 2>&-;"
    }

    private var environment: String {
        // One by one: a read-only one must not keep the others from being set.
        "{ \\unset HISTFILE;\\export PAGER=cat;\\export GIT_PAGER=cat;\\export SYSTEMD_PAGER=cat;"
            + "} 2>&-"
    }
}
