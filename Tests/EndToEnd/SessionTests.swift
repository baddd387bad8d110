// Commands in a session, through relay, tunnel, agent and a real sshd, in each shell: what a client
// is told is exactly what happened.
import Foundation
import JSON
import Support
import Testing

@Suite struct SessionTests {
    @Test(arguments: Shell.first)
    func `state is kept and results are exact`(shell: Shell) async throws {
        let session = try await Place.shared.value.open(shell.rawValue)
        #expect(try await session.run("cd /tmp")["cwd"] == "/tmp")
        let place = try await session.run("pwd")
        #expect(place.output.trimmingCharacters(in: .newlines) == "/tmp")
        // A command that leaves the directory as it is says nothing of it.
        #expect(place["cwd"] == nil)
        let no = try await session.run("false")
        #expect(no["exit_code"] == 1 && no.state == "done")
        #expect(try await session.run("printf 'a\\nb'").output == "a\nb")
        #expect(try await session.run("echo hi # comment").output == "hi\n")
        let document = try await session.run("cat <<'X'\n$HOME\n  two\nX")
        #expect(document.output == "$HOME\n  two\n" && document["exit_code"] == 0)
        try await session.run("kept='a  b'")
        #expect(try await session.run("echo \"$kept\"").output == "a  b\n")
        try await session.close()
    }

    @Test(arguments: Shell.first)
    func `an unfinished line is told apart and the session goes on`(shell: Shell) async throws {
        let session = try await Place.shared.value.open(shell.rawValue)
        let open = try await session.run("echo 'never closed")
        #expect(["incomplete", "aborted"].contains(open.state), "\(open)")
        #expect(open["exit_code"]?.intValue != 0)
        if open.state == "incomplete" { try await session.press("ctrl-c") }
        #expect(try await session.run("echo on").output == "on\n")
        try await session.close()
    }

    @Test(arguments: Shell.first)
    func `an interrupt is aborted and exit is the end of the shell`(shell: Shell) async throws {
        let session = try await Place.shared.value.open(shell.rawValue)
        let running = try await session.run("sleep 600", wait: 0.3)
        #expect(running.state == "running")
        let cut = try await session.press("ctrl-c")
        #expect(cut.state == "aborted", "\(cut)")
        #expect(try await session.run("echo on").output == "on\n")
        let gone = try await session.run("exit 7")
        #expect(gone.state == "shell_exited" && gone["exit_code"] == 7, "\(gone)")
    }

    @Test(arguments: Shell.first)
    func `late output is not lost`(shell: Shell) async throws {
        let session = try await Place.shared.value.open(shell.rawValue)
        var answer = try await session.run("sleep 3; echo LATE", wait: 0.5)
        var output = answer.output
        // On a loaded machine the first answer may come after the end: then it holds everything.
        for _ in 0..<10 where answer.state == "running" {
            let offset = try #require(answer["next_offset"]?.intValue)
            answer = try await session.read(from: offset, wait: 5, maximum: 20000)
            output += answer.output
        }
        #expect(answer.state == "done" && output == "LATE\n", "\(answer) \(output)")
        try await session.close()
    }

    @Test(arguments: Shell.first)
    func `five mebibytes are exact through offsets`(shell: Shell) async throws {
        let session = try await Place.shared.value.open(shell.rawValue)
        let size = 5 << 20
        // 64-byte lines, each its own number, so that a lost or doubled piece is seen
        let lines = size / 64
        let program = "BEGIN{for(i=0;i<\(lines);i++)printf \"%063d\\n\",i}"
        var command = try await session.run("awk '\(program)'", wait: 30)
        if command.state == "running" {
            command = try await session.read(wait: 30, maximum: 1000)
        }
        let first = command["offset"]?.intValue ?? 0
        var (offset, bytes) = (first, "")
        let end = ContinuousClock.now + .seconds(60)
        while bytes.utf8.count < size, .now < end {
            let piece = try await session.read(from: offset, wait: 1, maximum: 400_000)
            let next = try #require(piece["next_offset"]?.intValue)
            #expect(piece["lost_bytes"]?.intValue ?? 0 == 0)
            bytes += piece.output
            if next == offset { break }
            offset = next
        }
        let numbers = bytes.split(separator: "\n").prefix(lines)
        #expect(numbers.count == lines)
        let wrong = zip(0..., numbers).first { Int($1) != $0 || $1.utf8.count != 63 }
        #expect(wrong == nil)
        try await session.close()
    }

    @Test func `a shell inside a session is adopted, a password reaches who asks`() async throws {
        let session = try await Place.shared.value.open("bash")
        func send(_ arguments: JSON.Object) async throws -> JSON {
            var all = arguments
            all["session_id"] = .string(session.id)
            return try await session.caller.call("ssh_session_send", .object(all))
        }
        #expect(try await send(["adopt": true])["isError"] == true)
        let started = try await session.run("dash")
        #expect(started["marks"] == "lost", "\(started)")
        let adopted = try await send(["adopt": true])["structuredContent"] ?? .null
        #expect(adopted["depth"] == 1 && adopted["shell"] == "dash", "\(adopted)")
        #expect(try await session.run("echo in; (exit 3)")["exit_code"] == 3)
        let asking = try await session.run(
            "printf 'Word: '; stty -echo; read x; stty echo; echo; echo \"got $x\"")
        #expect(asking.state == "secret", "\(asking)")
        let answered = try await send(["password": "canary-1", "wait_s": 10])
        #expect(answered["structuredContent"]?.output.hasSuffix("got [secret]\n") == true)
        #expect(!answered.text.contains("canary"))
        let refused = try await send(["password": "canary-2"])
        #expect(refused["isError"] == true && !refused.text.contains("canary"))
        let unknown = try await send(["secret": "nowhere"])
        #expect(unknown["isError"] == true)
        let left = try await session.run("exit 5")
        #expect(left["exit_code"] == 5 && left.state == "done" && left["depth"] == nil)
        try await session.close()
    }

    @Test func `the agent's own machine gives the same results`() async throws {
        let session = try await Place.shared.value.open("local")
        try await session.run("cd /tmp")
        #expect(try await session.run("pwd").output == "/tmp\n")
        #expect(try await session.run("false")["exit_code"] == 1)
        #expect(try await session.run("printf 'a\\nb'").output == "a\nb")
        #expect(try await session.run("exit 7").state == "shell_exited")
    }

    @Test func `sessions are listed until they are closed`() async throws {
        let place = try await Place.shared.value
        let session = try await place.open("bash")
        func listed() async throws -> Bool {
            let list = try await place.caller.structured("ssh_session_list")
            return (list["sessions"]?.arrayValue ?? []).contains {
                $0["session_id"] == .string(session.id)
            }
        }
        #expect(try await listed())
        try await session.close()
        #expect(try await !listed())
        let again = try await place.caller.call(
            "ssh_session_command", ["session_id": .string(session.id), "command": "true"])
        #expect(again["isError"] == true)
    }
}
