// Connecting to a target for the pool: with its secrets, through the link that `Links.jump` gives,
// with retries after transient failures, and with what a person has granted for the call.
// Invariant: only what a person approved or a policy allows is trusted or stored; no attempt waits
// for a person: it fails with the question, and a later call brings the answer.
import Crypto
import Glibc
import Loop
import SSH
import Wire

extension Links {
    /// A link, and whether it, or the link to its jump host, rests on what a person has granted for
    /// one caller's call alone.
    typealias Connected = (link: Link, isPersonal: Bool)

    /// Connects, through the link to its last jump host, if it has any.
    func connect(
        _ target: SSHTarget, _ options: LinkOptions
    ) async throws(Fault) -> Connected {
        let jump = try await jump(to: target)
        // What goes over a link that serves one principal alone is that principal's alone too.
        var isPersonal = jump.map { isForOne($0) } ?? false
        let secrets = try await secrets(of: target, options, &isPersonal)
        var configuration = await Blocking.run {
            target.configuration(options, secrets) { unsafe access($0, R_OK) == 0 }
        }
        if let notice = TaskNotice.current {
            configuration.onWaiting = { notice.text = "\(target.name): \($0)" }
        }
        defer { TaskNotice.current?.text = nil }
        let end = IO.now + configuration.limits.connect
        var retries = Retries(options.retries)
        // A host that shows several keys in turn must not keep the agent dialling: each question is
        // answered once.
        var answered: Set<String> = []
        while true {
            do throws(SSHError) {
                return (try await Link.connect(configuration, through: jump), isPersonal)
            } catch {
                let question = target.question(after: error, secrets)
                if let question, let (_, key) = error.unknownKey, IO.now < end,
                    let choice = Asking.current?.choice(on: question),
                    answered.insert(question.digest).inserted
                {
                    let isStored = try await trust(key, choice, configuration, target)
                    configuration.trust.accepted = key
                    isPersonal = isPersonal || !isStored
                    continue
                }
                guard error.isTransient, jump?.isOpen != false, let pause = retries.next(),
                    IO.now + pause < end
                else {
                    let tries = retries.made > 0 ? " (after \(retries.made + 1) attempts)" : ""
                    throw Fault(error, of: target, note: tries, asking: question)
                }
                try? await IO.sleep(for: pause)
            }
        }
    }

    /// Stores a key that a person has accepted for good; whether the file has it now.
    ///
    /// Throws if the file has another one by now.
    private func trust(
        _ key: HostKey, _ choice: Asking.HostKeyChoice, _ configuration: LinkConfiguration,
        _ target: SSHTarget
    ) async throws(Fault) -> Bool {
        guard choice == .pin, configuration.trust.storesNew,
            let file = configuration.trust.files.first
        else { return false }
        do throws(SSHError) {
            try await KnownHosts.trust(
                key, host: configuration.host, port: configuration.port,
                alias: configuration.trust.alias, file: file)
        } catch {
            throw Fault(error, of: target)
        }
        return true
    }

    /// The secrets of a login: of the call, of agent.conf, and those that a person has given for
    /// this call, which make it `isPersonal`.
    private func secrets(
        of target: SSHTarget, _ options: LinkOptions, _ isPersonal: inout Bool
    ) async throws(Fault) -> LoginSecrets {
        var given = false
        var found = try await target.secrets(options) { name throws(Fault) in
            if knows(name) { return try await secrets.value(name) }
            let question = target.question(forSecret: name)
            if let secret = Asking.current?.secret(for: question) {
                given = true
                return secret
            }
            throw secrets.unknown(name, asking: question)
        }
        if let asking = Asking.current, asking.hasAnswers {
            if found.password == nil,
                let secret = asking.secret(for: target.question(forSecret: SSHTarget.password))
            {
                (found.password, given) = (secret, true)
            }
            if found.passphrase == nil,
                let secret = asking.secret(for: target.question(forSecret: SSHTarget.passphrase))
            {
                (found.passphrase, given) = (secret, true)
            }
        }
        if given { isPersonal = true }
        return found
    }

    /// Whether agent.conf has a secret of this name.
    func knows(_ name: String) -> Bool { secrets.sources[name] != nil }
}

extension SSHTarget {
    /// What a person is asked for where the login asks, and no secret is configured for that.
    fileprivate static let password = "password"
    fileprivate static let passphrase = "passphrase of the key"

    /// The question for a secret of the login.
    fileprivate func question(forSecret name: String) -> Question {
        Question(
            .secret(
                name: name.cut(to: Question.wordBytes), program: "login",
                prompt: "\(user)@\(hostname)"),
            target: self.name, place: place
        ).asked()
    }

    /// What a person could answer after a failure; nil: nothing that would help.
    fileprivate func question(after error: SSHError, _ secrets: LoginSecrets) -> Question? {
        switch error {
        case .hostKeyUnknown(_, let key, _):
            return Question(
                .hostKey(type: key.type, fingerprint: key.fingerprint), target: name, place: place
            ).asked()
        case .authenticationFailed(_, let tried, let accepted):
            let methods = accepted.filter(credentials.rules.allows(method:))
            if secrets.password == nil,
                methods.contains("password") || methods.contains("keyboard-interactive")
            {
                return question(forSecret: Self.password)
            }
            let isLocked = tried.contains { $0.outcome.contains("needs a passphrase") }
            guard secrets.passphrase == nil, isLocked else { return nil }
            return question(forSecret: Self.passphrase)
        default: return nil
        }
    }
}
