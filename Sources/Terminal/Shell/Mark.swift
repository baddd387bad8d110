// The marks a shell prints for us, and reading them: from MarkScanner, which finds them, to
// ShellState, which decides what they mean. Pure.
// Invariant: only bytes that carry the nonce ever become a mark.

/// One mark, already checked to be the shell's own.
///
/// Bytes: ESC ] 133 ; letter ; NONCE ; fields BEL; marks with a directory end in ; NONCE BEL, as
/// its name may contain any byte but NUL. C ends in LF, which arrives as LF or CR LF and so shows
/// what the terminal does to line ends at that moment.
///
///     C  n ; (LF for BEL)    the output of command n begins after this byte
///     E  status ; n ; cwd    command n is over; status: 297/own if its code did not reach its end,
///                            and status/own/jobs where the shell counts its jobs
///     D  $? ; __s ; n ; cwd  the shell is at its prompt; command n is over ($? + 256: a hook
///                            printed the mark, and the user's own prompt follows; $?/jobs in
///                            tcsh; n+: a command has printed the prompt itself, which is not
///                            taken for a mark)
///     F                      the shell wants more input (in mksh with the first digits of NONCE)
///     P  pid/image ; tty ; shell   who answers (once, at set-up; with the first digits of NONCE)
///     V  NAME=VALUE NUL …    the exported variables
public enum Mark: Sendable, Equatable {
    /// The output of command `number` begins; `mapsNewlines`: the terminal turns LF into CR LF.
    case began(number: Int, mapsNewlines: Bool)
    /// Command `number` is over; 297: its code did not reach its end (syntax error), and `own` is
    /// then the shell's status, if it is reported. `jobs`: those of the shell, in the background or
    /// stopped.
    case ended(status: Int, own: Int? = nil, jobs: Int? = nil, number: Int, directory: [UInt8])
    /// The shell is at its prompt, with `jobs` of its own where only its prompt counts them.
    case prompt(status: Int, jobs: Int? = nil, sentinel: Int, number: Int, directory: [UInt8])
    /// The shell wants more of an unfinished command.
    case continuation
    /// The exported variables, each with a NUL after it.
    case exports([UInt8])
    /// The shell's process, where its stack begins (which changes with exec; 0: not reported), its
    /// terminal and program.
    case identity(process: Int, image: Int = 0, terminal: String, program: String)

    /// The value of `__s` while a command has not reached its end; no exit status has this value.
    public static let unfinished = 297
    /// In mark E: the shell's parser found the command incomplete.
    public static let incomplete = 296
    /// Added to the status in mark D where the user's own prompt follows.
    public static let ownPrompt = 256
    /// The value of `__s` until set-up is over.
    public static let settingUp = 298

    /// Reads the fields between the opening nonce and the closing bytes.
    init?(letter: UInt8, fields: ArraySlice<UInt8>) {
        switch letter {
        case UInt8(ascii: "C"):
            var rest = fields
            let mapped = rest.last == 13
            if mapped { rest = rest.dropLast() }
            guard rest.last == UInt8(ascii: ";"), let number = Mark.number(rest.dropLast()) else {
                return nil
            }
            self = .began(number: number, mapsNewlines: mapped)
        case UInt8(ascii: "E"):
            let parts = fields.split(
                separator: UInt8(ascii: ";"), maxSplits: 2, omittingEmptySubsequences: false)
            let status = parts[0].split(
                separator: UInt8(ascii: "/"), omittingEmptySubsequences: false
            ).map(Mark.number)
            guard parts.count == 3, let number = Mark.number(parts[1]), status.count <= 3,
                let sentinel = status.first ?? nil
            else { return nil }
            self = .ended(
                status: sentinel, own: status.count > 1 ? status[1] : nil,
                jobs: status.count > 2 ? status[2] : nil, number: number,
                directory: Array(parts[2]))
        case UInt8(ascii: "D"):
            let parts = fields.split(
                separator: UInt8(ascii: ";"), maxSplits: 3, omittingEmptySubsequences: false)
            guard parts.count == 4, let sentinel = Mark.number(parts[1]),
                let number = Mark.number(parts[2])
            else { return nil }
            let status = parts[0].split(
                separator: UInt8(ascii: "/"), omittingEmptySubsequences: false
            ).map(Mark.number)
            guard status.count <= 2, let first = status[0] else { return nil }
            self = .prompt(
                status: first, jobs: status.count > 1 ? status[1] : nil, sentinel: sentinel,
                number: number, directory: Array(parts[3]))
        case UInt8(ascii: "F"):
            guard fields.isEmpty else { return nil }
            self = .continuation
        case UInt8(ascii: "V"): self = .exports(Array(fields))
        case UInt8(ascii: "P"):
            let parts = fields.split(
                separator: UInt8(ascii: ";"), maxSplits: 2, omittingEmptySubsequences: false)
            let numbers = parts[0].split(separator: UInt8(ascii: "/")).map(Mark.number)
            guard parts.count == 3, 1...2 ~= numbers.count, let process = numbers[0],
                let image = numbers.count == 2 ? numbers[1] : 0
            else { return nil }
            self = .identity(
                process: process, image: image,
                terminal: String(decoding: parts[1], as: UTF8.self),
                program: String(decoding: parts[2], as: UTF8.self))
        default: return nil
        }
    }

    private static func number(_ digits: ArraySlice<UInt8>) -> Int? {
        guard !digits.isEmpty, digits.count <= 18, digits.allSatisfy({ $0 >= 48 && $0 <= 57 })
        else {
            return nil
        }
        return digits.reduce(0) { $0 * 10 + Int($1 - 48) }
    }
}
