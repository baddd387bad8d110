// What a script that stands in for SFTP has answered, where its end is not an ordinary one.
import Loop
import Programs
import SSH
import Testing

@testable import homeline_agent

@Suite struct ShellAnswerTests {
    /// A program that prints given outputs, and then ends in a given way.
    @IO private final class Saying: RunningProgram {
        var onOutput: (@IO ([UInt8]) -> Void)?
        var onErrorOutput: (@IO ([UInt8]) -> Void)?
        var onDrain: (@IO () -> Void)?
        var onEnd: (@IO (ProgramEnd) -> Void)?
        let hasTerminal = false
        let unsent = 0
        private let output, errors: String
        private let end: ProgramEnd

        init(_ output: String, _ errors: String, _ end: ProgramEnd) {
            (self.output, self.errors, self.end) = (output, errors, end)
        }

        func resume() {
            onErrorOutput?(Array(errors.utf8))
            onOutput?(Array(output.utf8))
            onEnd?(end)
        }

        func write(_ bytes: [UInt8]) {}
        func sendEOF() {}
        func pause() {}
        func resize(columns: UInt16, rows: UInt16) {}
        func signal(_ name: String) {}
        func close() {}
    }

    @IO private func answer(
        most: Int = 100, before: String = "", said: String = "", _ content: String, code: Int = 0,
        after: String? = "", end: ProgramEnd = .exited(0)
    ) async -> Result<String, FileError> {
        let answer = ShellAnswer(most: most)
        let mark =
            answer.framed("").split(separator: " ").first { $0.hasPrefix("homeline:") }
            .map { $0.prefix { $0 != ";" } } ?? ""
        let program = Saying(
            before + "\(mark)\n" + content + (after.map { "\(mark).\n\($0)" } ?? ""),
            before + "\(mark)\n\(said)\(mark) \(code)\n", end)
        let ended = await answer.end(of: program, [])
        do throws(FileError) {
            return .success(String(decoding: try answer.content(ended), as: UTF8.self))
        } catch {
            return .failure(error)
        }
    }

    @Test @IO func `a connection that is lost gives no content, whatever has come`() async {
        let lost = await answer("hal", end: .lost("the line broke"))
        #expect(lost == .failure(.ended(reason: "the line broke")))
        #expect(await answer("half") == .success("half"))
        #expect(await answer("half", end: .unreported) == .success("half"))
    }

    @Test @IO func `start files may say much before, and tools are understood after`() async {
        let noise = String(repeating: "+ set -x\n", count: 7000)
        #expect(await answer(before: noise, "text") == .success("text"))
        let missing = await answer(
            before: noise, said: "cat: x: No such file or directory\n", "", code: 1)
        #expect(missing == .failure(.notFound))
    }

    @Test @IO func `what an account's program says afterwards is not content`() async {
        #expect(await answer("a=1\n", after: "bye bye\n") == .success("a=1\n"))
        #expect(await answer("", after: "bye bye\n") == .success(""))
        let cut = await answer("hal", after: nil)
        #expect(cut == .failure(.ended(reason: "the host's answer has no end")))
    }

    @Test @IO func `no more is given than was asked for`() async {
        let long = await answer(most: 3, "four")
        #expect(long == .failure(.failed(reason: "the answer has more than 3 bytes")))
    }
}
