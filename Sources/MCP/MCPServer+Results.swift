// What every result has in common: the marks of the modern era, cache hints, and pages of lists.
// Invariant: a legacy result carries none of the modern marks.
import JSON
import Loop

/// How long a result may be cached, and by whom.
struct CacheHint {
    var lifetime: Duration
    /// Whether every principal gets the same.
    var isPublic = false
}

extension MCPServer {
    /// The whole reply with the revision's marks added to `object`.
    func result(
        _ request: Request, _ object: JSON.Object, cache: CacheHint? = nil,
        type: String = "complete"
    ) -> [UInt8] {
        guard request.caller.revision.isModern else { return Envelope.result(request.id, object) }
        var object = object
        object["resultType"] = .string(type)
        if let cache {
            object["ttlMs"] = .int(cache.lifetime.milliseconds)
            object["cacheScope"] = cache.isPublic ? "public" : "private"
        }
        var meta = object["_meta"]?.objectValue ?? [:]
        meta[MetaKey.server] = identity.info.json(in: .newest)
        object["_meta"] = .object(meta)
        return Envelope.result(request.id, object)
    }

    /// One page of a list, as the cursor asks for it.
    func page(
        _ request: Request, _ key: String, _ entries: [JSON], isPublic: Bool
    ) throws(MCPError) -> [UInt8] {
        let start = try position(request, entries.count)
        let end = min(entries.count, start + limits.lists.pageEntries)
        var object: JSON.Object = [key: .array(Array(entries[start..<end]))]
        if end < entries.count { object["nextCursor"] = .string("at-\(end)") }
        let cache = CacheHint(lifetime: limits.lists.lifetime, isPublic: isPublic)
        return result(request, object, cache: cache)
    }

    /// Where a page starts; the empty cursor is valid and means the start.
    private func position(_ request: Request, _ count: Int) throws(MCPError) -> Int {
        guard let cursor = try request.params.optionalString("cursor"), !cursor.isEmpty else {
            return 0
        }
        guard cursor.hasPrefix("at-"), let start = Int(cursor.dropFirst(3)),
            start > 0, start < count, start % limits.lists.pageEntries == 0
        else { throw .invalidParams("cursor is not one that this list gave out: start again") }
        return start
    }

    func allow(_ scope: String?, _ principal: Principal) throws(MCPError) {
        guard let scope, !principal.holds(scope) else { return }
        throw .insufficientScope(scope)
    }
}
