// Connecting to a target for the pool: its secrets, the hosts on the way, attempts after failures that
// may pass, and a person's answers where there is one to ask.
// Invariant: only what a person approved, or a policy allows, is filed as trusted.
import Glibc
import Loop
import SSH
import Wire

extension Links {
    /// How long a person's answer is waited for.
    private static let approvalTime: Duration = .seconds(45)

    /// Connects, through the links of the hosts on the way.
    func connect(
        _ target: SSHTarget, _ options: LinkOptions
    ) async throws(Fault) -> Link {
        let jump = try await jump(to: target)
        let secrets = try await target.secrets(options) { name throws(Fault) in
            try await secret(name, for: target.name)
        }
        let configuration = await Blocking.run {
            target.configuration(options, secrets) { unsafe access($0, R_OK) == 0 }
        }
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
                    throw Fault(error, target: target.name, note: tries)
                }
                try? await IO.sleep(for: pause)
            }
        }
    }

    /// Whether a person took the key of a host that had none on file; then it has.
    private func isApproved(
        _ error: SSHError, _ target: SSHTarget, _ configuration: LinkConfiguration
    ) async throws(Fault) -> Bool {
        guard case .hostKeyUnknown(let host, let key, _) = error, let approver,
            let file = configuration.knownHosts.first
        else { return false }
        let answer = await IO.within(Self.approvalTime) {
            await approver.approves(key, of: host, for: target.name)
        }
        guard answer == true else { return false }
        do throws(SSHError) {
            try await KnownHosts.trust(
                key, host: configuration.host, port: configuration.port,
                alias: configuration.hostKeyAlias, file: file)
        } catch {
            throw Fault(error, target: target.name)
        }
        return true
    }

    /// A secret of agent.conf, or else from a person.
    func secret(_ name: String, for target: String) async throws(Fault) -> [UInt8] {
        if secrets.sources[name] == nil, let approver {
            let answer = await IO.within(Self.approvalTime) {
                await approver.secret(name, for: target)
            }
            if let value = answer.flatMap({ $0 }) { return value }
        }
        return try await secrets.value(name)
    }
}
