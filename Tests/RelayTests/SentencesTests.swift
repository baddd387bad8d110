// What people say, and the tool and the arguments that are meant: the descriptions must lead a
// model there. Each row names the words that do, as the tool's description or schema has them.
import JSON
import Loop
import Support
import Testing
import Wire

@testable import homeline_relay

@Suite struct SentencesTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let sentence: String
        let tool: String
        let arguments: JSON
        /// Words of the tool's list entry by which it is the right one.
        let words: [String]

        init(_ sentence: String, _ tool: String, _ arguments: JSON, _ words: String...) {
            (self.sentence, self.tool, self.arguments, self.words) =
                (sentence, tool, arguments, words)
        }

        var testDescription: String { sentence }
    }

    static let rows: [Row] = [
        Row(
            "Which machines can you reach?", "target_list", [:],
            "Lists the hosts that you can work on"),
        Row(
            "Is web3 up?", "target_list", ["query": "web3", "probe": true],
            "reports which of them answer now"),
        Row(
            "Which sites have docker?", "agent_list", ["capability": "docker"],
            "Lists the agents", "such as docker"),
        Row(
            "How busy is the jump machine at the shop?", "agent_describe", ["agent": "shop"],
            "how busy"),
        Row(
            "I know nothing about db1: have a look.", "host_report", ["target": "shop/db1"],
            "first look at an unknown host"),
        Row(
            "What eats the CPU on db1?", "host_read",
            ["target": "shop/db1", "what": "processes"], "the busiest first"),
        Row(
            "Which certificates expire soon on the proxy?", "host_read",
            ["target": "shop/proxy", "what": "certificates"], "the first to expire first"),
        Row(
            "Run uptime on all web servers.", "ssh_execute",
            ["targets": ["*/web*"], "command": "uptime"], "one or many targets", "globs"),
        Row(
            "Update all Debian machines, four at a time, and stop if one fails.", "ssh_execute",
            [
                "targets": ["tag:debian"], "command": "apt-get -y upgrade", "batch": 4,
                "stop_on_failure": true, "timeout_s": 3600,
            ], "Run on this many targets", "Start nothing more once it has failed"),
        Row(
            "On which hosts would that run?", "ssh_execute",
            ["targets": ["tag:debian"], "command": "apt-get -y upgrade", "dry_run": true],
            "dry_run shows what they stand for"),
        Row(
            "Start the backup; it must go on even if the agent is updated.", "ssh_execute",
            ["target": "shop/db1", "command": "backup --full", "detached": true],
            "outlives the agent"),
        Row(
            "Is the backup through?", "ssh_command_output",
            ["command_id": "k3f9.9", "wait_for": "end", "wait_s": 30], "waits for output",
            "for the end"),
        Row(
            "What have I got running?", "ssh_command_list", ["state": "running"],
            "Lists your running commands"),
        Row(
            "Stop that build.", "ssh_command_cancel", ["command_id": "k3f9.7.2"],
            "Ends a command with everything it has started"),
        Row(
            "Let us work on the build machine for a while, in /srv/app.", "ssh_session_open",
            ["target": "shop/build", "name": "build"], "keeps it open"),
        Row(
            "Go to /srv/app, activate the venv and run the tests.", "ssh_session_command",
            [
                "session_id": "build", "wait_s": 50,
                "command": "cd /srv/app && . venv/bin/activate && pytest -q",
            ], "Runs a command in an open session's own shell"),
        Row(
            "Start the server and tell me when it listens.", "ssh_session_command",
            ["session_id": "build", "command": "./serve", "until": "listening on"],
            "Answer as soon as a line of the output matches"),
        Row(
            "Say yes to its question.", "ssh_session_send",
            ["session_id": "build", "text": "yes"], "answers to its questions"),
        Row(
            "Press q in that htop and show me what is there then.", "ssh_session_send",
            ["session_id": "build", "keys": ["q"], "view": "screen"],
            "with view screen the answer is what it draws"),
        Row(
            "It wants the sudo password; it is in the vault as db-root.", "ssh_session_send",
            ["session_id": "build", "secret": "db-root"], "answers a password prompt"),
        Row(
            "Show me the last 50 lines of the log.", "file_read",
            ["target": "shop/web1", "path": "/var/log/app.log", "tail": 50], "its last lines"),
        Row(
            "Change the port in the config from 8080 to 9090.", "file_edit",
            [
                "target": "shop/web1", "path": "/etc/app.conf",
                "edits": [["old": "port = 8080", "new": "port = 9090"]],
            ], "Replaces exact text in a file"),
        Row(
            "Which five files under /var are the largest?", "file_find",
            ["target": "shop/web1", "path": "/var", "type": "file", "min_size": 100_000_000],
            "by name, type, size"),
        Row(
            "Copy the dump from db1 to the test machine in the office.", "file_transfer",
            [
                "target": "shop/db1", "path": "/backup/db.dump", "to_target": "office/test",
                "to_path": "/tmp/",
            ], "also between two", "agents"),
        Row(
            "I want to open the Grafana of that network in my browser.", "forward_open",
            ["target": "shop/web1", "at": "relay", "to": "grafana.lan:3000"],
            "Forwards TCP connections through a target"),
    ]

    @Test func `there are at least 25, of most tools`() {
        #expect(Self.rows.count >= 25)
        #expect(Set(Self.rows.map(\.tool)).count >= 16)
    }

    @Test(arguments: rows)
    func `a sentence leads to its tool, which takes the arguments`(row: Row) throws {
        let tool = try #require(ToolRow.all.first { $0.name == row.tool })
        #expect(SchemaSubset.misfits(of: row.arguments, in: tool.checkedSchema) == [])
        let names = Set((tool.inputSchema["properties"]?.objectValue ?? [:]).keys)
        #expect(Set((row.arguments.objectValue ?? [:]).keys).isSubset(of: names))
        let shown = "\(tool.title) \(tool.description) \(tool.inputSchema)"
        #expect(!row.words.isEmpty)
        for words in row.words { #expect(shown.contains(words), "\(row.tool): \(words)") }
        // No other tool says the same of itself.
        let others = ToolRow.all.filter { other in
            other.name != row.tool
                && row.words.allSatisfy { "\(other.title) \(other.description)".contains($0) }
        }
        #expect(others.isEmpty, "\(others.map(\.name))")
    }
}
