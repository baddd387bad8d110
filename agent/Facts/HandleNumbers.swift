// The numbers of the ids that the agent gives to sessions, commands, transfers and forwards.
// Flow: Membership.newHandle → next. Invariant: no number is given twice, also not after the agent
// was restarted: before a number is given, a higher one is on the disk.
import Crypto
import Loop

/// Numbers that are never given again.
@IO final class HandleNumbers {
    /// How many numbers are taken from the disk at once: a restart loses at most as many.
    private nonisolated static let block = 256
    /// The numbers that are given where the disk has no record of the last ones: so many that no
    /// two starts of an agent pick the same ones, and of seven characters.
    private nonisolated static let elsewhere = 2_200_000_000..<78_000_000_000

    private let file: String?
    private let log: (String) -> Void
    private var following: Int
    /// The number that is on the disk: those below it may be given.
    private var stored = 0

    /// Numbers that go on where the last ones of this folder ended; nil: numbers by chance.
    init(in folder: String? = nil, log: @escaping (String) -> Void = { _ in }) {
        file = folder.map { $0 + "/handles" }
        self.log = log
        following = 1
        guard let file else {
            leaveTheDisk()
            return
        }
        do throws(CryptoError) {
            let bytes = try SecureFile.readIfPresent(file, refusing: SecureFile.changeByOthers)
            let text = String(decoding: (bytes ?? []).filter { $0 != 0x0A }, as: UTF8.self)
            guard bytes != nil else { return }
            guard let number = Int(text), (1..<Self.elsewhere.lowerBound).contains(number) else {
                log("\(file) is damaged: ids of sessions and commands are longer from now on")
                leaveTheDisk()
                return
            }
            (following, stored) = (number, number)
        } catch {
            log("cannot read \(file): \(error)")
            leaveTheDisk()
        }
    }

    /// The next number, as it stands in a handle: in digits and lower-case letters.
    func next() -> String {
        if following >= stored { store() }
        defer { following += 1 }
        return String(following, radix: 36)
    }

    private func store() {
        guard let file else { return leaveTheDisk() }
        do throws(CryptoError) {
            try SecureFile.write(file, Array("\(following + Self.block)\n".utf8))
            stored = following + Self.block
        } catch {
            log("cannot write \(file): \(error)")
            leaveTheDisk()
        }
    }

    /// Goes on with numbers that no start of the agent has given.
    private func leaveTheDisk() {
        following = Int.random(in: Self.elsewhere)
        stored = .max
    }
}
