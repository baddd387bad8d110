// `homeline-relay doctor`: reads the settings, has the Doctor look, and prints what came.
import Configuration
import Diagnosis
import Glibc
import Loop

@IO enum DoctorCommand {
    static func run(_ options: Options) async -> Outcome {
        let folder = DataFolder(options.string(.data), environment: Process.environment)
        let file = options.string(Settings.config) ?? folder.configuration
        var entrances: RelayEntrances?
        var prompts: String?
        let verdict: Check.Verdict
        do throws(ConfigurationError) {
            let settings = try Settings.reading(options, folder)
            entrances = try read(settings)
            prompts = settings.string(Settings.prompts)
            verdict = .ok(
                unsafe access(file, F_OK) == 0
                    ? "readable and valid" : "not there: flags and defaults apply")
        } catch {
            verdict = .fault(
                "\(error)", advice: "correct the file; the relay does not start with it",
                exit: error.exitCode)
        }
        let report = Report(
            await Doctor(
                folder: folder, file: file, configuration: verdict, entrances: entrances,
                prompts: prompts
            ).checks())
        return Outcome(
            output: options.bool(.json) ? "\(report.json)\n" : report.text, exit: report.exit)
    }

    private static func read(_ options: Options) throws(ConfigurationError) -> RelayEntrances {
        var entrances = RelayEntrances()
        entrances.mcp = options.address(Settings.mcp)
        entrances.tunnel = options.address(Settings.tunnel)
        entrances.needsToken = !options.bool(Settings.loopback)
        if let chain = options.string(Settings.certificate) {
            entrances.certificate = (chain, options.string(Settings.key) ?? chain)
        }
        if let url = options.string(Settings.publicURL) {
            entrances.publicURL = try PublicURL(url).description
        }
        entrances.tunnelURLs = try TunnelURL.given(options).map(\.description)
        return entrances
    }
}
