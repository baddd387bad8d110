// What the host says has changed, while the server runs. Flow: host → here → ChangeBus → listening
// clients. Invariant: a client that asks after it was told gets the new state.
import JSON
import Loop

extension MCPServer {
    /// Offers other tools from now on, and tells the clients that listen.
    public func replace(tools: [Tool]) {
        offer(ToolTable(tools))
        toolsChanged()
    }

    /// Offers other prompts from now on, and tells the clients that listen.
    public func replace(prompts: [Prompt]) {
        offer(prompts)
        promptsChanged()
    }

    /// Tells the clients that listen that the list of tools has changed.
    ///
    /// Only if `.tools` was among the announced lists; notices that come within 500 ms are merged.
    public func toolsChanged() { changed(.tools) }

    /// Tells the clients that listen that the list of prompts has changed, as `toolsChanged` does.
    public func promptsChanged() { changed(.prompts) }

    /// Tells the clients that listen that the list of resources has changed, as `toolsChanged`
    /// does.
    public func resourcesChanged() { changed(.resources) }

    /// Tells the clients that watch this resource that its content has changed.
    ///
    /// The first notice leaves at once; those that follow within 500 ms are merged into one.
    public func resourceUpdated(_ uri: String) { subscriptions.publish(.resource(uri: uri)) }

    /// Whether a client watches this resource, so that `resourceUpdated` would tell somebody.
    public func isWatched(_ uri: String) -> Bool {
        subscriptions.bus.hasSubscribers(to: .resource(uri: uri))
    }

    /// Ends every subscription stream with its result; their clients may listen anew.
    public func endSubscriptions() { concludeAll() }

    private func changed(_ kind: ListKind) {
        if subscriptions.announced.contains(kind) { subscriptions.publish(.list(kind)) }
    }
}
