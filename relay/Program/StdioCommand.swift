// `homeline-relay stdio`: MCP on stdin and stdout. If a relay runs on the folder, bytes are passed
// to and from it through its admin socket; otherwise this process is the relay until the client
// leaves.
import Configuration
import JSON
import Loop
import MCP
import Net

@IO enum StdioCommand {
    static func run(_ options: Options) async -> Outcome {
        let folder = DataFolder(options.string(.data), environment: Process.environment)
        do throws(AdminFault) {
            if let stream = try await AdminClient.connect(folder) {
                stream.write(JSON.object(["command": "attach"]).encoded() + [UInt8(ascii: "\n")])
                await join(DescriptorStream(input: 0, output: 1), stream)
                return Outcome()
            }
        } catch {
            return Outcome(errors: "homeline-relay: \(error.message)", exit: error.exit)
        }
        do throws(StartFailure) {
            let relay = try await ServeCommand.start(options)
            let stream = DescriptorStream(input: 0, output: 1)
            let lines = MCPLines(
                server: relay.mcp, principal: relay.introduceLocal(), stream: stream)
            let served = IO.task { await lines.run() }
            await ServeCommand.untilSignalled(or: served)
            await relay.shutDown()
            // After a signal, the last answers still have to be written.
            stream.finish()
            _ = await IO.within(.milliseconds(500)) { await served.value }
            return Outcome()
        } catch {
            return Outcome(errors: "homeline-relay: \(error.message)", exit: error.exit)
        }
    }
}
