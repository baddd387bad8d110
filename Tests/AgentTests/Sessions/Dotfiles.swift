// Start-up files in the manner of the frameworks that people use: prompts that are rebuilt, hooks,
// widgets, options, errors. Written for these tests; each is the smallest that has the effect.
// Invariant: a file names the effect that its owner relies on, so that a test can look for it.
import Foundation
import Support
import Testing

/// One start-up file.
struct Dotfile: CustomTestStringConvertible, Sendable {
    let shell: TestShell
    let name: String
    let text: String
    /// A command, and what it prints where the file's own effects are still there.
    var effect: (command: String, output: String)?
    /// The shell that commands run in afterwards, where the file starts another.
    var leadsTo: TestShell?
    /// A file of the framework that it reads; nil: it needs nothing else.
    var needs: String?

    var testDescription: String { "\(shell): \(name)" }

    /// Where the shell looks for it, in the home.
    var path: String {
        switch shell {
        case .bash: ".bash_profile"
        case .zsh: ".zshrc"
        case .fish: ".config/fish/config.fish"
        case .tcsh: ".tcshrc"
        case .mksh: ".mkshrc"
        case .dash, .ash: ".shinit"
        }
    }

    init(
        _ shell: TestShell, _ name: String, _ text: String,
        effect: (command: String, output: String)? = nil, leadsTo: TestShell? = nil,
        needs: String? = nil
    ) {
        (self.shell, self.name, self.text) = (shell, name, text)
        (self.effect, self.leadsTo, self.needs) = (effect, leadsTo, needs)
    }

    /// All of the shells that are installed.
    static let all = (bash + zsh + fish + tcsh + plain + packaged).filter { file in
        guard file.shell.isInstalled, file.leadsTo?.isInstalled != false else { return false }
        guard let path = file.needs, !FileManager.default.fileExists(atPath: path) else {
            return true
        }
        leaveOut("start-up file \(file.testDescription)", because: "\(path) is not there")
        return false
    }

    private static let bash = [
        Dotfile(
            .bash, "a prompt that is built at each prompt (liquidprompt)",
            "_lp() { PS1=\"\\w $(echo main)\\n> \"; built=yes; }; PROMPT_COMMAND=_lp",
            effect: ("echo $built", "yes\n")),
        Dotfile(
            .bash, "a list of prompt commands (oh-my-posh)",
            "one() { ran=$ran.1; }; two() { ran=$ran.2; PS1='$ '; }; PROMPT_COMMAND=(one two)",
            effect: ("case $ran in .1.2*) echo both;; esac", "both\n")),
        Dotfile(
            .bash, "a DEBUG trap before commands (bash-preexec)",
            "pre() { [ -n \"$at\" ] && { at=; seen=$((seen + 1)); }; return 0; }; at=\n"
                + "after() { at=yes; PS1='\\[\\e[32m\\]\\u\\[\\e[0m\\] $ '; }\n"
                + "PROMPT_COMMAND=after; trap 'pre \"$_\"' DEBUG"),
        Dotfile(
            .bash, "two lines, colours and PS0 (starship)",
            "sp() { local s=$?; PS1=\"$(printf '\\\\[\\\\e[1;36m\\\\]~\\\\[\\\\e[0m\\\\] %s' $s)\"$'\\n'"
                + "\"❯ \"; PS2='… '; }\nPS0='${start:0:$((start=1,0))}'; PROMPT_COMMAND=sp"),
        Dotfile(
            .bash, "variables of a folder (direnv)",
            "_hook() { local s=$?; if [ -f .envrc ]; then export IN=here; else unset IN; fi; return $s; }\n"
                + "PROMPT_COMMAND=\"_hook${PROMPT_COMMAND:+;$PROMPT_COMMAND}\"",
            effect: ("mkdir -p d; touch d/.envrc; cd d\necho", "\n")),
        Dotfile(
            .bash, "a jump list and a wrapped cd (zoxide, nvm)",
            "cd() { builtin cd \"$@\" && seen=$PWD; }; __z() { visited=$PWD; }\n"
                + "PROMPT_COMMAND='__z;'\"${PROMPT_COMMAND#;}\"; nvm() { echo nvm; }",
            effect: ("nvm", "nvm\n")),
        Dotfile(
            .bash, "a name before the prompt (conda, venv)",
            "PS1='(base) \\u@\\h:\\w\\$ '; conda() { PS1=\"($1) $PS1\"; }; conda base"),
        Dotfile(
            .bash, "history that is shared (histappend)",
            "HISTCONTROL=ignoredups; shopt -s histappend; HISTFILE=~/.h\n"
                + "PROMPT_COMMAND='history -a; history -c; history -r'"),
        Dotfile(
            .bash, "a title in PROMPT_COMMAND",
            "PROMPT_COMMAND='printf \"\\033]0;%s\\007\" \"$PWD\"'; PS1='\\[\\e]2;t\\a\\]$ '"),
        Dotfile(
            .bash, "vi mode",
            "set -o vi; bind 'set show-mode-in-prompt on'; bind 'set completion-ignore-case on'"
        ),
        Dotfile(.bash, "unset variables are errors", "set -u"),
        Dotfile(
            .bash, "many options",
            "shopt -s autocd cdspell extglob globstar checkwinsize nullglob failglob"
        ),
        Dotfile(
            .bash, "aliases of everyday words",
            "alias ls='ls --color=auto' rm='rm -i' cd='builtin cd' echo='echo' printf='printf' eval='eval'"
        ),
        Dotfile(
            .bash, "errors in the file", "nosuch --now\n[ = ]\nsource /nowhere\nif true; then\n"),
        Dotfile(.bash, "a pause", "read -t 1 -n 1 -p 'Press a key' key; echo; echo Welcome"),
        Dotfile(
            .bash, "words for what is not found",
            "command_not_found_handle() { echo \"no $1\"; }",
            effect: ("nosuch", "no nosuch\n")),
        Dotfile(.bash, "an odd IFS", "IFS=$'\\n:'; GLOBIGNORE='*'"),
        Dotfile(.bash, "a read-only prompt", "PS1='$ '; readonly PS1"),
        Dotfile(
            .bash, "read-only hooks", "PROMPT_COMMAND='hooked=yes'; readonly PS1 PROMPT_COMMAND"),
        Dotfile(.bash, "a trace", "exec 9>~/trace; BASH_XTRACEFD=9; PS4='+ '; set -x"),
        Dotfile(
            .bash, "the file starts zsh", "[ -n \"$up\" ] || { export up=1; exec zsh; }",
            leadsTo: .zsh),
        Dotfile(.bash, "a time limit", "TMOUT=600; readonly TMOUT"),
        Dotfile(
            .bash, "a trap at the end and on errors", "trap 'echo gone' EXIT; trap 'last=$?' ERR"),
    ]

    private static let zsh = [
        Dotfile(
            .zsh, "a prompt that is built at each prompt (add-zsh-hook)",
            "autoload -Uz add-zsh-hook; b() { PROMPT=\"%~ $(echo main)\"$'\\n> '; built=yes }\n"
                + "add-zsh-hook precmd b", effect: ("echo $built", "yes\n")),
        Dotfile(
            .zsh, "precmd and preexec (powerlevel)",
            "setopt prompt_subst; precmd() { s=$?; PROMPT='%F{red}${s}%f %# '; RPROMPT='%T' }\n"
                + "preexec() { began=$EPOCHREALTIME }"),
        Dotfile(
            .zsh, "a transient prompt",
            "zle-line-finish() { PROMPT='> '; zle reset-prompt }; zle -N zle-line-finish"),
        Dotfile(
            .zsh, "vi mode",
            "bindkey -v; zle-keymap-select() { zle reset-prompt }; zle -N zle-keymap-select"
        ),
        Dotfile(
            .zsh, "widgets that suggest and highlight",
            "typeset -gA w; self-insert() { zle .self-insert; region_highlight=('0 3 fg=red') }\n"
                + "zle -N self-insert; accept-line() { POSTDISPLAY=; zle .accept-line }; zle -N accept-line"
        ),
        Dotfile(.zsh, "spelling is corrected", "setopt correct correct_all"),
        Dotfile(
            .zsh, "many options",
            "setopt auto_cd auto_pushd share_history inc_append_history hist_ignore_space "
                + "no_nomatch interactive_comments extended_glob null_glob"),
        Dotfile(.zsh, "as ksh does", "setopt ksh_arrays sh_word_split ksh_glob posix_builtins"),
        Dotfile(.zsh, "unset variables are errors", "setopt no_unset warn_create_global"),
        Dotfile(
            .zsh, "variables of a folder (direnv)",
            "_d() { [[ -f .envrc ]] && export IN=here; hooked=yes }\n"
                + "typeset -ag precmd_functions chpwd_functions; precmd_functions+=(_d); chpwd_functions+=(_d)",
            effect: ("echo $hooked", "yes\n")),
        Dotfile(
            .zsh, "aliases of everyday words",
            "alias -g G='| grep'; alias ls='ls --color' cd='builtin cd' eval='eval' echo='echo'"),
        Dotfile(
            .zsh, "errors in the file",
            "nosuch --now\nsource /nowhere\nautoload -Uz nothere; nothere"),
        Dotfile(
            .zsh, "the file starts bash", "[[ -n $up ]] || { export up=1; exec bash }",
            leadsTo: .bash),
        Dotfile(.zsh, "a time limit", "TMOUT=600; TRAPALRM() { : }"),
        Dotfile(.zsh, "a trace", "exec 9>~/trace; setopt xtrace 2>/dev/null; unsetopt xtrace"),
        Dotfile(.zsh, "a read-only prompt", "PS1='$ '; readonly PS1"),
    ]

    private static let fish = [
        Dotfile(
            .fish, "a prompt of its own",
            "function fish_prompt; set -g built yes; echo; echo -n (pwd)' > '; end\n"
                + "function fish_right_prompt; date; end", effect: ("echo $built", "yes\n")),
        Dotfile(
            .fish, "functions at events",
            "function a --on-event fish_prompt; set -g hooked yes; end\n"
                + "function b --on-event fish_preexec; set -g began 1; end\n"
                + "function c --on-event fish_postexec; set -g ended 1; end\n"
                + "function d --on-variable PWD; set -g moved 1; end",
            effect: ("echo $hooked", "yes\n")),
        Dotfile(
            .fish, "a prompt that an event makes",
            "function a --on-event fish_prompt; function fish_prompt; echo -n 'new> '; end; end"),
        Dotfile(.fish, "vi mode", "fish_vi_key_bindings; set -g fish_greeting"),
        Dotfile(
            .fish, "words and abbreviations",
            "abbr -a g git; alias ll 'ls -l'; set -g fish_greeting hello"),
        Dotfile(.fish, "errors in the file", "nosuch --now\nsource /nowhere\n"),
        Dotfile(
            .fish, "keys", "bind \\cg 'echo g'; bind \\r execute; bind \\cc 'commandline \"\"'"),
    ]

    private static let tcsh = [
        Dotfile(
            .tcsh, "a prompt that is built at each prompt",
            "alias precmd 'set prompt=\"`pwd` > \"; set built=yes'",
            effect: ("echo $built", "yes\n")),
        Dotfile(
            .tcsh, "hooks",
            "alias postcmd 'set began=1'; alias cwdcmd 'set moved=1'; alias periodic 'set p=1'"
        ),
        Dotfile(
            .tcsh, "aliases with arguments",
            "alias say 'echo said \\!*'; alias cd 'chdir \\!*; ls'",
            effect: ("say a b", "said a b\n")),
        Dotfile(
            .tcsh, "options",
            "set correct=all autolist rmstar noclobber; set autologout=60"),
        Dotfile(.tcsh, "errors in the file", "nosuch --now\nsource /nowhere\n"),
    ]

    private static let plain = [TestShell.dash, .ash, .mksh].flatMap { shell in
        [
            Dotfile(
                shell, "a prompt with a command", "PS1='$(pwd) > '; built=yes",
                effect: ("echo $built", "yes\n")),
            Dotfile(shell, "unset variables are errors", "set -u"),
            Dotfile(
                shell, "aliases of everyday words",
                "alias ls='ls -l' cd='cd' echo='echo' ll='ls -la'"),
            Dotfile(shell, "errors in the file", "nosuch --now\n[ = ]\n"),
            Dotfile(shell, "vi mode", "set -o vi 2>/dev/null"),
            Dotfile(shell, "an odd IFS", "IFS=:"),
        ]
    }
}
