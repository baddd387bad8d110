// fish: functions in place of prompts, its own line editor that cannot be switched off, and no
// group but `begin`. Mark E always follows `eval`, with `297/status` if the code did not reach its
// end; fish's own parser is then asked whether the code was only unfinished.
// A handler of our own, always the last one for the event of a prompt, sets the prompt again.
// No function has the nonce, whose halves are variables.
// Invariant: set-up leaves the functions __p, __b, __e, __v and the sentinel line in __t, and none
// of them shows a trace of what it does.

/// fish from 3.1 on.
struct FishDialect: Dialect {
    func setUp(_ nonce: Nonce) -> [String] {
        let halves = nonce.halves.map { String(decoding: $0, as: UTF8.self) }
        let print = "builtin printf '\\033]133;"
        let key = "$__ka$__kb"
        return [
            " set -g fish_history '';set -g fish_autosuggestion_enabled 0;"
                // Without -g the choice would be written to the user's own configuration.
                + "test \"$fish_key_bindings\" = fish_default_key_bindings;"
                + "or set -g fish_key_bindings fish_default_key_bindings;"
                + "functions -e __fish_enable_bracketed_paste __fish_disable_bracketed_paste;"
                + "set -g __s \(Mark.settingUp);set -g __n 0;"
                + "set -g __ka \(halves[0]);set -g __kb \(halves[1]);"
                // `__R` is set while code runs: a prompt that it prints is not taken for a mark.
                + "function __p;set -g __R '';function fish_prompt;"
                + "\(print)D;%s;%s;%s;%s;%s;%s\\007' \(key) $status $__s $__n$__R \"$PWD\" \(key);end;"
                + "function fish_right_prompt;end;function fish_mode_prompt;end;"
                + "function fish_title;end;end;"
                // Handlers run in the order in which they were made.
                + "function __i;function __d --on-event fish_prompt;__p;end;end;__i;__p\n",
            " function __b;set -g __q '';test -n \"$fish_trace\";and set -g __q __k\\n;"
                + "\(untraced)set -g __s \(Mark.unfinished);set -g __n $argv[1];"
                + "set -g __r $argv[2];__k;end;"
                + "function __k;\(untraced)set -g __R +;\(print)C;%s;%s;\\n' \(key) $__n;"
                + "return $__r;end;"
                + "set -gx PAGER cat;set -gx GIT_PAGER cat;set -gx SYSTEMD_PAGER cat\n",
            " function __v;\(untraced)\(print)V;%s;' \(key);\(Exports.command);"
                + "builtin printf ';%s\\007' \(key);end\n",
            " function __e;set -l __u $status;\(untraced)set -l v $__s;if test $v = \(Mark.unfinished);"
                // commandline --is-valid: 2 = it could be completed
                + "commandline -r -- $__c;commandline --is-valid;"
                + "test $status = 2;and set v \(Mark.incomplete);commandline -r '';set v $v/$__u;end;"
                + "string match -q '*/*' $v;or set v $v/;set -l j (count (jobs -p));"
                + "\(print)E;%s;%s/%s;%s;%s;%s\\007' \(key) $v $j $argv[1] \"$PWD\" \(key);"
                + "set -g __c '';__i;return $__u;end;"
                // A TAB that is typed would complete a word.
                + "bind \\cv\\t 'commandline -i \\t';"
                + "set -g __t \\n\\n'set -g __s $status';set -g __s 0\n",
        ]
    }

    /// In a function, no trace (`fish_trace`) shows what follows.
    private let untraced = "set -l fish_trace '';"

    let learning = "__v"

    func closed(_ code: [UInt8]) -> [UInt8] { grouped(code, "begin;", "\n\nend") }

    func frame(
        _ code: [UInt8], number: Int, previous: Int, arms: Bool, learning: String
    ) -> (
        head: String, tail: String
    ) {
        (
            arms ? " __p;set -g __c " : " set -g __c ",
            "$__t;__b \(number) \(previous);eval $__q$__c" + ending(number, learning)
        )
    }

    func ending(_ number: Int, _ learning: String) -> String {
        ";__e \(number)" + (learning.isEmpty ? "" : ";\(learning)")
    }

    let collected = "$__x"
    let emptying = "set -g __x '';"

    func word(_ code: [UInt8], limit: Int) -> [UInt8]? {
        guard code.count <= limit else { return nil }
        var word = Word()
        for byte in code {
            word.append(byte)
            if word.closed.count > limit { return nil }
        }
        return word.closed
    }

    func pieces(_ code: [UInt8], limit: Int) -> [[UInt8]] {
        chunks(code, after: "set -g __x $__x", limit: limit)
    }

    /// A word being built: text in single quotes, other bytes outside them.
    private struct Word {
        private var bytes = [UInt8(ascii: "'")]
        private var isQuoted = true

        var closed: [UInt8] { isQuoted ? bytes + [UInt8(ascii: "'")] : bytes }

        mutating func append(_ byte: UInt8) {
            let isPlain = FishDialect.isPlain(byte)
            if isPlain != isQuoted {
                bytes.append(UInt8(ascii: "'"))
                isQuoted = isPlain
            }
            switch byte {
            case 10: bytes += "\\n".utf8
            case UInt8(ascii: "'"), UInt8(ascii: "\\"): bytes += [UInt8(ascii: "\\"), byte]
            case _ where isPlain: bytes.append(byte)
            default:
                let digits = Array("0123456789abcdef".utf8)
                // Next to each other, these make one character.
                bytes += Array("\\X".utf8) + [digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
    }
}
