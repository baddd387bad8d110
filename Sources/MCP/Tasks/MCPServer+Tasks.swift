// tasks/get, tasks/update and tasks/cancel, and the reply that makes a call a task. Invariant: only
// a request that declares the extension is told of a task; a task of another principal does not
// exist.
import JSON
import Loop

extension MCPServer {
    /// The reply to a call that goes on as a task.
    func created(_ task: MCPTask, for request: Request) throws(MCPError) -> [UInt8] {
        try requireTasks(request)
        return result(request, task.summary, type: "task")
    }

    /// Tells the clients that listen for a task that its state has changed.
    ///
    /// The first state leaves at once; of those that follow within 500 ms, only the latest.
    public func taskChanged(_ task: MCPTask) {
        guard subscriptions.bus.hasSubscribers(to: .task(id: task.id)) else { return }
        subscriptions.publish(.task(id: task.id), task.detail(server: identity.member))
    }

    /// Which of these tasks a request may listen for: those that exist, and are its principal's.
    func admit(tasks ids: [String], _ request: Request) async throws(MCPError) -> [String] {
        guard !ids.isEmpty else { return [] }
        try requireTasks(request)
        guard let tasks else { return [] }
        let principal = request.caller.principal
        return try await counted(principal) { () throws(MCPError) in
            var admitted: [String] = []
            for id in ids where await tasks.get(id, principal) != nil { admitted.append(id) }
            return admitted
        }
    }

    func getTask(_ request: Request) async throws(MCPError) -> [UInt8] {
        let task = try await task(of: request)
        return result(request, task.detail(server: identity.member))
    }

    func updateTask(_ request: Request) async throws(MCPError) -> [UInt8] {
        let (task, source) = (try await task(of: request), tasks)
        guard request.params.raw("inputResponses") != nil else {
            throw .invalidParams("params.inputResponses must be an object")
        }
        let answers = try await inputResponses(of: request)
        if case .inputRequired(let requests) = task.status {
            var fitting: [String: InputResponse] = [:]
            for asked in requests {
                guard let answer = answers[asked.key] else { continue }
                // An answer that does not fit leaves its request outstanding.
                if case .fits(let response) = try asked.read(answer, in: .newest) {
                    fitting[asked.key] = response
                }
            }
            if !fitting.isEmpty {
                let principal = request.caller.principal
                try await counted(principal) { () throws(MCPError) in
                    await source?.update(task.id, fitting, principal)
                }
            }
        }
        return result(request, [:])
    }

    func cancelTask(_ request: Request) async throws(MCPError) -> [UInt8] {
        let (task, source, principal) = (
            try await task(of: request), tasks, request.caller.principal
        )
        switch task.status {
        case .completed, .failed, .cancelled: break
        case .working, .inputRequired:
            try await counted(principal) { () throws(MCPError) in
                await source?.cancel(task.id, principal)
            }
        }
        return result(request, [:])
    }

    /// The task that a request names.
    private func task(of request: Request) async throws(MCPError) -> MCPTask {
        guard let tasks else { throw .methodNotFound(request.method) }
        try requireTasks(request)
        let (id, principal) = (try request.params.string("taskId"), request.caller.principal)
        let found = try await counted(principal) { () throws(MCPError) in
            await tasks.get(id, principal)
        }
        guard let found else {
            throw .invalidParams("no task \(quoted(id)): it has expired, or was never here")
        }
        return found
    }

    private func requireTasks(_ request: Request) throws(MCPError) {
        guard request.caller.capabilities.has(.tasks) else { throw .missingCapability([.tasks]) }
    }
}
