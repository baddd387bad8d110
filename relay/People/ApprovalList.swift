// The list of questions to a person, as HTML. Pure. Invariant: what waits comes first, and the
// oldest of it first, so that nothing that a person reads moves.

/// What waits for a person, and what was decided lately.
struct ApprovalList {
    let waiting: [ApprovalView]
    /// The newest first.
    let decided: [ApprovalView]

    /// The view.
    func html(at address: WebAddress) -> HTML {
        let none: HTML =
            waiting.isEmpty
            ? """
            <li class="none">Nothing waits for you. When a call needs a person, the client shows a \
            link to the question, and it is here.</li>
            """ : ""
        let past: HTML =
            decided.isEmpty
            ? ""
            : """
            <section class="section"><h2>Decided lately</h2>
            <ul class="list card">\(decided.map { row($0, address) })</ul></section>
            """
        return """
            <div class="head"><h1>Approvals</h1>
            <p>Questions that only a person may answer. Each waits for 5 minutes; then \
            nothing is done.</p></div>
            <section class="section"><h2>Waiting for you</h2>
            <ul class="list card">\(none)\(waiting.map { row($0, address) })</ul></section>
            \(past)
            """
    }

    private func row(_ view: ApprovalView, _ address: WebAddress) -> HTML {
        let approval = view.approval
        let client: HTML =
            approval.asker.client.map { ", \(VisibleText($0).html)" } ?? ""
        let left: HTML =
            view.state == .waiting
            ? """
            <span class="you">expires <span data-expires="\(approval.expires - view.now)">\
            \(HTML.words(approval.expires - view.now))</span></span>
            """
            : HTML.moment(approval.created, now: view.now)
        let outcome: HTML = view.state == .waiting ? "" : "; \(view.outcome)"
        return """
            <li><a class="row" href="\(address.path)/approve/\(approval.id)">\(view.title)</a>
            <small>\(view.matterLine)\(VisibleText(approval.target).html), asked by \
            \(VisibleText(approval.asker.label).html)\(client)\(outcome)</small>
            <span class="acts">\(left)</span></li>

            """
    }
}
