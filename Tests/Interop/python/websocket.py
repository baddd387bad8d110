"""The WebSocket of the library `websockets`, as an echo server or as a client of one.

`server`: prints its port, and serves until its input ends. `client PORT`: sends messages of many
sizes in fragments, pings, checks what comes back, and closes; prints the number of bytes.
"""

import asyncio
import sys

import websockets

SIZES = [0, 1, 125, 126, 65535, 65536, 300_000]


async def server():
    async def echo(peer):
        async for message in peer:
            await peer.ping()
            # In two fragments.
            await peer.send([message[: len(message) // 2], message[len(message) // 2 :]])

    async with websockets.serve(
        echo, "127.0.0.1", 0, subprotocols=["echo.1"], compression=None
    ) as serving:
        print(serving.sockets[0].getsockname()[1], flush=True)
        await asyncio.to_thread(sys.stdin.read)


async def client(port):
    total = 0
    async with websockets.connect(
        f"ws://127.0.0.1:{port}/x", subprotocols=["echo.1"], compression=None, max_size=None
    ) as peer:
        for size in SIZES:
            await (await peer.ping())
            message = bytes(number % 251 for number in range(size))
            await peer.send([message[: size // 3], message[size // 3 :]])
            back = b""
            while len(back) < size:
                back += await peer.recv()
            assert back == message, size
            total += len(back)
    assert peer.close_code == 1000, peer.close_code
    print(total)


asyncio.run(server() if sys.argv[1] == "server" else client(int(sys.argv[2])))
