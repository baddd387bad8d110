// What a browser is called, for its owner's lists: "Firefox on Linux". Pure. Invariant: a text of a
// few known words, whatever a client sends.

/// The name of a browser.
enum BrowserName {
    /// The words of user agents; the first that fits counts, as many say "Safari" and "Chrome".
    private static let browsers = [
        ("Edg", "Edge"), ("OPR/", "Opera"), ("SamsungBrowser/", "Samsung Internet"),
        ("Firefox/", "Firefox"), ("FxiOS/", "Firefox"), ("CriOS/", "Chrome"),
        ("Chrome/", "Chrome"), ("Safari/", "Safari"),
    ]
    private static let systems = [
        ("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows"),
        ("Mac OS X", "Mac"), ("CrOS", "ChromeOS"), ("Linux", "Linux"),
    ]

    /// The name for a User-Agent header.
    static func of(_ agent: String) -> String {
        let agent = agent.prefix(500)
        let browser = browsers.first { agent.contains($0.0) }?.1 ?? "A browser"
        guard let system = systems.first(where: { agent.contains($0.0) })?.1 else {
            return browser
        }
        return "\(browser) on \(system)"
    }
}
