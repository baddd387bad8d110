"""Keeps every JSON-RPC message a public client sends and receives, below the client.

Over HTTP a transport tees request and response bodies; over stdio `tee` copies both pipes.
`Recording.messages()` gives (direction, message) pairs: "sent" by the client or "received".
"""

import json
import os
import shlex
import tempfile

import httpx2


class Recording:
    def __init__(self):
        self.exchanges = []  # HTTP: [request body, response content type, response bytes, status]
        self.folder = tempfile.TemporaryDirectory()

    # HTTP ------------------------------------------------------------------------------------
    def http_client(self, headers=None, timeout=None, auth=None, **_):
        return httpx2.AsyncClient(
            headers=headers,
            timeout=timeout or httpx2.Timeout(30),
            auth=auth,
            transport=_Tee(self),
        )

    # stdio -----------------------------------------------------------------------------------
    def stdio_command(self, command):
        sent, received = self._pipes()
        quoted = " ".join(shlex.quote(word) for word in command)
        return "sh", ["-c", f"tee {shlex.quote(sent)} | {quoted} | tee {shlex.quote(received)}"]

    def _pipes(self):
        return [os.path.join(self.folder.name, name) for name in ("sent", "received")]

    # reading ---------------------------------------------------------------------------------
    def messages(self):
        found = []
        for body, kind, data, _ in self.exchanges:
            found += [("sent", m) for m in _flat([json.loads(body)] if body else [])]
            text = bytes(data).decode()
            if kind.startswith("application/json") and text:
                found += [("received", m) for m in _flat([json.loads(text)])]
            elif kind.startswith("text/event-stream"):
                found += [("received", m) for m in _flat(_events(text))]
        for direction, path in zip(("sent", "received"), self._pipes()):
            if os.path.exists(path):
                with open(path, encoding="utf-8") as lines:
                    found += [(direction, json.loads(line)) for line in lines if line.strip()]
        return found


def _flat(messages):
    return [m for one in messages for m in (one if isinstance(one, list) else [one])]


def _events(text):
    for event in text.replace("\r\n", "\n").split("\n\n"):
        data = [line[5:].lstrip(" ") for line in event.split("\n") if line.startswith("data:")]
        joined = "\n".join(data)
        if joined:
            yield json.loads(joined)


class _Tee(httpx2.AsyncHTTPTransport):
    def __init__(self, recording):
        super().__init__()
        self.recording = recording

    async def handle_async_request(self, request):
        response = await super().handle_async_request(request)
        data = bytearray()
        kind = response.headers.get("content-type", "")
        self.recording.exchanges.append((request.content, kind, data, response.status_code))
        response.stream = _TeeStream(response.stream, data)
        return response


class _TeeStream(httpx2.AsyncByteStream):
    def __init__(self, inner, data):
        self.inner, self.data = inner, data

    async def __aiter__(self):
        async for piece in self.inner:
            self.data += piece
            yield piece

    async def aclose(self):
        await self.inner.aclose()
