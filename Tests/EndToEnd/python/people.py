"""A person's way with the relay's pages, in Chromium: by a link, with passkeys, out and in again,
and what must be refused. Prints what came of each step as JSON; PeopleTests.swift judges it.

    people.py --url http://localhost:8642 --program homeline-relay --data DIR [--shots DIR]
"""

import argparse
import http.server
import json
import re
import threading
import urllib.parse

import browser as tools

facts = {}


class Elsewhere(http.server.BaseHTTPRequestHandler):
    """A page of another origin, on the same host: as near as a stranger's page can be."""

    def do_GET(self):
        page = urllib.parse.unquote(self.path[1:]).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, *_):
        pass


def shot(page, options, name):
    """Pictures of a page: light, dark, and on a phone."""
    if not options.shots:
        return
    for scheme, width in [("light", 1280), ("dark", 1280), ("light", 360), ("dark", 2560)]:
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": 800})
        path = f"{options.shots}/{name}-{scheme}-{width}.png"
        page.screenshot(path=path, full_page=True)
        wide = page.evaluate("document.documentElement.scrollWidth > innerWidth")
        facts.setdefault("too wide", []).extend([path] if wide else [])
    page.set_viewport_size({"width": 1280, "height": 800})


def come_in(options, relay, person):
    """Invitation, passkey, first login."""
    page = person.page
    link = relay.run("people", "invite", "anna", "--scopes", "fleet:read,files:read")
    facts["link"] = link
    page.goto(link)
    facts["secret shown"] = "#" in page.url
    shot(page, options, "welcome")
    person.press("Make my passkey")
    page.wait_for_url(f"{options.url}/")
    facts["me"] = page.locator("h1").inner_text()
    for name, wrong in [("used link", link), ("wrong link", f"{options.url}/welcome#x")]:
        page.goto("about:blank")
        page.goto(wrong)
        person.press("Make my passkey")
        facts[name] = person.said()
    return link.split("#")[1]


def go_and_come(options, relay, person):
    """Out, and in again; another passkey; names; what is logged in."""
    page = person.page
    page.goto(f"{options.url}/")
    person.press("Log out")
    page.wait_for_url(f"{options.url}/login")
    shot(page, options, "login")
    page.goto(f"{options.url}/?x=1")
    facts["sent to log in"] = page.url.removeprefix(options.url)
    finish = []
    page.on("request", lambda request: finish.append(request.post_data)
            if request.url.endswith("login/finish") else None)
    person.press("Log in with a passkey")
    page.wait_for_url(f"{options.url}/")
    facts["logged in"] = page.locator("h1").inner_text()
    facts["replay"] = page.evaluate(
        """async (body) => (await fetch("login/finish", { method: "POST",
        headers: { "Content-Type": "application/x-www-form-urlencoded" }, body })).status""",
        finish[0])
    facts["handle sent"] = bool(urllib.parse.parse_qs(finish[0]).get("userHandle"))
    second = person.device("usb")
    person.press("Add a passkey")
    page.locator("section", has_text="Passkeys").locator("b").nth(1).wait_for()
    facts["passkeys"] = page.get_by_text("Rename…").count()
    page.get_by_text("Rename…").first.click()
    page.get_by_label("New name").first.fill("  <b>desk &  door ")
    page.get_by_role("button", name="Rename").first.click()
    page.get_by_text("<b>desk & door", exact=True).wait_for()
    shot(page, options, "me")
    made = person.credentials(second)[0]["credentialId"]
    made = made.replace("+", "-").replace("/", "_").rstrip("=")
    row = page.locator("li", has=page.locator(f"form[action$=remove] input[value='{made}']"))
    row.get_by_text("Remove…").click()
    row.get_by_role("button", name="Remove this passkey").click()
    person.devtools.send("WebAuthn.removeVirtualAuthenticator", {"authenticatorId": second})
    page.wait_for_load_state()
    facts["passkeys left"] = page.get_by_text("Rename…").count()
    facts["can remove the last"] = page.get_by_text("Remove…").count() > 0
    facts["sessions"] = len(json.loads(relay.run("people", "sessions", "--json"))["sessions"])


def attack(options, person, port):
    """Forms and frames of another origin, on the same host and on another one."""
    elsewhere = f"http://localhost:{port}/"
    page = person.page
    page.goto(f"{options.url}/")
    token = page.locator("input[name=token]").first.get_attribute("value")
    form = (f"<form method=post action='{options.url}/logout'>"
            f"<input name=token value='{token}'></form><script>document.forms[0].submit()</script>")
    # Of the other host's form a browser sends no cookie: the answer must not remove it either.
    for name, origin in [("another origin's form", elsewhere),
                         ("another site's form", f"http://127.0.0.1:{port}/")]:
        page.goto(origin + urllib.parse.quote(form))
        page.wait_for_url(f"{options.url}/logout")
        facts[name] = page.locator("h1").inner_text()
    page.goto(elsewhere + urllib.parse.quote(f"<iframe src='{options.url}/'></iframe>"))
    page.wait_for_timeout(500)
    facts["framed"] = any(frame.url.startswith(options.url) for frame in page.frames)
    answer = page.goto(f"{options.url}/")
    facts["still logged in"] = page.url == f"{options.url}/"
    facts["headers"] = {
        name: answer.headers.get(name) for name in
        ["content-security-policy", "x-frame-options", "referrer-policy", "cache-control",
         "x-content-type-options", "cross-origin-opener-policy"]}
    wrong = page.evaluate(
        """async () => (await fetch("logout", { method: "POST",
        body: new URLSearchParams({ token: "x" }) })).status""")
    facts["wrong token"] = wrong
    facts["cookie seen by scripts"] = page.evaluate("document.cookie")


def unverified(options, person):
    """Logins by a device that has not verified its user, and for another person."""
    page = person.page
    page.goto(f"{options.url}/")
    person.press("Log out")
    page.wait_for_url(f"{options.url}/login")
    person.devtools.send("WebAuthn.setUserVerified", {
        "authenticatorId": person.devices[0], "isUserVerified": False})
    # As a browser would do that does not ask for verification, although the relay does.
    page.evaluate("""() => {
      const get = navigator.credentials.get.bind(navigator.credentials);
      navigator.credentials.get = (options) => {
        options.publicKey.userVerification = "discouraged";
        return get(options);
      };
    }""")
    person.press("Log in with a passkey")
    facts["unverified"] = person.said()
    person.devtools.send("WebAuthn.setUserVerified", {
        "authenticatorId": person.devices[0], "isUserVerified": True})
    # A login whose passkey says that it is another person's.
    page.goto(f"{options.url}/login")
    page.route("**/login/finish", lambda route: route.continue_(
        post_data=re.sub("userHandle=[^&]*", "userHandle=AAAA", route.request.post_data)))
    person.press("Log in with a passkey")
    facts["another's handle"] = person.said()
    page.unroute("**/login/finish")


def end(options, relay, person):
    """Sessions and people that the operator ends."""
    page = person.page
    page.goto(f"{options.url}/login?to=%3Fafter")
    person.press("Log in with a passkey")
    page.wait_for_url(f"{options.url}/?after")
    relay.run("people", "log-out", "anna")
    page.goto(f"{options.url}/")
    facts["after log-out"] = page.url.removeprefix(options.url)
    person.press("Log in with a passkey")
    page.wait_for_url(f"{options.url}/")
    cookie = person.context.cookies()[0]
    facts["cookie"] = {name: cookie[name] for name in ["name", "httpOnly", "sameSite", "secure"]}
    facts["revoked"] = json.loads(relay.run("people", "revoke", "anna", "--json"))
    page.goto(f"{options.url}/")
    facts["after revoke"] = page.url.removeprefix(options.url)
    person.press("Log in with a passkey")
    facts["revoked login"] = person.said()
    return cookie["value"]


def main():
    parser = argparse.ArgumentParser()
    for name in ["url", "program", "data", "shots"]:
        parser.add_argument(f"--{name}")
    options = parser.parse_args()
    relay = tools.Relay(options.program, options.data)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with tools.chromium() as chromium:
        person = tools.Browser(chromium)
        errors = []
        person.page.on("console", lambda line: errors.append(line.text)
                       if line.type == "error" and "status of 4" not in line.text else None)
        person.device()
        secrets = [come_in(options, relay, person)]
        go_and_come(options, relay, person)
        attack(options, person, server.server_port)
        unverified(options, person)
        secrets.append(end(options, relay, person))
        facts["secrets"] = secrets
        facts["errors"] = errors
    print(json.dumps(facts, indent=1))


if __name__ == "__main__":
    main()
