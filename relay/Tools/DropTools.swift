// file_drop: the caller's files on the relay, and URLs for them.
import Crypto
import JSON
import Loop
import MCP
import Wire

extension Tools {
    /// Lists files, deletes one, or makes a URL.
    func useDropBox(_ call: ToolCall) async throws(Fault) -> ToolResult {
        let wanted = try UseDropBox(Fields(object: call.arguments))
        let owner = try router.principal(of: call).id
        do throws(DropError) {
            let answer = try await answer(wanted.request, of: owner)
            return ToolResult(structured: answer.json)
        } catch {
            throw error.fault
        }
    }

    private func answer(
        _ request: UseDropBox.Request, of owner: String
    ) async throws(DropError) -> DropAnswer {
        let box = drops.box
        try box.checkUsable()
        switch request {
        case .list:
            var files: [DropInfo] = []
            for record in try await box.list(of: owner) {
                let isWhole = record.state == .whole
                let size = isWhole ? record.size : await box.received(of: record)
                files.append(record.shown(size: size, url: nil))
            }
            return .files(files)
        case .downloadURL(let name):
            let record = try await box.find(name, of: owner)
            let url = try await box.downloadURL(of: record)
            return .file(
                record.shown(size: record.size, url: url),
                note: "for the person: curl -O URL; after a break curl -C - -O URL goes on")
        case .uploadURL(let name, let maxBytes):
            let (record, url) = try await box.uploadURL(for: name, of: owner, room: maxBytes)
            return .file(
                record.shown(size: 0, url: url),
                note: "for the person: curl -T FILE URL, once. When list shows the file as whole,"
                    + " copy it with file_transfer (target relay)")
        case .delete(let name): return .deleted(try await box.delete(name, of: owner))
        }
    }
}

extension DropRecord {
    fileprivate func shown(size: Int, url: String?) -> DropInfo {
        DropInfo(
            name: name, state: state, size: size, sha256: sha256.map { Hex.encode($0) },
            maxBytes: state == .awaited ? room : nil, link: DropLink(url: url, expires: end))
    }
}
