// Connecting to a target for the pool: with its secrets, through the link that `Links.jump` gives,
// with retries after transient failures, and with a person's answers, if one can be asked.
// Invariant: only what a person approved or a policy allows is stored as trusted.
import Crypto
import Glibc
import Loop
import SSH
import Wire

extension Links {
    /// How long to wait for a person's answer: less than the 60 s after which some clients give a
    /// call up.
    private static let approvalTime: Duration = .seconds(45)

    /// Connects, through the link to its last jump host, if it has any.
    func connect(
        _ target: SSHTarget, _ options: LinkOptions
    ) async throws(Fault) -> Link {
        let jump = try await jump(to: target)
        let secrets = try await target.secrets(options) { name throws(Fault) in
            try await secret(name, for: target.name)
        }
        var configuration = await Blocking.run {
            target.configuration(options, secrets) { unsafe access($0, R_OK) == 0 }
        }
        if let notice = TaskNotice.current {
            configuration.onWaiting = { notice.text = "\(target.name): \($0)" }
        }
        defer { TaskNotice.current?.text = nil }
        let end = IO.now + configuration.limits.connect
        var retries = Retries(options.retries)
        while true {
            do throws(SSHError) {
                return try await Link.connect(configuration, through: jump)
            } catch {
                if try await isApproved(error, target, configuration) { continue }
                guard error.isTransient, jump?.isOpen != false, let pause = retries.next(),
                    IO.now + pause < end
                else {
                    let tries = retries.made > 0 ? " (after \(retries.made + 1) attempts)" : ""
                    throw Fault(error, of: target, note: tries)
                }
                try? await IO.sleep(for: pause)
            }
        }
    }

    /// Whether a person accepted the key of a host that had none stored; if so, it is stored.
    private func isApproved(
        _ error: SSHError, _ target: SSHTarget, _ configuration: LinkConfiguration
    ) async throws(Fault) -> Bool {
        guard let (host, key) = error.unknownKey, let approver,
            let file = configuration.trust.files.first, configuration.trust.storesNew
        else { return false }
        let answer = await IO.within(Self.approvalTime) {
            await approver.approves(key, of: host, for: target.name)
        }
        guard answer == true else { return false }
        do throws(SSHError) {
            try await KnownHosts.trust(
                key, host: configuration.host, port: configuration.port,
                alias: configuration.trust.alias, file: file)
        } catch {
            throw Fault(error, of: target)
        }
        return true
    }

    /// A secret from agent.conf, or else from a person.
    func secret(_ name: String, for target: String) async throws(Fault) -> SecretBytes {
        if secrets.sources[name] == nil, let approver {
            let answer = await IO.within(Self.approvalTime) {
                await approver.secret(name, for: target)
            }
            if let value = answer.flatMap({ $0 }) { return SecretBytes(value) }
        }
        return try await secrets.value(name)
    }
}
