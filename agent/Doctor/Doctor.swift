// `homeline-agent doctor`: tries each thing that the agent needs, from its folder to the relay's
// verdict, by the agent's own parts. Flow: DoctorCommand → Doctor → Examination → Report.
// Invariant: nothing is changed, no secret is shown, and a running agent is not disturbed.
import Configuration
import Diagnosis
import Glibc
import Loop

/// What is examined.
@IO struct Doctor {
    let folder: String
    /// Whether the configuration can be used.
    let configuration: Check.Verdict
    /// The path of agent.conf.
    let file: String
    /// What it says of targets; nil if it cannot be used.
    let targets: TargetSettings?
    /// How the agent dials.
    let way: WayOut
    /// The relay's address that the agent which runs is connected to.
    let inUse: String?

    /// Makes all checks.
    func checks() async -> [Check] {
        let end = IO.now + Examination.limit
        let own = Examination(until: end)
        let isThere = await own.folder(
            folder, make: "run homeline-agent join hl1.…, or name the folder with --data")
        guard isThere else { return own.checks }
        let isRunning = FolderLock.isHeld(folder + "/agent.lock")
        own.note(
            "running", "\(folder)/agent.lock",
            isRunning
                ? .ok(
                    "an agent runs on this folder\(inUse.map { ", connected to \($0)" } ?? ""); doctor leaves it alone"
                )
                : .warning("no agent runs on this folder", advice: "run homeline-agent run"))
        own.note("configuration", file, configuration)
        let identity = identity(own)
        // Both take up to their whole time where something hangs, so neither waits for the other.
        let dialling = IO.task { () async -> [Check] in
            guard let identity else { return [] }
            return await relayChecks(identity, isRunning, until: end)
        }
        let machine = Examination(until: end)
        await MachineChecks(examination: machine, folder: folder, settings: targets).run()
        return own.checks + (await dialling.value) + machine.checks
    }

    /// Tries each address of the relay, all at once: what hangs at one takes no time from others.
    private func relayChecks(
        _ identity: Identity, _ isRunning: Bool, until end: ContinuousClock.Instant
    ) async -> [Check] {
        let addresses = way.addresses(or: identity.addresses)
        let tries = addresses.enumerated().map { place, address in
            IO.task { () async -> [Check] in
                let network = Examination(until: end)
                if addresses.count > 1 {
                    network.note(
                        "address", address, .ok("number \(place + 1) of \(addresses.count)"))
                }
                await RelayChecks(
                    examination: network, address: address, identity: identity, way: way,
                    isRunning: isRunning
                ).run()
                return network.checks
            }
        }
        var found: [[Check]] = []
        for each in tries { found.append(await each.value) }
        return Self.judge(found)
    }

    /// The checks of all addresses: where one serves, a fault of another is a warning.
    static func judge(_ addresses: [[Check]]) -> [Check] {
        let serves = addresses.contains { checks in
            checks.allSatisfy { check in
                if case .fault = check.verdict { false } else { true }
            }
        }
        return addresses.flatMap { serves ? $0.map(\.softened) : $0 }
    }

    private func identity(_ examination: Examination) -> Identity? {
        do throws(UplinkError) {
            let identity = try Identity.load(from: folder)
            let trust = identity.pin.map { "pin \($0)" } ?? "public certificate"
            examination.note(
                "identity", "\(folder)/agent.key, relay.json",
                .ok("\(identity.name) (\(identity.agentID)) at \(identity.place), \(trust)"))
            return identity
        } catch {
            examination.note(
                "identity", "\(folder)/agent.key, relay.json",
                .fault(
                    "\(error)",
                    advice: "restore both files, or join again with a new invitation",
                    exit: ExitCode.configuration))
            return nil
        }
    }
}

extension Check {
    /// The same with a warning in the place of a fault.
    fileprivate var softened: Check {
        switch verdict {
        case .ok, .warning: self
        case .fault(let came, let advice, _):
            Check(
                name, tried,
                .warning("\(came); another address of the relay serves", advice: advice))
        }
    }
}
