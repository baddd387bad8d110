"""OAuth with the public clients' own code, and a person in Chromium who allows it.

Runs in a network of its own (unshare --net --mount), where a public address is on this machine, so
that the relay fetches a client's metadata document as it would from the Internet. Prints what came
of each step as JSON; OAuthClientTests.swift judges it.

    oauth.py --program homeline-relay --folder DIR
"""

import argparse
import asyncio
import datetime
import http.server
import json
import os
import queue
import ssl
import subprocess
import sys
import threading
import time
import traceback
import urllib.parse
import warnings

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../../EndToEnd/python"))
import browser as tools  # noqa: E402

warnings.filterwarnings("ignore")

# Neither private nor kept for documents: to the relay it is on the Internet.
ADDRESS, HOST = "203.0.112.10", "client.example"
DOCUMENT = f"https://{HOST}/oauth/client.json"
URL = "http://localhost:8642"
facts = {}


def network(folder):
    """This machine as the Internet: the address, and the client's name for it."""
    for words in (["ip", "link", "set", "lo", "up"],
                  ["ip", "address", "add", f"{ADDRESS}/32", "dev", "lo"]):
        subprocess.run(words, check=True)
    hosts = f"{folder}/hosts"
    with open(hosts, "w", encoding="ascii") as file:
        file.write(f"127.0.0.1 localhost\n{ADDRESS} {HOST}\n127.0.0.1 inner.example\n")
    subprocess.run(["mount", "--bind", hosts, "/etc/hosts"], check=True)


def certificate(folder):
    """A certificate for the client's host, which is its own authority."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, HOST)])
    now = datetime.datetime.now(datetime.timezone.utc)
    names = [x509.DNSName(HOST), x509.DNSName("inner.example")]
    made = (x509.CertificateBuilder().subject_name(name).issuer_name(name)
            .public_key(key.public_key()).serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName(names), False)
            .add_extension(x509.BasicConstraints(True, None), True)
            .sign(key, hashes.SHA256()))
    path = f"{folder}/client.pem"
    with open(path, "wb") as file:
        file.write(made.public_bytes(serialization.Encoding.PEM))
        file.write(key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption()))
    return path


class Documents(http.server.BaseHTTPRequestHandler):
    """The client's site."""

    fetched = []

    def do_GET(self):
        Documents.fetched.append(self.path)
        body = json.dumps({
            "client_id": DOCUMENT, "client_name": "Documented client",
            "redirect_uris": ["http://localhost/callback", "http://127.0.0.1/callback"],
            "token_endpoint_auth_method": "none"}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def serve_documents(pem):
    server = http.server.ThreadingHTTPServer((ADDRESS, 443), Documents)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()


class Callback:
    """Where the mcp client's logins come back to."""

    def __init__(self):
        self.answers = queue.Queue()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                if self.path.startswith("/callback"):
                    query = urllib.parse.parse_qs(urllib.parse.urlparse(self.path).query)
                    outer.answers.put({key: value[0] for key, value in query.items()})
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b"done")

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://localhost:{self.server.server_address[1]}/callback"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


wishes = queue.Queue()


def mcp_client(callback, document, scope=None):
    """The mcp client with its own OAuth."""
    from mcp.client.auth import OAuthClientProvider
    from mcp.client.client import Client
    from mcp.client.streamable_http import streamable_http_client
    from mcp.shared.auth import AuthorizationCodeResult, OAuthClientMetadata
    import httpx2

    class Storage:
        tokens = client = None

        async def get_tokens(self):
            return self.tokens

        async def set_tokens(self, tokens):
            self.tokens = tokens

        async def get_client_info(self):
            return self.client

        async def set_client_info(self, client):
            self.client = client

    async def redirect(url):
        wishes.put(url)

    async def come_back():
        answer = await asyncio.to_thread(callback.answers.get, True, 60)
        if "error" in answer:
            raise RuntimeError(f"refused: {answer}")
        return AuthorizationCodeResult(
            code=answer["code"], state=answer.get("state"), iss=answer.get("iss"))

    storage = Storage()
    provider = OAuthClientProvider(
        f"{URL}/mcp",
        OAuthClientMetadata(client_name="mcp test", redirect_uris=[callback.url], scope=scope),
        storage, redirect, come_back, client_metadata_url=DOCUMENT if document else None)
    transport = streamable_http_client(
        f"{URL}/mcp", http_client=httpx2.AsyncClient(auth=provider, timeout=90))
    return Client(transport, read_timeout_seconds=90), provider, storage


async def with_mcp(callback, document):
    """Login, a call, a step up, a refresh."""
    client, provider, storage = mcp_client(callback, document)
    told = {}
    async with client:
        told["version"] = client.protocol_version
        told["tools"] = sorted(tool.name for tool in (await client.list_tools()).tools)
        told["agents"] = (await client.call_tool("agent_list", {})).structured_content
        told["scope"] = storage.tokens.scope
        told["client"] = storage.client.client_id
        before = storage.tokens.refresh_token
        provider.context.token_expiry_time = 1
        await client.call_tool("agent_list", {})
        told["refreshed"] = storage.tokens.refresh_token != before
        # Not in the list of tools: known from elsewhere.
        answer = await client.call_tool("ssh_execute", {"target": "x/local", "command": "true"})
        told["stepped up"] = storage.tokens.scope
        told["executed"] = answer.content[0].text
        told["token"] = storage.tokens.access_token
    return told


def listen(token, told):
    """A stream that stays open, until its grant ends."""
    import httpx

    meta = {"io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {}}
    body = {"jsonrpc": "2.0", "id": 1, "method": "subscriptions/listen",
            "params": {"_meta": meta, "notifications": {"toolsListChanged": True}}}
    headers = {"Authorization": f"Bearer {token}", "MCP-Protocol-Version": "2026-07-28",
               "Mcp-Method": "subscriptions/listen", "Accept": "application/json, text/event-stream"}
    with httpx.stream("POST", f"{URL}/mcp", json=body, headers=headers, timeout=60) as answer:
        told["status"] = answer.status_code
        for line in answer.iter_lines():
            told.setdefault("lines", []).append(line)
            if line.startswith("data:"):
                told["open"].set()
    told["ended"] = time.monotonic()
    again = httpx.post(f"{URL}/mcp", json=body, headers=headers)
    told["again"] = [again.status_code, again.headers.get("www-authenticate")]
    told["done"].set()


def end_of_a_stream(relay):
    """What is open ends with its grant."""
    told = {"open": threading.Event(), "done": threading.Event()}
    token = facts["mcp, documented"].pop("token")
    facts["mcp, registered"].pop("token")
    threading.Thread(target=listen, args=[token, told], daemon=True).start()
    opened = told["open"].wait(30)
    grants = json.loads(relay.run("clients", "--json"))["grants"]
    begin = time.monotonic()
    for grant in grants:
        if grant["client"] == "Documented client" and "sessions:exec" in grant["scopes"]:
            relay.run("clients", "revoke", grant["grant"])
    told["done"].wait(30)
    facts["stream"] = {
        "opened": opened, "took": told.get("ended", begin + 99) - begin,
        "again": told.get("again"), "lines": told.get("lines")}


async def with_fastmcp(document):
    """The same login by fastmcp's own code, which opens a browser."""
    import webbrowser

    from fastmcp import Client
    from fastmcp.client.auth import OAuth

    webbrowser.open = lambda url, *_: wishes.put(url)
    oauth = OAuth(f"{URL}/mcp", client_metadata_url=DOCUMENT if document else None)
    async with Client(f"{URL}/mcp", auth=oauth, timeout=90) as client:
        listed = await client.list_tools()
        agents = await client.call_tool("agent_list", {})
        tokens = await oauth.token_storage_adapter.get_tokens()
        info = await oauth.token_storage_adapter.get_client_info()
        return {
            "tools": sorted(tool.name for tool in listed),
            "agents": agents.structured_content, "scope": tokens.scope, "client": info.client_id}


def clients(done):
    """All logins, one after another."""
    callback = Callback()

    def run(name, work):
        try:
            facts[name] = asyncio.run(work)
        except BaseException:  # of any client: the test shows it
            facts[name] = {"failed": traceback.format_exc()[-3000:]}

    run("mcp, registered", with_mcp(callback, False))
    run("mcp, documented", with_mcp(callback, True))
    run("fastmcp, registered", with_fastmcp(False))
    run("fastmcp, documented", with_fastmcp(True))
    done.set()


def allow(page, url):
    """What the person sees, and presses."""
    page.goto(url)
    seen = {
        "at": urllib.parse.urlparse(page.url).path,
        "title": page.locator("h1").inner_text(), "facts": page.locator("dl").inner_text(),
        "asked": [box.get_attribute("value") for box in page.locator(
            "input[type=checkbox]").all() if box.is_checked()]}
    page.get_by_role("button", name="Allow", exact=True).click()
    page.wait_for_url("**/callback?**")
    seen["back"] = sorted(urllib.parse.parse_qs(urllib.parse.urlparse(page.url).query))
    facts.setdefault("seen", []).append(seen)


def main():
    parser = argparse.ArgumentParser()
    for name in ("program", "folder"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--shots")
    options = parser.parse_args()
    network(options.folder)
    pem = certificate(options.folder)
    serve_documents(pem)
    data = f"{options.folder}/relay"
    environment = dict(os.environ, SSL_CERT_FILE=pem)
    with open(f"{options.folder}/log", "w", encoding="utf-8") as log:
        serving = subprocess.Popen(
            [options.program, "serve", "--data", data, "--mcp", "127.0.0.1:8642", "--tunnel",
             "127.0.0.1:8643"], stdout=subprocess.PIPE, stderr=log, env=environment, text=True)
    while "MCP clients:" not in (serving.stdout.readline() or sys.exit("no relay")):
        pass
    relay = tools.Relay(options.program, data)
    try:
        with tools.chromium() as chromium:
            person = tools.Browser(chromium)
            person.device()
            page = person.page
            page.goto(relay.run("people", "invite", "anna"))
            person.press("Make my passkey")
            page.wait_for_url(f"{URL}/")
            done = threading.Event()
            threading.Thread(target=clients, args=[done], daemon=True).start()
            while not done.is_set():
                try:
                    url = wishes.get(timeout=0.5)
                except queue.Empty:
                    continue
                try:
                    if options.shots and "seen" not in facts:
                        page.goto(url)
                        for scheme, width in (("light", 1280), ("dark", 360)):
                            page.emulate_media(color_scheme=scheme)
                            page.set_viewport_size({"width": width, "height": 900})
                            page.screenshot(
                                path=f"{options.shots}/consent-{scheme}.png", full_page=True)
                    allow(page, url)
                except Exception:  # noqa: BLE001 - the test shows it
                    facts.setdefault("troubles", []).append(
                        f"{page.url}\n{page.content()[:3000]}\n{traceback.format_exc()[-1500:]}")
            # A document on an address that is not public.
            page.goto(f"{URL}/oauth/authorize?client_id=https%3A%2F%2Finner.example%2Fx"
                      "&redirect_uri=http%3A%2F%2Flocalhost%2Fcallback&response_type=code")
            facts["inner document"] = page.locator("main").inner_text()
            page.goto(f"{URL}/")
            facts["me"] = page.locator("main").inner_text()
        facts["fetched"] = Documents.fetched
        facts["clients"] = json.loads(relay.run("clients", "--json"))
        end_of_a_stream(relay)
        relay.run("people", "revoke", "anna")
        facts["left"] = json.loads(relay.run("clients", "--json"))["grants"]
    finally:
        serving.terminate()
        serving.wait(30)
        with open(f"{options.folder}/log", encoding="utf-8") as log:
            facts["log"] = log.read()
    print(json.dumps(facts))


main()
