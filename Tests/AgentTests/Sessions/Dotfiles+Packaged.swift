// The frameworks themselves, where Debian's packages have put them on this machine.
import Foundation
import Support

extension Dotfile {
    /// Start-up files that read a packaged framework; one that is not installed is left out.
    static let packaged = [
        Dotfile(
            .bash, "liquidprompt", ". /usr/share/liquidprompt/liquidprompt",
            needs: "/usr/share/liquidprompt/liquidprompt"),
        Dotfile(
            .zsh, "liquidprompt", ". /usr/share/liquidprompt/liquidprompt",
            needs: "/usr/share/liquidprompt/liquidprompt"),
        Dotfile(
            .zsh, "powerlevel9k", ". /usr/share/powerlevel9k/powerlevel9k.zsh-theme",
            needs: "/usr/share/powerlevel9k/powerlevel9k.zsh-theme"),
        Dotfile(
            .zsh, "zsh-autosuggestions",
            ". /usr/share/zsh-autosuggestions/zsh-autosuggestions.zsh",
            needs: "/usr/share/zsh-autosuggestions/zsh-autosuggestions.zsh"),
        Dotfile(
            .zsh, "zsh-syntax-highlighting",
            ". /usr/share/zsh-syntax-highlighting/zsh-syntax-highlighting.zsh",
            needs: "/usr/share/zsh-syntax-highlighting/zsh-syntax-highlighting.zsh"),
        Dotfile(
            .bash, "fzf", ". /usr/share/doc/fzf/examples/key-bindings.bash",
            needs: "/usr/share/doc/fzf/examples/key-bindings.bash"),
        Dotfile(
            .zsh, "fzf",
            ". /usr/share/doc/fzf/examples/completion.zsh; . /usr/share/doc/fzf/examples/key-bindings.zsh",
            needs: "/usr/share/doc/fzf/examples/key-bindings.zsh"),
        Dotfile(
            .fish, "fzf", "fzf_key_bindings",
            needs: "/usr/share/fish/vendor_functions.d/fzf_key_bindings.fish"),
        Dotfile(
            .bash, "bash-completion", ". /usr/share/bash-completion/bash_completion",
            needs: "/usr/share/bash-completion/bash_completion"),
        Dotfile(
            .bash, "direnv", "eval \"$(direnv hook bash)\"", needs: "/usr/bin/direnv"),
        Dotfile(.zsh, "direnv", "eval \"$(direnv hook zsh)\"", needs: "/usr/bin/direnv"),
        Dotfile(.fish, "direnv", "direnv hook fish | source", needs: "/usr/bin/direnv"),
        Dotfile(.bash, "zoxide", "eval \"$(zoxide init bash)\"", needs: "/usr/bin/zoxide"),
        Dotfile(.zsh, "zoxide", "eval \"$(zoxide init zsh)\"", needs: "/usr/bin/zoxide"),
        Dotfile(.fish, "zoxide", "zoxide init fish | source", needs: "/usr/bin/zoxide"),
        Dotfile(
            .bash, "powerline", ". /usr/share/powerline/bindings/bash/powerline.sh",
            needs: "/usr/share/powerline/bindings/bash/powerline.sh"),
        Dotfile(
            .zsh, "powerline", ". /usr/share/powerline/bindings/zsh/powerline.zsh",
            needs: "/usr/share/powerline/bindings/zsh/powerline.zsh"),
        Dotfile(
            .fish, "powerline",
            "set fish_function_path $fish_function_path /usr/share/powerline/bindings/fish; "
                + "powerline-setup",
            needs: "/usr/share/powerline/bindings/fish/powerline-setup.fish"),
    ]
}
