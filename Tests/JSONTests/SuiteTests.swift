// The public JSON test suite: every file that must be accepted is, every other is refused.
import Foundation
import JSON
import Testing

private let folder = URL(filePath: #filePath)
    .deletingLastPathComponent().appending(path: "../../../shared/data/json-test-suite")
    .standardized

private func files(_ prefix: String) -> [URL] {
    let all = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)
    let urls = (all?.allObjects as? [URL]) ?? []
    return urls.filter { $0.lastPathComponent.hasPrefix(prefix) && $0.pathExtension == "json" }
}

@Suite(
    "JSON test suite",
    .enabled("shared/data/json-test-suite is not beside the package") {
        !files("y_").isEmpty
    })
struct SuiteTests {
    private func bytes(_ url: URL) throws -> [UInt8] { [UInt8](try Data(contentsOf: url)) }

    @Test func `every y_ file is accepted, by value and by skipping, and round-trips`() throws {
        let all = files("y_")
        #expect(all.count > 90)
        for file in all {
            let text = try bytes(file)
            let value = try? JSON(parsing: text)
            #expect(value != nil, "\(file.lastPathComponent)")
            #expect((try? RawJSON(parsing: text)) != nil, "\(file.lastPathComponent)")
            guard let value else { continue }
            #expect(try JSON(parsing: value.encoded()) == value, "\(file.lastPathComponent)")
        }
    }

    @Test func `every n_ file is refused, by value and by skipping`() throws {
        let all = files("n_")
        #expect(all.count > 180)
        for file in all {
            let text = try bytes(file)
            #expect(throws: JSONError.self, "\(file.lastPathComponent)") { try JSON(parsing: text) }
            #expect(throws: JSONError.self, "\(file.lastPathComponent)") {
                try RawJSON(parsing: text)
            }
        }
    }

    @Test func `every i_ file ends in a value or an error, and both readers agree`() throws {
        for file in files("i_") + files("number_") + files("string_") + files("structure_") {
            let text = try bytes(file)
            let value = try? JSON(parsing: text)
            let raw = try? RawJSON(parsing: text)
            #expect((value == nil) == (raw == nil), "\(file.lastPathComponent)")
            if let value {
                #expect(try JSON(parsing: value.encoded()) == value, "\(file.lastPathComponent)")
            }
        }
    }
}
