// Shell completion from the same declarations: one bash function, which zsh reads as well.
// Invariant: the script contains only our own names, so nothing in it needs quoting.

extension Program {
    /// A script for `eval "$(PROGRAM completion)"` in bash, or in zsh.
    public func completion() -> String {
        let function = "_" + String(name.map { $0 == "-" ? "_" : $0 })
        let groups = Dictionary(grouping: commands) { firstWord($0.name) }
        let first = groups.keys.sorted().joined(separator: " ")
        let cases = groups.keys.sorted().map { word in
            let members = groups[word] ?? []
            let seconds = members.compactMap { secondWord($0.name) }
            let flags = Set(members.flatMap { $0.settings.map(\.flag) }).union(["--help"])
            return
                "    \(word)) words=\"\((seconds + flags.sorted()).joined(separator: " "))\" ;;\n"
        }
        return """
            [ -n "$ZSH_VERSION" ] && autoload -U +X bashcompinit && bashcompinit
            \(function)() {
              local words
              case "${COMP_WORDS[1]}" in
            \(cases.joined())    *) words="" ;;
              esac
              [ "$COMP_CWORD" -eq 1 ] && words="\(first) --help --version"
              COMPREPLY=($(compgen -W "$words" -- "${COMP_WORDS[COMP_CWORD]}"))
            }
            complete -o default -F \(function) \(name)

            """
    }

    private func firstWord(_ name: String) -> String { String(name.prefix { $0 != " " }) }

    private func secondWord(_ name: String) -> String? {
        name.firstIndex(of: " ").map { String(name[name.index(after: $0)...]) }
    }
}
