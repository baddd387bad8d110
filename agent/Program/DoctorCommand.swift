// `homeline-agent doctor`: reads the settings, has the Doctor look, and prints what came.
import Configuration
import Diagnosis
import Loop

@IO enum DoctorCommand {
    /// Prints the checks; returns the exit code.
    static func run(_ options: Options) async throws(CommandFailure) -> Int32 {
        let folder = try Settings.folder(options)
        let file = Settings.file(options, folder)
        var targets: TargetSettings?
        var way = WayOut()
        let verdict: Check.Verdict
        do throws(CommandFailure) {
            let settings = try AgentSettings(options, folder: folder)
            (targets, way) = (settings.targets, settings.wayOut)
            verdict = .ok(settings.hasFile ? "readable and valid" : "not there: the defaults apply")
        } catch {
            verdict = .fault(
                error.message, advice: "correct the file; the agent does not start with it",
                exit: ExitCode.configuration)
        }
        let status = AgentStatus.read(folder + "/status")
        let report = Report(
            await Doctor(
                folder: folder, configuration: verdict, file: file, targets: targets, way: way,
                inUse: status?.state == .connected ? status?.words : nil
            ).checks())
        Process.print(options.bool(Settings.json) ? "\(report.json)\n" : report.text)
        return report.exit
    }
}
