// The driver for parsers: changed inputs for the time that is given, shared among them. The name
// and the first seed are printed before a parser runs, so HOMELINE_FUZZ_SEED leads to a trap again.
import Foundation
import Loop
import Support
import Testing

@Suite(.serialized) struct ParserTests {
    @Test(.timeLimit(.minutes(240)))
    @IO func `changed inputs: a value or an error, in time and in bounds`() async throws {
        print("fuzz: seed \(FuzzTests.seed), \(FuzzTests.seconds) s")
        let each = Duration.seconds(FuzzTests.seconds * 0.4) / Parser.all.count
        for parser in Parser.all {
            print("fuzz: \(parser.name)")
            #expect(!parser.seeds.isEmpty, "\(parser.name) has no valid input")
            for seed in parser.seeds {
                do { _ = try await parser.read(seed) } catch {
                    Issue.record("\(parser.name): a valid input is refused: \(error)")
                }
            }
            let end = ContinuousClock.now + each
            var (seed, refused) = (FuzzTests.seed, 0)
            while ContinuousClock.now < end {
                var random = Seeded(state: seed)
                let input = Mutation.of(parser.seeds, &random)
                let start = threadTime()
                var size = 0
                do { size = try await parser.read(input) } catch { refused += 1 }
                let took = threadTime() - start
                // 256 KiB in a build that is not optimized: what is quadratic takes minutes.
                #expect(took < .seconds(5), "\(parser.name), seed \(seed): \(took)")
                #expect(size <= 4096 + 16 * input.count, "\(parser.name), seed \(seed): \(size)")
                seed += 1
                await Task.yield()
            }
            print(
                "fuzz: \(parser.name): \(seed - FuzzTests.seed) inputs, \(refused) refused")
        }
    }
}
