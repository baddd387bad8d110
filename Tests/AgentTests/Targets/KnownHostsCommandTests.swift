// The program of KnownHostsCommand is run as `ssh` runs it, at a real sshd.
import Foundation
import Loop
import SSH
import Support
import Testing
import Wire

@testable import homeline_agent

@Suite(.timeLimit(.minutes(1))) struct KnownHostsCommandTests {
    /// A script, and whether `ssh` connects with what it prints; KEY is a line with the host's key,
    /// OTHER one with another key.
    static let rows: [(script: String, enters: Bool, words: String)] = [
        ("echo \"$H KEY\"", true, ""),
        ("echo '# no key of this host'; echo 'other KEY'", false, "is not known"),
        ("echo \"$H OTHER\"; echo \"$H KEY\"", true, ""),
        ("echo \"$H OTHER\"", false, "HAS CHANGED"),
        ("echo \"@revoked $H KEY\"", false, "@revoked"),
        ("echo \"$H KEY\"; echo 'no directory' >&2; exit 3", false, "exit code 3: no directory"),
        ("[ $I = ORDER ] || kill -KILL $$", false, "it ended with a signal"),
        ("[ $I = HOSTNAME ] && echo \"$H KEY\" || :", true, ""),
    ]

    @Test(.needs("ssh"), .needs("sshd"), arguments: rows.indices)
    func `its lines count, and its failure ends the connection`(index: Int) async throws {
        let row = Self.rows[index]
        let server = try await SSHServer.start(SSHServer.Options(shell: .dash))
        let folder = server.directory
        let other = try await SSHKey.make(.ed25519, at: folder.file("other"))
        func key(_ line: String) -> String {
            line.split(separator: " ").prefix(2).joined(separator: " ")
        }
        let script = try folder.write(
            "H=$1 I=$2; echo \"$@\" >>\(folder.file("log"))\n"
                + row.script.replacing("KEY", with: key(server.hostKeys[0].publicLine))
                .replacing("OTHER", with: key(other.publicLine)) + "\n", to: "lookup")
        let config = try folder.write(
            """
            Host box
             HostName 127.0.0.1
             Port \(server.port)
             User \(server.user)
             IdentityFile \(server.key.path)
             IdentitiesOnly yes
             UserKnownHostsFile none
             GlobalKnownHostsFile none
             KnownHostsCommand /bin/sh "\(script)" %H %I %t %f %K %h %n "%p x" 100%%
            """, to: "config")
        let ssh = try RunningProcess(
            try #require(Repository.find("ssh")),
            ["-F", config, "-o", "BatchMode=yes", "box", "true"])
        let enters = try await ssh.finished(within: .seconds(30)) == .exited(0)
        #expect(enters == row.enters, "ssh: \(ssh.errors)")
        func log() throws -> Set<Substring> {
            let text = try String(contentsOfFile: folder.file("log"), encoding: .utf8)
            try FileManager.default.removeItem(atPath: folder.file("log"))
            return Set(text.split(separator: "\n"))
        }
        let theirs = try log()
        let result = await IO.task {
            await outcome {
                let targets = Targets(
                    settings: TargetSettings(sshConfig: config),
                    place: Place(environment: [:], user: "me", home: folder.path))
                let links = Links()
                defer { links.shutDown() }
                _ = try await links.link(to: try await targets.resolve(TargetName("box")))
            }
        }.value
        switch result {
        case .success: #expect(row.enters)
        case .failure(let fault):
            #expect(!row.enters && fault.message.contains(row.words), "\(fault.message)")
        }
        // Its arguments are those that ssh gives it.
        #expect(try log() == theirs)
    }
}
