"""A person's browser for tests: Chromium, with authenticators of its own (DevTools protocol)."""

import contextlib
import shutil
import subprocess

from playwright.sync_api import sync_playwright


class Browser:
    """One profile of a browser, with one page and a device that makes passkeys."""

    def __init__(self, chromium, **options):
        self.context = chromium.new_context(**options)
        self.page = self.context.new_page()
        self.page.set_default_timeout(20_000)
        self.devtools = self.context.new_cdp_session(self.page)
        self.devtools.send("WebAuthn.enable")
        self.devices = []

    def device(self, transport="internal", verified=True):
        """Adds an authenticator; gives its id."""
        made = self.devtools.send("WebAuthn.addVirtualAuthenticator", {"options": {
            "protocol": "ctap2", "transport": transport, "hasResidentKey": True,
            "hasUserVerification": True, "isUserVerified": verified,
            "automaticPresenceSimulation": True}})
        self.devices.append(made["authenticatorId"])
        return made["authenticatorId"]

    def credentials(self, device):
        """What a device holds."""
        return self.devtools.send(
            "WebAuthn.getCredentials", {"authenticatorId": device})["credentials"]

    def press(self, name):
        """Presses a button by its words."""
        self.page.get_by_role("button", name=name).click()

    def said(self):
        """The sentence that a page says of a failure."""
        place = self.page.locator("#said")
        place.wait_for(state="visible")
        return place.inner_text()


@contextlib.contextmanager
def chromium():
    """Chromium, as the system's package has it."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        yield browser
        browser.close()


class Relay:
    """The relay under test: its command line."""

    def __init__(self, program, data):
        self.program, self.data = program, data

    def run(self, *words, fails=False):
        """Runs a command; gives what it prints."""
        done = subprocess.run(
            [self.program, *words, "--data", self.data], capture_output=True, text=True,
            timeout=60, check=False)
        if (done.returncode != 0) != fails:
            raise SystemExit(f"{words}: {done.returncode} {done.stdout}{done.stderr}")
        return done.stderr.strip() if fails else done.stdout.strip()
