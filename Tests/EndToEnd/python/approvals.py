"""Questions of an agent, answered on the relay's page in Chromium: a host's unknown key, a command
that a rule asks about, a secret. Prints what came of each step as JSON.

    approvals.py --url http://localhost:8642 --program homeline-relay --data DIR --token TOKEN
        --canary WORD [--shots DIR]
"""

import argparse
import json
import urllib.request

import browser as tools
import people

facts = people.facts


class Client:
    """An MCP client with a token."""

    def __init__(self, url, token):
        self.url, self.token = f"{url}/mcp", token

    def call(self, tool, arguments):
        """Calls a tool; gives its result."""
        meta = {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {},
            "io.modelcontextprotocol/clientInfo": {"name": "<i>tests</i>", "version": "1"},
            "dev.homeline/reason": "I <b>must</b>\u202e see",
        }
        message = {
            "jsonrpc": "2.0", "id": 1, "method": "tools/call",
            "params": {"name": tool, "arguments": arguments, "_meta": meta}}
        request = urllib.request.Request(self.url, json.dumps(message).encode(), {
            "Content-Type": "application/json", "Accept": "application/json, text/event-stream",
            "Authorization": f"Bearer {self.token}", "MCP-Protocol-Version": "2026-07-28",
            "Mcp-Method": "tools/call", "Mcp-Name": tool})
        with urllib.request.urlopen(request, timeout=70) as answer:
            body = answer.read().decode()
        if body.startswith("{"):
            return json.loads(body)["result"]
        lines = [line[5:] for line in body.splitlines() if line.startswith("data:")]
        return next(json.loads(line)["result"] for line in lines if '"result"' in line)

    def ask(self, tool, arguments):
        """Makes a call that needs a person; gives the URL of the question."""
        result = self.call(tool, arguments)
        content = result.get("structuredContent") or {}
        if "approval_url" not in content:
            raise SystemExit(f"no question: {result}")
        return content["approval_url"]


def printed(result):
    """What a command has printed, or what else came."""
    try:
        return result["structuredContent"]["results"][0]["stdout"]
    except (KeyError, IndexError, TypeError):
        return json.dumps(result)


def host_key(options, client, boss, anna, plain):
    """A host whose key nobody knows."""
    call = {"target": "site/web", "command": "echo in"}
    url = client.ask("ssh_execute", call)
    facts["url"] = url
    # A stranger has to log in, and comes back to the question; another person sees none.
    anna.page.goto(url)
    facts["sent to log in"] = anna.page.url.removeprefix(options.url)
    anna.press("Log in with a passkey")
    anna.page.wait_for_url(url)
    facts["another person"] = anna.page.locator("h1").inner_text()
    anna.page.goto(f"{options.url}/approvals")
    facts["another person's list"] = anna.page.locator("a.row").count()
    boss.page.goto(f"{options.url}/approvals")
    people.shot(boss.page, options, "approvals")
    facts["list"] = boss.page.locator("a.row").all_inner_texts()
    boss.page.locator("a.row").first.click()
    boss.page.wait_for_url(url)
    facts["host key"] = boss.page.locator("main").inner_text()
    facts["markup of others"] = boss.page.locator("main b, main i").count()
    people.shot(boss.page, options, "host-key")
    # Without JavaScript.
    plain.goto(url)
    facts["without scripts"] = plain.locator(".left").inner_text()
    plain.get_by_role("button", name="Deny").click()
    plain.locator(".left b").wait_for()
    facts["denied"] = plain.locator(".left").inner_text()
    facts["after denied"] = printed(client.call("ssh_execute", call))
    # The same host by another name is another question.
    call = {"target": "site/again", "command": "echo in"}
    url = client.ask("ssh_execute", call)
    boss.page.goto(url)
    boss.press("Only this time")
    boss.page.locator(".ask .left b").wait_for()
    facts["once"] = boss.page.locator(".left").inner_text()
    facts["after once"] = printed(client.call("ssh_execute", call))
    plain.goto(url)
    facts["used"] = plain.locator(".left").inner_text()
    facts["buttons of the used"] = plain.get_by_role("button").count()


def trust(options, client, boss):
    """A host that is dialled by another name, as connections are shared; for good."""
    call = {"target": "site/third", "command": "echo stored"}
    boss.page.goto(client.ask("ssh_execute", call))
    boss.press("Trust and remember it")
    boss.page.locator(".ask .left b").wait_for()
    return printed(client.call("ssh_execute", call))


def policy(options, client, boss):
    """Commands that a rule asks about."""
    url = client.ask("ssh_execute", {
        "target": "site/third", "command": "echo danger \x1b[8m; echo 'zwei\u202e'\n"})
    boss.page.goto(url)
    facts["policy"] = boss.page.locator(".exact").inner_text()
    facts["boxes"] = boss.page.locator(".exact .control").all_inner_texts()
    facts["reason"] = boss.page.locator(".words").inner_text()
    facts["buttons"] = boss.page.get_by_role("button").all_inner_texts()
    people.shot(boss.page, options, "policy-hidden")
    boss.press("Deny")
    boss.page.locator(".ask .left b").wait_for()
    call = {"target": "site/third", "command": "echo danger"}
    url = client.ask("ssh_execute", call)
    boss.page.goto(url)
    people.shot(boss.page, options, "policy")
    # An answer that is not of the kind that is asked for, and none at all.
    for decision in ["pin", "", "secret"]:
        status = boss.page.evaluate(
            """async ([url, decision]) => (await fetch(url, { method: "POST",
            body: new URLSearchParams({ decision, secret: "x",
              token: document.querySelector("input[name=token]").value }) })).status""",
            [url, decision])
        facts.setdefault("unfit", []).append(status)
    boss.press("Allow once")
    boss.page.locator(".ask .left b").wait_for()
    facts["after policy"] = printed(client.call("ssh_execute", call))
    # It was for one call.
    facts["asked again"] = "approval_url" in client.call("ssh_execute", call)["structuredContent"]


def secret(options, client, boss):
    """A secret, which goes into the program that asks for it."""
    opened = client.call("ssh_session_open", {"target": "site/third"})["structuredContent"]
    session = opened["session_id"]
    code = ("printf 'Word: '; stty -echo; read x; stty echo; echo; "
            "printf %s \"$x\" | sha256sum")
    client.call("ssh_session_command", {"session_id": session, "command": code, "wait_s": 20})
    call = {"session_id": session, "secret": "door", "wait_s": 20}
    url = client.ask("ssh_session_send", call)
    boss.page.goto(url)
    facts["secret"] = boss.page.locator("main").inner_text()
    people.shot(boss.page, options, "secret")
    boss.page.locator("input[type=password]").fill(options.canary)
    boss.page.locator("input[type=password]").press("Enter")
    boss.page.locator(".ask .left b").wait_for()
    facts["given"] = boss.page.locator(".left").inner_text()
    facts["canary shown"] = options.canary in boss.page.content()
    done = client.call("ssh_session_send", call)
    facts["secret's outcome"] = (done.get("structuredContent") or {}).get("output", str(done))


def main():
    parser = argparse.ArgumentParser()
    for name in ["url", "program", "data", "token", "canary", "shots"]:
        parser.add_argument(f"--{name}")
    options = parser.parse_args()
    relay = tools.Relay(options.program, options.data)
    client = Client(options.url, options.token)
    with tools.chromium() as chromium:
        persons = {}
        for name, scopes in [("boss", "admin"), ("anna", "sessions:exec")]:
            person = persons[name] = tools.Browser(chromium)
            person.device()
            person.page.goto(relay.run("people", "invite", name, "--scopes", scopes))
            person.press("Make my passkey")
            person.page.wait_for_url(f"{options.url}/")
        persons["anna"].press("Log out")
        persons["anna"].page.wait_for_url(f"{options.url}/login")
        plain = chromium.new_context(java_script_enabled=False)
        plain.add_cookies(persons["boss"].context.cookies())
        page = plain.new_page()
        page.set_default_timeout(20_000)
        host_key(options, client, persons["boss"], persons["anna"], page)
        facts["known"] = trust(options, client, persons["boss"])
        policy(options, client, persons["boss"])
        secret(options, client, persons["boss"])
        persons["boss"].page.goto(f"{options.url}/approvals")
        facts["decided"] = persons["boss"].page.locator("a.row").count()
        people.shot(persons["boss"].page, options, "approvals-after")
    print(json.dumps(facts, indent=1))


if __name__ == "__main__":
    main()
