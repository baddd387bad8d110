// Splits what the terminal sends into marks, a program's output, and the rest (the echo of typed
// lines, an editor's cursor question). It stands between the transport and the log. A mark may
// change the kind of the bytes after it, so the listener is asked for each piece.
// Invariant: bytes in = output + marks + echo, whatever the chunks; secrets never come out.
import Loop
import Terminal

/// Follows what the terminal sends.
@IO protocol IntakeListener: AnyObject {
    /// The kind of the terminal's output at this moment.
    var listening: Intake.Listening { get }
    /// The terminal showed this.
    func drew(_ bytes: ArraySlice<UInt8>)
    /// A program wrote this.
    func wrote(_ bytes: ArraySlice<UInt8>)
    /// An editor asks for the position of the cursor.
    func askedForCursor()
    /// A shell printed a mark. `level`: which one, counted from the outermost.
    func marked(_ mark: Mark, level: Int)
}

/// Takes a terminal's output apart.
@IO final class Intake {
    /// The kinds of the terminal's output.
    enum Listening {
        /// The answer to set-up lines, with whatever the host shows at login.
        case setUp
        /// A prompt and the echo of typed lines, with a background job's output in between.
        case prompt
        /// The output of a program.
        case program
    }

    private var scanner: MarkScanner
    private var newlines = NewlineMap()
    private var nonces: NonceFilter
    private var redactor = Redactor()
    private var masks = MaskFilter()
    /// The echo filter of each shell, outermost first.
    private var echoes = [EchoFilter(editor: .none)]
    /// The line editor of each shell.
    private var editors = [ShellProfile.Editor.none]
    private var scratch: [UInt8] = []
    /// What arrived while the innermost shell was set up.
    private(set) var greeting: [UInt8] = []

    /// The most bytes kept of what arrives while a shell is set up: a host must not fill the
    /// memory.
    private static let greetingLimit = 64 << 10
    /// The bytes kept of a longer one: its head for the banner, its tail for the prompt.
    private static let greetingHead = 16 << 10, greetingTail = 16 << 10
    /// The cursor question of BusyBox ash, which it sends by itself.
    private static let cursorQuestion = Array("\u{1b}[6n".utf8)

    /// An intake for a session's own shell.
    init(_ nonce: Nonce) { (scanner, nonces) = (MarkScanner(nonce: nonce), NonceFilter(nonce)) }

    private var top: Int { echoes.count - 1 }

    // MARK: The stack of shells

    /// From now on the output is that of another shell, inside the innermost.
    func push(_ nonce: Nonce, _ listener: some IntakeListener) {
        settle(endsEcho: true, listener)
        greeting = []
        scanner.push(nonce)
        nonces.push(nonce)
        echoes.append(EchoFilter(editor: .none))
        editors.append(.none)
    }

    /// The shells inside the outermost `count` have ended.
    ///
    /// Their marks are still looked for up to the end of the chunk that showed it.
    func keep(_ count: Int, _ listener: some IntakeListener) {
        settle(endsEcho: true, listener)
        echoes.removeLast(max(0, echoes.count - count))
        editors.removeLast(max(0, editors.count - count))
    }

    /// A shell took the place of the one at `level`.
    func remove(_ level: Int) {
        echoes.remove(at: level)
        editors.remove(at: level)
        scanner.remove(level)
        nonces.remove(level)
    }

    /// Forgets the marks of shells that have ended.
    func forgetMarks() {
        guard scanner.levels > echoes.count else { return }
        scanner.keep(echoes.count)
        nonces.keep(echoes.count)
    }

    /// Sets the line editor of the innermost shell.
    func edits(_ editor: ShellProfile.Editor) {
        editors[top] = editor
        echoes[top] = EchoFilter(editor: editor)
    }

    // MARK: What is expected

    /// A line was typed, whose echo is expected.
    ///
    /// `endsAtLine`: no mark comes before its output.
    func expect(_ line: [UInt8], endsAtLine: Bool = false) {
        echoes[top].expect(line, endsAtLine: endsAtLine)
    }

    /// A secret was typed: it is replaced where it is shown.
    func hide(_ secret: [UInt8]) { redactor.add(secret) }

    /// Something is typed to a program that asks for a secret: what it draws for the letters would
    /// show how many they are.
    ///
    /// `row`: that of the cursor, if the program has named it.
    func hideMasks(row: Int?) { masks.begin(row: row) }

    /// No program runs that could show a secret: what is held back was no mask.
    func forgetSecrets(_ listener: some IntakeListener) {
        if !redactor.isEmpty { redactor = Redactor() }
        guard masks.isOn else { return }
        let rest = masks.flush()
        masks = MaskFilter()
        if !rest.isEmpty { show(rest[...], listener) }
    }

    /// Whether bytes are held back because they may begin a secret.
    var isHolding: Bool { nonces.isHolding || redactor.isHolding }

    // MARK: What comes

    /// Takes one chunk apart.
    func take(_ bytes: [UInt8], _ listener: some IntakeListener) {
        let level = scanner.levels - 1
        scanner.scan(bytes) { piece in
            switch piece {
            case .output(let slice):
                show(withoutSecrets(slice), listener)
            case .mark(let mark): follow(mark, level, listener)
            case .outerMark(let mark, let level): follow(mark, level, listener)
            }
        }
        forgetMarks()
    }

    /// Releases what is held back: nothing follows that could complete a secret.
    func release(_ listener: some IntakeListener) {
        let held = withoutMasks((redactor.flush() + nonces.flush())[...])
        if !held.isEmpty { show(held, listener) }
    }

    /// The stream has ended: nothing follows.
    func finish(_ listener: some IntakeListener) {
        scanner.finish { if case .output(let slice) = $0 { show(withoutSecrets(slice), listener) } }
        release(listener)
        let rest = masks.flush()
        if !rest.isEmpty { show(rest[...], listener) }
        settle(endsEcho: false, listener)
    }

    /// Takes what arrived while a shell was set up, and forgets it here.
    func takeGreeting() -> [UInt8] {
        defer { greeting = [] }
        return greeting
    }

    /// Set-up failed: what arrived meanwhile is output after all.
    func releaseGreeting(_ listener: some IntakeListener) {
        scratch.removeAll(keepingCapacity: true)
        newlines.append(takeGreeting()[...], to: &scratch)
        listener.wrote(scratch[...])
    }

    /// Output is complete up to here.
    func settle(endsEcho: Bool, _ listener: some IntakeListener) {
        scratch.removeAll(keepingCapacity: true)
        newlines.finish(to: &scratch)
        if !scratch.isEmpty { keep(scratch, listener) }
        guard endsEcho else { return }
        var rest: [UInt8] = []
        echoes[top].stop(to: &rest)
        if !rest.isEmpty { listener.wrote(rest[...]) }
    }

    /// The terminal maps the line feeds of a mark as those of any output.
    func unmapped(_ mark: [UInt8]) -> [UInt8] {
        // A CR that is held back belongs to the output before the mark.
        var map = NewlineMap()
        map.isMapping = newlines.isMapping
        var bytes: [UInt8] = []
        map.append(mark[...], to: &bytes)
        map.finish(to: &bytes)
        return bytes
    }

    private func follow(_ mark: Mark, _ level: Int, _ listener: some IntakeListener) {
        guard level <= top else { return }
        release(listener)
        listener.marked(mark, level: level)
    }

    /// The innermost shell's mark.
    ///
    /// `endsEcho`: no echo of a typed line follows it.
    func passed(_ mark: Mark, endsEcho: Bool, _ listener: some IntakeListener) {
        guard case .began(_, let maps) = mark else {
            return settle(endsEcho: endsEcho, listener)
        }
        settle(endsEcho: true, listener)
        newlines.isMapping = maps
    }

    private func withoutSecrets(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var rest = nonces.filter(bytes)
        if !redactor.isEmpty {
            var shown: [UInt8] = []
            redactor.append(rest, to: &shown)
            rest = shown[...]
        }
        return withoutMasks(rest)
    }

    private func withoutMasks(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        guard masks.isOn else { return bytes }
        var shown: [UInt8] = []
        masks.append(bytes, to: &shown)
        return shown[...]
    }

    private func show(_ bytes: ArraySlice<UInt8>, _ listener: some IntakeListener) {
        listener.drew(bytes)
        if case .setUp = listener.listening { return greet(bytes, listener) }
        scratch.removeAll(keepingCapacity: true)
        newlines.append(bytes, to: &scratch)
        keep(scratch, listener)
    }

    private func greet(_ bytes: ArraySlice<UInt8>, _ listener: some IntakeListener) {
        if greeting.count < Self.greetingLimit {
            greeting.append(contentsOf: bytes)
        } else if top == 0 {
            greeting.removeSubrange(Self.greetingHead..<greeting.count - Self.greetingTail)
            greeting.append(contentsOf: bytes)
        }
        // A session's program may print while a shell in it is being identified.
        if top > 0, greeting.count >= Self.greetingLimit { releaseGreeting(listener) }
    }

    private func keep(_ bytes: [UInt8], _ listener: some IntakeListener) {
        let isProgram = if case .program = listener.listening { true } else { false }
        if !isProgram, editors[top] == .asksCursor, bytes == Self.cursorQuestion {
            return listener.askedForCursor()
        }
        guard !isProgram, !echoes[top].isIdle else { return listener.wrote(bytes[...]) }
        var rest: [UInt8] = []
        echoes[top].append(bytes[...], to: &rest)
        if !rest.isEmpty { listener.wrote(rest[...]) }
    }
}
