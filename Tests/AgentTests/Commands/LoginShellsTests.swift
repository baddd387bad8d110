// One-shot commands under each login shell: variables, folders, and /bin/sh in its place.
import Foundation
import Loop
import Support
import Testing
import Wire

@testable import homeline_agent

@Suite(.timeLimit(.minutes(2))) struct LoginShellsTests {
    /// Text that each shell would change in its own way, if it were not quoted for all of them.
    private static let odd = #"it's "$HOME" `id` \ \\ !x *~ %s é"#

    @Test(arguments: Shell.allCases.filter { $0.command != nil })
    func `variables, folders and shell sh mean the same under every login shell`(
        shell: Shell
    ) async throws {
        let home = try TemporaryDirectory("home")
        let inner = home.file("a 'b'!")
        try FileManager.default.createDirectory(atPath: inner, withIntermediateDirectories: true)
        let file = try home.write("", to: "file")
        var options = SSHServer.Options(shell: shell)
        options.home = home.path
        let server = try await SSHServer.start(options)
        let result = await IO.task { () async -> Result<Void, any Error> in
            do {
                let setup = try CommandSetup(server)
                defer { setup.links.shutDown() }
                for kind in [CommandShell.auto, .sh] {
                    for (folder, place) in [
                        ("~", home.path), ("~/a 'b'!", inner), (inner, inner), ("a 'b'!", inner),
                    ] {
                        let ran = try await setup.run("pwd; printenv A") {
                            $0.directory = folder
                            $0.environment = [("A", Self.odd)]
                            $0.shell = kind
                        }
                        #expect(ran.stdout.text == "\(place)\n\(Self.odd)\n", "\(ran)")
                    }
                    for (folder, code) in [
                        ("/no/such", Fault.Code.fileNotFound), ("~/x", .fileNotFound),
                        (file, .invalidArgument),
                    ] {
                        let fault = await #expect(throws: Fault.self) {
                            try await setup.run("echo never") {
                                $0.directory = folder
                                $0.shell = kind
                            }
                        }
                        #expect(fault?.code == code && fault?.message.contains(folder) == true)
                    }
                }
                let begun: RunResult
                do {
                    begun = try await setup.run("echo never") {
                        ($0.directory, $0.isBackground) = ("/no/such", true)
                    }
                } catch let fault as Fault where fault.code == .fileNotFound {
                    // The shell was quicker than the answer.
                    return .success(())
                }
                var later = begun
                for _ in 0..<3 where later.state == .running {
                    // The line that names the obstacle is output too.
                    later = try await setup.output(
                        begun.commandID, from: later.stdout.nextOffset, wait: .seconds(10),
                        errors: later.stderr.nextOffset)
                }
                #expect(later.state == .notRun && later.exitCode == nil, "\(later)")
                #expect(later.note?.contains("/no/such does not exist") == true, "\(later)")
                let text =
                    "for i in 1 2; do x=\"$i\"; echo \(Self.odd.filter { $0 != "'" }); done\n"
                let same = try await setup.run("cat <<'E'\n\(text)E\necho ${x:-\"$0\"}") {
                    $0.shell = .sh
                }
                #expect(same.stdout.text == text + "/bin/sh\n" && same.exitCode == 0, "\(same)")
                return .success(())
            } catch {
                return .failure(error)
            }
        }.value
        try result.get()
    }

    @Test(.needs("fish")) func `what fish cannot parse was not run`() async throws {
        let server = try await SSHServer.start(SSHServer.Options(shell: .fish))
        let result = await IO.task { () async -> Result<Void, any Error> in
            do {
                let setup = try CommandSetup(server)
                defer { setup.links.shutDown() }
                for wrong in ["for i in 1; do echo $i; done", "echo $?", "echo ("] {
                    do {
                        let ran = try await setup.run(wrong)
                        // fish 4 ends with a code of its own.
                        #expect(ran.exitCode ?? 0 != 0, "\(ran)")
                    } catch let fault as Fault {
                        #expect(fault.code == .invalidArgument && fault.message.contains("fish"))
                    }
                }
                for right in [
                    "echo 'fish: no' >&2", "echo 'fish: no' >&2; echo a >&2; echo ' ^' >&2",
                    "echo 'fish: no' >&2; echo x", "true",
                ] {
                    let ran = try await setup.run(right)
                    #expect(ran.state == .done && ran.note == nil)
                }
                return .success(())
            } catch {
                return .failure(error)
            }
        }.value
        try result.get()
    }
}
