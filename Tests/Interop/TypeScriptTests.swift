// The client of the public TypeScript SDK, which most other clients are built on, against a real
// relay and agent. Node runs it (node/typescript.js); what it reports is judged here.
import Foundation
import JSON
import Support
import Testing

@Suite(.needs(.typeScriptClient), .timeLimit(.minutes(2)))
struct TypeScriptTests {
    private struct Place {
        let home: Installation, token: String
    }

    private static let place = Task {
        let home = try await Installation.start()
        try await home.join("site")
        try await home.startAgent("site", caller: try await home.caller())
        return Place(home: home, token: try await home.token("typescript"))
    }

    @Test(arguments: ["http", "stdio"])
    func `the TypeScript client works`(transport: String) async throws {
        let place = try await Self.place.value
        let driver = try #require(Repository.typeScript)
        let output = try await RunningProcess.run(
            "\(driver)/node",
            [
                "\(Repository.root)/Tests/Interop/node/typescript.js",
                "\(driver)/package/lib/utilsBundle.js", place.home.url, place.token, "site/local",
                Repository.program("homeline-relay"), place.home.data("relay"), transport,
            ])
        let report = try JSON(parsing: output)
        #expect(report["server"] == "homeline")
        #expect(report["instructions"] == true)
        #expect((report["tools"]?.arrayValue?.count ?? 0) > 10)
        #expect(report["call"]?["stdout"] == "hi\n")
        #expect(report["call"]?["exit_code"] == 3)
        let first = report["progress"]?["seen"]?[0]?[0]?.intValue ?? .max
        #expect(first < (report["progress"]?["took"]?.intValue ?? 0) - 300, "\(report)")
        #expect(report["failed"] == true)
        #expect(report["unknown"] == -32602)
        #expect(
            report["resources"]
                == ["homeline://agents", "homeline://targets", "homeline://stats"])
        #expect(report["stats"] == 1)
        #expect(report["cancelled"]?.stringValue?.contains("enough") == true)
        #expect(report["after"] == "on\n")
        #expect(report["many"]?.arrayValue == (0..<20).map { .string("\($0)") })
        guard transport == "http" else { return }
        #expect(report["stream"] == ["GET", 200])
        let reconnected = try #require(report["reconnected"])
        #expect(reconnected["streams"] == 1 && reconnected["kept"] == "kept\n")
        // It may come back to a stream that has ended, which is refused.
        let refused = reconnected["requests"]?.arrayValue ?? []
        #expect(refused.allSatisfy { $0 == ["GET", 400] }, "\(refused)")
        #expect(report["version"] == "2025-11-25")
        #expect(report["deleted"] == ["DELETE", 204])
        #expect(report["gone"] == 400)
        #expect(report["again"]?["isNew"] == true)
        #expect(
            report["again"]?["tools"]?.intValue
                == report["tools"]?.arrayValue.map { Int64($0.count) })
    }
}
