// tcsh: aliases in place of functions, `%$__n` in the prompt, and a variable with a line feed, so
// that `eval` takes several lines without a file. An error of a builtin ends the eval as a syntax
// error does: mark E then has `297/status`, and only an interrupt that was sent makes it `aborted`.
// The user's `precmd` runs as __h, before the prompt is set again.
// Invariant: set-up leaves the aliases __p, __b, __e, __v, the sentinel line in __t, a line feed in
// __l and the halves of the nonce in __ka and __kb, and no trace of an alias (`set echo`,
// `set verbose`) has the nonce.

/// tcsh from 6.12 on.
struct TcshDialect: Dialect {
    func setUp(_ nonce: Nonce) -> [String] {
        [
            // Where the line is typed again, __h has the user's `precmd` already.
            " alias __h \"`alias precmd;alias __h`\";unalias set unset eval echo setenv if exec sh printf precmd postcmd jobcmd cwdcmd periodic;"
                // What is typed before the editor ends is lost, so nothing follows on the line.
                // Aliases of a line are read before it runs: hence the quotes.
                + "''unset edit correct filec autologout rprompt printexitvalue time savehist watch mail;"
                + "''set histchars='' __s=\(Mark.settingUp) __n=0 \(nonce.assigned(to: ("__ka", "__kb")));"
                + "alias __p 'set prompt='\\''%{\\033]133;D;%$__ka%$__kb;%?/%j;%$__s;%$__n;%/;%$__ka%$__kb\\007%}'\\'"
                + "' prompt2=';''eval __p\n",
            " set __l='\\\n'\n",
            " set __a=\"`printf '\\033'`\" __z=\"`printf '\\007'`\" __o='' __u='' __k=0 __r=0 __m='!^';"
                + "set __t=$__l:q$__l:q'set __s=$status';"
                + "alias __b 'set __q=$?echo __w=$?verbose;unset echo verbose;"
                + "echo \"$__a]133;C;$__ka$__kb;$__n;\";set __k=\"status=$__r\";"
                + "if ($__w) set __k=\"$__k verbose\";if ($__q) set __k=\"$__k echo\";eval set $__k';"
                // `exit` would end only the eval.
                + "alias exit 'exec sh -c '\\''exit ${1:-$0}'\\'' $status'\n",
            // A start-up file that was read meanwhile may have set another precmd.
            " alias __i 'set __u=\"`alias precmd`\" __k=0;if (x$__u:q == \"x__h;__p\") set __k=1;"
                + "if ($__k == 0) alias __h $__u:q;alias precmd \"__h;__p\"'\n",
            " alias __e 'set __o=$status __v=$__s;"
                + untraced(
                    "if (\"$__s\" == \(Mark.unfinished)) set __v=$__s/$__o;"
                        + bare("echo -n \"$__a]133;E;$__ka$__kb;$__v;$__n;$cwd:q;$__ka$__kb$__z\"")
                        + ";set __c=;__i")
                + "';if (! $?echo_style) set echo_style=both\n",
            " alias __v '"
                + untraced(
                    bare(
                        "echo -n \"$__a]133;V;$__ka$__kb;\";\(Exports.command);"
                            + "echo -n \";$__ka$__kb$__z\"")
                ).replacing("'", with: "'\\''")
                + "';alias precmd '__h;__p'\n",
            " setenv PAGER cat;setenv GIT_PAGER cat;setenv SYSTEMD_PAGER cat;set __s=0\n",
        ]
    }

    /// Statements of which no trace is shown.
    private func untraced(_ code: String) -> String {
        "set __q=$?echo __w=$?verbose;unset echo verbose;\(code);"
            + "if ($__w) set verbose;if ($__q) set echo"
    }

    /// With an `echo` that takes backslashes as they are.
    private func bare(_ code: String) -> String {
        "set __o=$echo_style;set echo_style=bsd;\(code);set echo_style=$__o"
    }

    let learning = "__v"

    func closed(_ code: [UInt8]) -> [UInt8] { code }

    func ending(_ number: Int, _ learning: String) -> String {
        ";__e" + (learning.isEmpty ? "" : ";\(learning)")
    }

    func frame(
        _ code: [UInt8], number: Int, previous: Int, arms: Bool, learning: String
    ) -> (
        head: String, tail: String
    ) {
        let marks = Self.recalls(code) ? "''" : "$__m:q"
        return (
            " \(arms ? "__p;" : "")set histchars=\(marks) __s=\(Mark.unfinished) __n=\(number) "
                + "__r=\(previous) __c=__b$__l:q",
            "$__t:q;eval $__c:q" + ending(number, learning)
        )
    }

    /// Whether code has an exclamation mark that tcsh would take for a word of its history.
    ///
    /// With empty `histchars` it is literal, and aliases take no `\!*`: so only for such code.
    static func recalls(_ code: [UInt8]) -> Bool {
        code.indices.contains { index in
            guard code[index] == UInt8(ascii: "!") else { return false }
            let isEscaped = index > 0 && code[index - 1] == UInt8(ascii: "\\")
            let next = index + 1 < code.count ? code[index + 1] : 10
            return !isEscaped && !" \t\n=~\"".utf8.contains(next)
        }
    }

    let collected = "$__x:q"
    let emptying = "set __x='';"

    func word(_ code: [UInt8], limit: Int) -> [UInt8]? {
        guard code.count <= limit else { return nil }
        var word: [UInt8] = []
        var line: [UInt8] = []
        for byte in code {
            if byte == 10 {
                word += Self.quoted(line) + Array("$__l:q".utf8)
                line = []
            } else {
                line.append(byte)
            }
            if word.count > limit { return nil }
        }
        word += line.isEmpty && !word.isEmpty ? [] : Self.quoted(line)
        return word.count <= limit ? word : nil
    }

    func pieces(_ code: [UInt8], limit: Int) -> [[UInt8]] {
        chunks(code, after: "set __x=$__x:q", limit: limit)
    }

    /// A line without its line feed; if it has bytes that are not plain, a child process prints it.
    private static func quoted(_ line: [UInt8]) -> [UInt8] {
        let quote = UInt8(ascii: "'")
        if line.allSatisfy(isPlain) {
            return [quote] + line.flatMap { $0 == quote ? Array("'\\''".utf8) : [$0] } + [quote]
        }
        let encoded = line.flatMap { byte -> [UInt8] in
            let isSafe =
                byte >= 48 && byte <= 57 || byte >= 65 && byte <= 90 || byte >= 97 && byte <= 122
            return isSafe ? [byte] : Array("\\0".utf8) + octal(byte)
        }
        return Array("\"`printf '%b' '".utf8) + encoded + Array("'`\"".utf8)
    }
}
