// The `session.*` calls: from arguments to sessions, and from results to Wire's types.
// Invariant: the dispatcher has checked that the caller may use the session, by the owner reported
// here.
import Crypto
import Glibc
import JSON
import Loop
import SSH
import Terminal
import Wire

@IO struct SessionCalls {
    let sessions: Sessions
    let hosts: Hosts
    let links: Links
    let membership: Membership
    let revoked: RevokedPrincipals

    func serve(on dispatcher: Dispatcher) {
        dispatcher.ownerOfSession = { sessions[$0]?.owner }
        dispatcher.serve(.openSession) { (call: OpenSession, visit) throws(Fault) in
            guard let id = call.reopen else {
                return try await open(call, visit.caller).opened.json
            }
            return try await reopen(try session(id), call, visit.caller).json
        }
        dispatcher.serve(.runCommand) { (call: RunCommand, visit) throws(Fault) in
            let session = try session(call.sessionID)
            visit.show(session.log)
            return try await session.run(
                call.command, wait: call.wait, timeout: call.timeout, until: call.until,
                view: call.view, maxBytes: call.maxBytes, for: Reader(visit)
            ).json
        }
        dispatcher.serve(.sendInput) { (call: SendInput, visit) throws(Fault) in
            let session = try session(call.sessionID)
            guard !call.adopt else {
                return try await session.adopt(
                    wait: call.wait, view: call.view, maxBytes: call.maxBytes,
                    for: Reader(visit)
                ).json
            }
            let secret = try await secret(call, for: session)
            visit.show(session.log)
            guard let secret else {
                return try await session.send(
                    text: call.text, keys: call.keys, enter: call.enter, wait: call.wait,
                    until: call.until, view: call.view, maxBytes: call.maxBytes,
                    for: Reader(visit)
                ).json
            }
            return try await session.send(
                secret: secret.text, into: secret.programs, wait: call.wait, until: call.until,
                view: call.view, maxBytes: call.maxBytes, for: Reader(visit)
            ).json
        }
        dispatcher.serve(.readOutput) { (call: ReadOutput, visit) throws(Fault) in
            let session = try session(call.sessionID)
            let reader = call.isPeek ? Reader() : Reader(visit)
            guard call.view != .screen else {
                return try await session.readScreen(
                    offset: call.offset, wait: call.wait, maxBytes: call.maxBytes, for: reader
                ).json
            }
            visit.show(session.log)
            return try await session.read(
                offset: call.offset, until: call.until, wait: call.wait, goal: call.goal,
                raw: call.view == .raw, maxBytes: call.maxBytes, for: reader
            ).json
        }
        dispatcher.serve(.updateSession) { (call: UpdateSession, visit) throws(Fault) in
            let session = try session(call.sessionID)
            if let name = call.name { session.name = name.isEmpty ? nil : name }
            session.isPersistent = call.isPersistent ?? session.isPersistent
            session.idleTimeout = call.idleTimeout ?? session.idleTimeout
            session.resize(
                columns: call.columns ?? session.display.columns,
                rows: call.rows ?? session.display.rows)
            sessions.report(session, .changed)
            return info(session, for: visit.caller).json
        }
        dispatcher.serve(.listSessions) { (call: ListSessions, visit) in
            let found = sessions.all.filter { session in
                visit.caller.mayUse(session.owner)
                    && (call.target.map { session.isOn($0) } ?? true)
            }
            return ListSessions.json(found.map { info($0, for: visit.caller) })
        }
        dispatcher.serve(.closeSession) { (call: CloseSession, visit) throws(Fault) in
            let caller = visit.caller
            let closing =
                if let id = call.sessionID {
                    [try session(id)]
                } else {
                    // "All" means all of the caller's own sessions, for an admin too.
                    sessions.all.filter { caller.owns($0.owner) && caller.mayUse($0.owner) }
                }
            for session in closing { sessions.close(session.id) }
            return CloseSession.json(closed: closing.map(\.id))
        }
    }

    /// The secret to type, and the programs it may be typed into (nil: any); nil if the input is
    /// ordinary.
    private func secret(
        _ call: SendInput, for session: Session
    ) async throws(Fault) -> (text: String, programs: Set<String>?)? {
        if let name = call.secret {
            guard links.knows(name) else { return try await personsSecret(name, for: session) }
            let programs = try hosts.programs(forSecret: name, on: session.owner.host)
            let bytes = try await links.secrets.value(name)
            return (String(decoding: bytes.copy, as: UTF8.self), programs)
        }
        if call.password != nil, let rule = hosts.policy.refusalOfSecretArguments {
            throw .refused("a password in an argument", by: rule)
        }
        return call.password.map { ($0, nil) }
    }

    /// A secret that agent.conf does not have, from a person who has been shown which program asks,
    /// and its prompt; throws the question where there is no answer yet.
    private func personsSecret(
        _ name: String, for session: Session
    ) async throws(Fault) -> (text: String, programs: Set<String>?) {
        // Without a person there is nothing to look at first.
        guard let asking = Asking.current, asking.canAsk else { throw links.secrets.unknown(name) }
        let (program, prompt) = try await session.secretQuestion()
        let limit = Question.wordBytes
        let question = Question(
            .secret(
                name: name.cut(to: limit), program: program.cut(to: limit),
                prompt: prompt.cut(to: limit)),
            target: "\(session.owner.host)".cut(to: limit), session: session.id
        ).asked()
        guard let secret = asking.secret(for: question) else {
            throw links.secrets.unknown(name, asking: question)
        }
        return (String(decoding: secret.copy, as: UTF8.self), [program])
    }

    private func session(_ id: String) throws(Fault) -> Session {
        guard let session = sessions[id] else { throw .noSession(id) }
        return session
    }

    /// Opens a new shell in place of one that is gone.
    private func reopen(
        _ old: Session, _ call: OpenSession, _ caller: Caller
    ) async throws(Fault) -> SessionOpened {
        guard old.end != nil, var again = old.opening else {
            throw Fault(
                .invalidArgument, "session \(old.id) has not ended: use it, or close it first")
        }
        again.name = call.name ?? old.name
        again.access.key = call.access.key ?? again.access.key
        again.access.secret =
            call.access.secret ?? (call.access.password == nil ? again.access.secret : nil)
        again.access.password = call.access.password
        (again.connectTimeout, again.loginTimeout) = (call.connectTimeout, call.loginTimeout)
        (again.isPersistent, again.idleTimeout) = (old.isPersistent, old.idleTimeout)
        (again.columns, again.rows) = (old.display.columns, old.display.rows)
        var (opened, session) = try await open(again, caller)
        let restored = await session.takeOver(from: old)
        opened.info = info(session, for: caller)
        opened.reopened = (old.id, restored)
        return opened
    }

    private func open(
        _ call: OpenSession, _ caller: Caller
    ) async throws(Fault) -> (opened: SessionOpened, session: Session) {
        let start = IO.now
        let name = try TargetName(call.target).with(call.access)
        let options = LinkOptions(
            call.access, connectTimeout: call.connectTimeout, loginTimeout: call.loginTimeout,
            retries: call.retries)
        let host = try await hosts.host(call.target, call.access, options, for: caller)
        let request = Sessions.Opening(
            owner: Owner(caller, at: host.address),
            target: "\(membership.name)/\(name)", name: call.name,
            isPersistent: call.isPersistent, idleTimeout: call.idleTimeout,
            loginTimeout: call.loginTimeout, columns: call.columns, rows: call.rows,
            shell: call.shell)
        var hostKey: String?
        let session = try await sessions.open(request) { () throws(Fault) in
            let size = TerminalSize(
                kind: call.terminal, columns: UInt16(call.columns), rows: UInt16(call.rows))
            let shell = try await host.shell(size)
            hostKey = shell.hostKey
            return shell
        }
        do throws(Fault) {
            try await host.confirm()
            try revoked.check(caller.id)
        } catch {
            sessions.close(session.id)
            throw error
        }
        session.opening = call
        session.opening?.access.password = nil
        session.login = options.withoutPassword
        var opened = SessionOpened(
            info: info(session, for: caller), banner: session.banner, hostKey: hostKey,
            durationMS: Int((IO.now - start) / .milliseconds(1)))
        if session.isAtLogin {
            let asks = session.describe(nil)
            (opened.foreground, opened.prompt) = (asks.foreground, asks.prompt)
            opened.note = asks.note
        }
        return (opened, session)
    }

    private func info(_ session: Session, for caller: Caller) -> SessionInfo {
        // A session that has ended is reported as such, whatever became of its last command.
        let state = session.describe(session.end == nil ? session.command : nil)
        var info = SessionInfo(
            sessionID: session.id, target: session.target, name: session.name,
            owner: caller.owns(session.owner) ? nil : session.owner.label, shell: session.shellName,
            cwd: session.cwd,
            state: state.state,
            command: session.isRunning ? session.command?.preview : nil,
            idleSeconds: Int((IO.now - session.lastUsed) / .seconds(1)),
            idleTimeoutSeconds: session.isPersistent ? 0 : Int(session.idleTimeout / .seconds(1)),
            nextOffset: session.log.end, columns: session.display.columns,
            rows: session.display.rows)
        info.depth = session.depth
        return info
    }
}

extension Session {
    /// Whether it is on this target, as its opener wrote it or with the resolved user and port.
    func isOn(_ target: String) -> Bool {
        guard let name = try? TargetName(target) else { return false }
        return self.target == target
            || owner.host.host == name.host && name.user ?? owner.host.user == owner.host.user
                && name.port ?? owner.host.port == owner.host.port
    }
}

extension Visit {
    /// Shows as progress what is added to a log from now on.
    fileprivate func show(_ log: OutputLog) {
        let begin = log.end
        progress = { CallProgress(bytes: log.end - begin, line: log.lastLine(from: begin)) }
    }
}
