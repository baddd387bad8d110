"""Records what Chromium sends of passkeys, for Tests/PasskeysTests/vectors.json.

    .deps/venv/bin/python Tests/PasskeysTests/python/record.py > Tests/PasskeysTests/vectors.json

A virtual authenticator of Chromium (its DevTools protocol) makes and uses a passkey of each kind at
http://localhost:8642, and one without user verification.
"""

import base64
import http.server
import json
import shutil
import threading

from playwright.sync_api import sync_playwright

PORT = 8642
CHALLENGES = [bytes(range(n, n + 32)) for n in (0, 32, 64)]

SCRIPT = """
async ([algorithm, verification, create, first, second]) => {
  const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  const made = await navigator.credentials.create({ publicKey: {
    rp: { id: "localhost", name: "Homeline" },
    user: { id: bytes("cGVyc29u"), name: "anna", displayName: "anna" },
    challenge: bytes(create), pubKeyCredParams: [{ type: "public-key", alg: algorithm }],
    authenticatorSelection: {
      residentKey: verification == "required" ? "required" : "discouraged",
      userVerification: verification },
    attestation: "none" } });
  const result = {
    id: text(made.rawId),
    creation: { clientData: text(made.response.clientDataJSON),
                authenticatorData: text(made.response.getAuthenticatorData()) },
    assertions: [],
  };
  for (const challenge of [first, second]) {
    const used = await navigator.credentials.get({ publicKey: {
      challenge: bytes(challenge), rpId: "localhost", userVerification: verification,
      allowCredentials: [{ type: "public-key", id: made.rawId }] } });
    result.assertions.push({
      clientData: text(used.response.clientDataJSON),
      authenticatorData: text(used.response.authenticatorData),
      signature: text(used.response.signature) });
  }
  return result;
}
"""


class Blank(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<title>blank</title>")

    def log_message(self, *_):
        pass


def record(browser, algorithm, verified):
    page = browser.new_context().new_page()
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": {
        "protocol": "ctap2", "transport": "internal" if verified else "usb",
        "hasResidentKey": verified,
        "hasUserVerification": verified, "isUserVerified": verified,
        "automaticPresenceSimulation": True}})
    page.goto(f"http://localhost:{PORT}/")
    challenges = [base64.b64encode(challenge).decode() for challenge in CHALLENGES]
    return page.evaluate(
        SCRIPT, [algorithm, "required" if verified else "discouraged", *challenges])


def main():
    server = http.server.HTTPServer(("127.0.0.1", PORT), Blank)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        vectors = {
            "es256": record(browser, -7, True), "eddsa": record(browser, -8, True),
            "rs256": record(browser, -257, True), "unverified": record(browser, -7, False)}
        browser.close()
    print(json.dumps(vectors, indent=1))


if __name__ == "__main__":
    main()
