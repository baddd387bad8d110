// matrix.tsv as values: the tables in their order, each with named columns.
// Invariant: every row has a cell for each column, or reading fails.
import Foundation
import Support

/// One table of the access matrix.
struct Matrix {
    let columns: [String]
    let rows: [(name: String, cells: [String: String])]

    /// All tables of the file.
    static func tables() throws -> [Matrix] {
        let path = "\(Repository.root)/Tests/Security/matrix.tsv"
        let text = try String(contentsOfFile: path, encoding: .utf8)
        var tables: [[[String]]] = [[]]
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            if line.isEmpty { tables.append([]) }
            guard !line.isEmpty, !line.hasPrefix("#") else { continue }
            let cells = line.split(separator: "\t", omittingEmptySubsequences: false)
            tables[tables.count - 1].append(cells.map(String.init))
        }
        return try tables.filter { !$0.isEmpty }.map(Matrix.init)
    }

    private init(_ lines: [[String]]) throws {
        let columns = Array(lines[0].dropFirst())
        self.columns = columns
        rows = try lines.dropFirst().map { line in
            guard line.count == columns.count + 1 else {
                throw Unavailable("matrix.tsv: \(line[0]) has \(line.count - 1) cells")
            }
            return (line[0], Dictionary(uniqueKeysWithValues: zip(columns, line.dropFirst())))
        }
    }
}
