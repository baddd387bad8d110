// The style and scripts of the pages, which the build embeds. Flow: `GET web/NAME` → here.
// Invariant: a name that is not here is not served; a browser that has the same bytes gets none.
import Crypto
import HTTP
import Loop

/// What pages need beside their HTML.
@IO struct Assets {
    private struct Asset {
        let type: String
        let bytes: [UInt8]
        let tag: String

        init(_ type: String, _ bytes: [UInt8]) {
            (self.type, self.bytes) = (type, bytes)
            tag = "\"\(Base64.encodeURL(SHA256.hash(bytes)))\""
        }
    }

    private let assets: [String: Asset]

    init() {
        let style = "text/css; charset=utf-8"
        let script = "text/javascript; charset=utf-8"
        assets = [
            "icon.svg": Asset("image/svg+xml", PackageResources.icon_svg),
            "style.css": Asset(style, PackageResources.style_css),
            "approvals.js": Asset(script, PackageResources.approvals_js),
            "passkeys.js": Asset(script, PackageResources.passkeys_js),
            "login.js": Asset(script, PackageResources.login_js),
            "welcome.js": Asset(script, PackageResources.welcome_js),
            "me.js": Asset(script, PackageResources.me_js),
        ]
    }

    /// Answers a request for `name`.
    func send(_ name: String, _ request: HTTPRequest, _ responder: HTTPResponder) {
        guard let asset = assets[name] else { return Page.absent(responder) }
        // Asked for again each time, so that a new release's pages never meet old scripts.
        var headers = Page.headers(["Cache-Control": "no-cache", "ETag": asset.tag])
        if request.header("if-none-match") == asset.tag {
            return responder.send(status: 304, headers: headers)
        }
        headers["Content-Type"] = asset.type
        responder.send(headers: headers, body: asset.bytes)
    }
}
