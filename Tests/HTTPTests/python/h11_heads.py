"""What h11 makes of HTTP request heads: the other side of HeadDifferenceTests.

Reads from standard input a head's length in bytes on a line, then the head, again and again. Prints
one line for each: `ok` with method, target, version, framing and fields, or `more`, or `bad`. The
parts are separated by U+0001, and each byte is the character with its number.
"""

import sys

import h11
from h11._connection import _body_framing

MARK = "\x01"


def text(data):
    return bytes(data).decode("latin-1")


def verdict(head):
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 20)
    connection.receive_data(head)
    try:
        event = connection.next_event()
    except h11.RemoteProtocolError as error:
        return f"bad{MARK}{error}"
    if event is h11.NEED_DATA:
        return "more"
    kind, size = _body_framing(event.method, event)
    framing = "chunked" if kind == "chunked" else f"{size[0]}"
    parts = [text(event.method), text(event.target), text(event.http_version), framing]
    parts += [f"{text(name)}:{text(value)}" for name, value in event.headers]
    return MARK.join(["ok"] + parts)


def main():
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    while size := source.readline():
        line = verdict(source.read(int(size))).replace("\n", " ").replace("\r", " ")
        sink.write(line.encode() + b"\n")
    sink.flush()


main()
