// What a result says besides the output: what has run of code that the shell could not parse, the
// jobs in the background, and which shell it is.
import Foundation
import Loop
import Support
import Terminal
import Testing
import Wire

@testable import homeline_agent

@Suite(.serialized, .timeLimit(.minutes(3))) struct SessionsTruthTests {
    @Test(arguments: TestShell.known)
    @IO func `a result says whether something has run of code with an error`(shell: TestShell)
        async throws
    {
        let home = try TemporaryDirectory()
        let session = try await openSession(shell, home: home)
        defer { session.close() }
        let errors = [
            "echo ran >>f; cat <<EOF\nnever ended", "echo ran >>f\necho 'unfinished",
            "echo ran >>f; )", "echo ran >>f\n\nif; then", "( echo ran >>f", ")\necho ran >>f",
            "echo ran >>f; echo \"open", "if true; then echo ran >>f",
        ]
        for code in errors {
            let result = try await session.run(code)
            #expect(result.state == .aborted, "\(code): \(result)")
            let note = result.note ?? ""
            let hasRun = FileManager.default.fileExists(atPath: home.file("f"))
            #expect(note.contains("has run"), "\(code): \(note)")
            #expect(note.contains("nothing of it has run") == !hasRun, "\(code): \(note)")
            #expect(try await session.run("rm -f f; echo ok").output == "ok\n")
        }
    }

    @Test(arguments: [TestShell.bash, .zsh, .fish, .tcsh].filter(\.isInstalled))
    @IO func `a result says how many jobs the shell has in the background`(shell: TestShell)
        async throws
    {
        let home = try TemporaryDirectory()
        let session = try await openSession(shell, home: home)
        defer { session.close() }
        #expect(try await session.run("true").note == nil)
        let started = try await session.run(
            "sh -c 'until [ -e go ]; do sleep 0.1; done; echo late; echo >over' &")
        // tcsh counts them at its prompt alone.
        let counted = shell == .tcsh ? nil : "background jobs of this shell: 1"
        #expect(started.note == counted, "\(started)")
        let done = try await session.run(
            "touch go; sh -c 'until [ -e over ]; do sleep 0.1; done'; echo mine")
        #expect(done.output.contains("late\n") && done.output.contains("mine\n"), "\(done)")
        #expect(done.note?.contains("their output may be in its output") == true, "\(done)")
        #expect(try await session.run("true").note == nil)
    }

    @Test(arguments: [TestShell.bash, .zsh, .dash].filter(\.isInstalled))
    @IO func `a wrong choice of a shell is found, and leaves no line in a history`(shell: TestShell)
        async throws
    {
        let home = try TemporaryDirectory()
        try home.write(
            "HISTFILE=~/history HISTSIZE=100 HISTCONTROL=; set -o history\n", to: ".bash_profile")
        try home.write("HISTFILE=~/history HISTSIZE=100 SAVEHIST=100\n", to: ".zshrc")
        for choice in [ShellChoice.fish, .zsh, .bash, .tcsh, .mksh]
        where choice.rawValue != shell.rawValue {
            do {
                let session = try await openSession(shell, home: home, choice: choice)
                Issue.record("\(choice): opened as \(session.shellName)")
                session.close()
            } catch let fault as Fault {
                #expect(fault.code == .invalidArgument)
                #expect(fault.message.contains("is \(shell.rawValue), not \(choice.rawValue)"))
                #expect(fault.message.contains("\"auto\""))
            }
        }
        // A session that is opened rightly ends after those, and writes its history if it has one.
        let session = try await openSession(shell, home: home, choice: .auto)
        #expect(try await session.run("exit").state == .shellExited)
        let history = FileManager.default.contents(atPath: home.file("history")) ?? Data()
        #expect(!String(decoding: history, as: UTF8.self).contains("133;"))
    }
}
