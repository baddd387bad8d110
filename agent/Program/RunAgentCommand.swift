// `homeline-agent run`: the agent itself, until a signal ends it or the relay refuses it
// permanently.
import Configuration
import Glibc
import JSON
import Loop
import Wire

@IO enum RunAgentCommand {
    static func run(_ options: Options) async throws(CommandFailure) {
        let folder = try Settings.folder(options)
        let identity: Identity
        do throws(UplinkError) {
            identity = try Identity.load(from: folder)
        } catch {
            throw CommandFailure("homeline-agent: \(error)", error.exitCode)
        }
        let lock = try take(folder)
        let settings = try AgentSettings(options, folder: folder)
        let agent = Agent(
            identity: identity, settings: settings,
            journal: Journal(folder: folder, log: Process.log),
            numbers: HandleNumbers(in: folder, log: Process.log))
        let (dispatcher, survey) = (agent.dispatcher, agent.survey)
        await survey.start()
        do throws(Fault) { try agent.commands.restore(from: folder + "/jobs") } catch {
            Process.log("detached commands are not found again after this: \(error.message)")
        }
        let uplink = Uplink(
            folder: folder, identity: identity, answer: { await dispatcher.answer($0, over: $1) },
            greeting: {
                $0.facts = survey.facts
                agent.events.saidFacts()
                $0.keepsJournal = dispatcher.journal.isKept
            },
            onWelcome: { agent.take($0) },
            accept: { agent.streams.accept($0) },
            log: Process.log)
        uplink.way = settings.wayOut
        UplinkCalls.serve(on: dispatcher, uplink)
        let reload = SignalWatch(SIGHUP) {
            do throws(CommandFailure) {
                let settings = try AgentSettings(
                    options, folder: folder, isNeeded: agent.hasConfiguration)
                agent.apply(settings)
                uplink.way = settings.wayOut
                Process.log("agent.conf was reloaded")
            } catch {
                Process.log("\(error.message); the previous settings stay in force")
            }
        }
        let signals =
            [SIGINT, SIGTERM].map { signal in
                SignalWatch(signal) {
                    IO.task { await uplink.stop { await agent.endWork() } }
                }
            } + [reload]
        Process.log("homeline-agent \(Machine.version): \(identity.name), relay \(identity.place)")
        let home = UserAccount.current.home
        if LocalHost.usable(home) != home {
            Process.log(
                "the home folder \(home) cannot be entered: what runs on this machine starts in /; "
                    + "set HOME to another folder")
        }
        let status = StatusFile(folder + "/status")
        let orphanhood = Orphanhood(after: options.duration(Settings.orphanAfter)) {
            Process.log("the relay has been away for too long (--orphan-after)")
            IO.task { await uplink.stop { await agent.endWork() } }
        }
        uplink.onState = { state in
            switch state {
            case .connected(let address):
                orphanhood.came()
                status.say(AgentStatus(state: .connected, words: address))
            case .offline(let reason):
                orphanhood.left()
                status.say(AgentStatus(state: .offline, words: reason))
            }
        }
        status.say(AgentStatus(state: .offline, words: "it has dialled and waits for the relay"))
        Supervisor.ready()
        let refusal = await uplink.run()
        Supervisor.stopping()
        for signal in signals { signal.cancel() }
        await agent.shutDown()
        await status.close(refusal.map { AgentStatus(state: .refused, words: "\($0)") })
        withExtendedLifetime(lock) {}
        if let refusal {
            throw CommandFailure("homeline-agent: \(refusal)", refusal.exitCode)
        }
        Process.log("stopped")
    }

    /// The folder's lock: two agents with one identity would keep disconnecting each other.
    static func take(_ folder: String) throws(CommandFailure) -> FolderLock {
        do throws(LoopError) {
            if let lock = try FolderLock.take(folder + "/agent.lock") { return lock }
        } catch {
            throw CommandFailure("homeline-agent: \(error)", ExitCode.cannotCreate)
        }
        throw CommandFailure(
            "homeline-agent: an agent runs on \(folder): stop it first", ExitCode.unavailable)
    }
}
