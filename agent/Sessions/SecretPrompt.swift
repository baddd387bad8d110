// The program that asks for a secret, as the last answer reported it, and whether a secret may be
// typed into it now. Part of Session.
// Invariant: a secret is let through only while the kernel shows the same program reading, with the
// echo off, at the same prompt.
import Loop
import Terminal
import Wire

/// What a session remembers of a program that asks for a secret.
@IO struct SecretPrompt {
    /// A program that asks.
    private struct Question: Equatable {
        var prompt: String?
        var foreground: String?
    }

    private var asking: Question?

    /// The most bytes of a secret, which bounds what is kept in memory to be hidden in the output.
    private nonisolated static let limit = 1024

    /// Whether the last answer reported that a program asks.
    var isOpen: Bool { asking != nil }

    /// Remembers what an answer says.
    mutating func note(_ result: CommandResult) {
        let asks = result.state == .secret && result.evidence == [.probe]
        asking = asks ? Question(prompt: result.prompt, foreground: result.foreground) : nil
    }

    /// The bytes of a secret, which may be typed now.
    ///
    /// `programs`: those it may be typed into; nil: any.
    func admit(
        _ secret: String, into programs: Set<String>?, on console: Console
    ) async throws(Fault) -> [UInt8] {
        let bytes = Array(secret.utf8)
        guard bytes.count <= Self.limit, bytes.allSatisfy({ $0 >= 32 && $0 != 127 }) else {
            throw Fault(
                .invalidArgument,
                "a secret has at most \(Self.limit) bytes and no control characters")
        }
        let probe = try await confirm(on: console)
        if let programs { try Self.check(probe, programs, console) }
        return bytes
    }

    /// The program that asks now, and its prompt, for the person who is to give the secret; throws
    /// where none may be typed.
    func question(on console: Console) async throws(Fault) -> (program: String, prompt: String) {
        let probe = try await confirm(on: console)
        let program = probe.foreground ?? console.shell.profile.rawValue
        try Self.check(probe, [program], console)
        return (program, asking?.prompt ?? "")
    }

    /// The kernel's answer that shows the program of the last answer to ask still, at the same
    /// prompt.
    private func confirm(on console: Console) async throws(Fault) -> Probe {
        guard let asking, let begin = console.shell.openBegin else {
            throw Self.unasked("no answer reported that a program asks for one (state secret)")
        }
        guard let probe = await console.asker.hear() else {
            throw Self.unasked("this host does not show whether the echo is off")
        }
        guard begin == console.shell.openBegin, let scene = console.scene,
            scene.wants(probe) == .secret, asking.foreground == probe.foreground,
            asking.prompt == scene.prompt(probe)
        else {
            throw Self.unasked(
                "the program that asked is not at that prompt any more; ssh_session_read shows it")
        }
        return probe
    }

    /// Throws unless one of these programs asks, and is what its name says as far as the kernel
    /// shows.
    private static func check(
        _ probe: Probe, _ programs: Set<String>, _ console: Console
    ) throws(Fault) {
        let name = probe.foreground ?? console.shell.profile.rawValue
        guard programs.contains(name) else {
            throw Fault(
                .refusedByPolicy,
                "the secret was not typed: \(name) asks, and agent.conf gives it to"
                    + " \(programs.sorted().joined(separator: ", ")) alone (SecretInput)")
        }
        guard console.depth == 0 else {
            throw Fault(
                .refusedByPolicy,
                "the secret was not typed: the shell that was adopted may be on another host; leave"
                    + " it, or open a session there")
        }
        guard SecretInput.elevating.contains(name), let other = probe.notRoot.first else { return }
        throw Fault(
            .refusedByPolicy,
            "the secret was not typed: \(other) is in the foreground and does not run as root: it"
                + " is an imitation of \(name), or could read what \(name) is sent")
    }

    private static func unasked(_ why: String) -> Fault {
        Fault(.busy, "the secret was not typed: \(why)")
    }
}
