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
                ? .ok("an agent runs on this folder; doctor leaves it alone")
                : .warning("no agent runs on this folder", advice: "run homeline-agent run"))
        own.note("configuration", file, configuration)
        let identity = identity(own)
        // Both take up to their whole time where something hangs, so neither waits for the other.
        let network = Examination(until: end)
        let dialling = IO.task {
            guard let identity else { return }
            await RelayChecks(examination: network, identity: identity, isRunning: isRunning).run()
        }
        let machine = Examination(until: end)
        await MachineChecks(examination: machine, folder: folder, settings: targets).run()
        await dialling.value
        return own.checks + network.checks + machine.checks
    }

    private func identity(_ examination: Examination) -> Identity? {
        do throws(UplinkError) {
            let identity = try Identity.load(from: folder)
            let trust = identity.pin.map { "pin \($0)" } ?? "public certificate"
            examination.note(
                "identity", "\(folder)/agent.key, relay.json",
                .ok("\(identity.name) (\(identity.agentID)) at \(identity.relay), \(trust)"))
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
