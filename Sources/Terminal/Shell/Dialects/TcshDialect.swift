// tcsh: aliases in place of functions, `%$__n` in the prompt, and a variable with a line feed, so
// that `eval` takes several lines without a file. An error of a builtin ends the eval as a syntax
// error does: mark E then has `297/status`, and only an interrupt that was sent makes it `aborted`.
// Invariant: set-up leaves the aliases __p, __b, __e, the sentinel line in __t, a line feed in __l.

/// tcsh from 6.12 on.
struct TcshDialect: Dialect {
    func setUp(_ nonce: Nonce) -> [String] {
        let key = nonce.text
        return [
            " unalias set unset eval echo setenv if exec sh printf precmd postcmd jobcmd cwdcmd periodic;"
                // What is typed before the editor ends is lost, so nothing follows on the line.
                // Aliases of a line are read before it runs: hence the quotes.
                + "''unset edit correct filec autologout rprompt printexitvalue time savehist watch mail;"
                // With empty `histchars` an exclamation mark is literal; aliases then take no
                // `\!:1`.
                + "''set histchars='' __s=\(Mark.settingUp) __n=0;"
                + "alias __p 'set prompt='\\''%{\\033]133;D;\(key);%?;%$__s;%$__n;%/;\(key)\\007%}'\\'"
                + "' prompt2=';''eval __p\n",
            " set __l='\\\n'\n",
            " set __a=\"`printf '\\033'`\" __z=\"`printf '\\007'`\" __o='';"
                + "set __t=$__l:q$__l:q'set __s=$status';"
                + "alias __b 'echo \"$__a]133;C;\(key);$__n;\"';"
                // `exit` would end only the eval.
                + "alias exit 'exec sh -c '\\''exit ${1:-$0}'\\'' $status'\n",
            " alias __e 'set __o=$status __v=$__s;if (\"$__s\" == \(Mark.unfinished)) set __v=$__s/$__o;"
                + "set __o=$echo_style;set echo_style=bsd;"
                + "echo -n \"$__a]133;E;\(key);$__v;$__n;$cwd:q;\(key)$__z\";"
                + "set echo_style=$__o __c=';"
                + "if (! $?echo_style) set echo_style=both\n",
            " setenv PAGER cat;setenv GIT_PAGER cat;setenv SYSTEMD_PAGER cat;set __s=0\n",
        ]
    }

    func closed(_ code: [UInt8]) -> [UInt8] { code }

    func ending(_ number: Int) -> String { ";__e" }

    func frame(number: Int, previous: Int, arms: Bool) -> (head: String, tail: String) {
        // eval begins with status 0, so the code's first line sets `$status`.
        let status = previous == 0 ? "" : "'(exit \(previous))'$__l:q"
        return (
            " \(arms ? "__p;" : "")set __s=\(Mark.unfinished) __n=\(number) __c=\(status)",
            "$__t:q;__b;eval $__c:q" + ending(number)
        )
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
