// What scripts of host_read print, as rows.
import JSON
import Testing
import Wire

@testable import homeline_agent

@Suite struct HostRowsTests {
    private func table(
        _ output: String, query: String? = nil, limit: Int = 10, keepsLast: Bool = false
    ) -> HostTable {
        var table = HostTable(target: "a/b", subject: .disks)
        HostRows("name size# text").read(
            output, query: query, limit: limit, keepsLast: keepsLast, into: &table)
        return table
    }

    @Test func `rows, numbers, absent values and notes`() {
        let found = table(
            "a\t1\tx y\tz\nb\t-\t-\nc\t1.5\t\n! no swap \n\nodd line\nd\tmany\tt\n")
        #expect(
            found.rows == [
                ["name": "a", "size": 1, "text": "x y\tz"], ["name": "b"],
                ["name": "c", "size": 1.5], ["name": "d", "size": "many", "text": "t"],
            ])
        #expect(found.total == 4 && found.notes == ["no swap"])
    }

    @Test func `the first or the last rows, and those with a text`() {
        let lines = (1...5).map { "n\($0)\t\($0)\tT\($0)\n" }.joined()
        #expect(table(lines, limit: 2).rows.compactMap { $0["size"] } == [1, 2])
        #expect(table(lines, limit: 2, keepsLast: true).rows.compactMap { $0["size"] } == [4, 5])
        let found = table(lines, query: "t3")
        #expect(found.rows.count == 1 && found.total == 1)
    }

    @Test func `hostile output stays bounded and has no control characters`() {
        let long = String(repeating: "x", count: 9000)
        let found = table(
            "a\u{1b}[31m\t9999999999999999999\t\(long)\nb\tnan\tx\n"
                + String(repeating: "!n\n", count: 1000))
        #expect(found.rows[0]["name"] == "a[31m")
        #expect((found.rows[0]["text"]?.stringValue?.count ?? 0) <= 400)
        #expect(found.rows[1]["size"] == "nan" && found.notes.count == 40)
    }
}
