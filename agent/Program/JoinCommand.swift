// `homeline-agent join hl1.…`: makes a key, registers it by the invitation's secret, stores the
// answer.
import Configuration
import Crypto
import Loop
import Wire

@IO enum JoinCommand {
    static func run(_ options: Options) async throws(CommandFailure) {
        let invitation: Invitation
        do throws(Invitation.Failure) {
            invitation = try Invitation(options.arguments.first ?? "")
        } catch {
            throw CommandFailure("homeline-agent: \(error)", ExitCode.data)
        }
        let folder = try Settings.folder(options)
        let settings = try AgentSettings(options, folder: folder)
        do throws(CryptoError) {
            try SecureFile.makeFolder(folder)
        } catch {
            throw CommandFailure("homeline-agent: \(error)", ExitCode.cannotCreate)
        }
        let lock = try RunAgentCommand.take(folder)
        defer { withExtendedLifetime(lock) {} }
        do throws(UplinkError) {
            let identity = try await Uplink.join(
                invitation, name: options.string(Settings.name),
                tags: options.strings(Settings.tags), folder: folder,
                asNew: options.bool(Settings.new), way: settings.wayOut)
            Process.print(
                "Joined \(identity.place) as \(identity.name).\nNow run: homeline-agent run"
                    + (options.isSet(Settings.data) ? " --data \(folder)" : "") + "\n")
        } catch {
            throw CommandFailure("homeline-agent: cannot join: \(error)", error.exitCode)
        }
    }
}
