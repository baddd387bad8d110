"""asyncssh: a terminal with bash and a marker, `run` on a warm connection, a fresh connection."""

import asyncio

import asyncssh

import peer


def connect(tunnel=()):
    return asyncssh.connect(
        peer.HOST, peer.PORT, username=peer.USER, client_keys=[peer.KEY], known_hosts=peer.KNOWN,
        config=None, tunnel=tunnel,
    )


async def main():
    if peer.ROW == "cold":

        async def operation():
            async with connect() as link:
                await link.run("true", check=True)

        return await peer.serve_async(operation)
    if peer.ROW == "many":

        async def one():
            async with connect() as link:
                await link.run("true", check=True)

        return await peer.serve_async(lambda: asyncio.gather(*(one() for _ in range(100))))
    async with connect() as link:
        if peer.ROW == "exec":
            return await peer.serve_async(lambda: link.run("true", check=True))
        if peer.ROW.startswith("file-"):
            async with link.start_sftp_client() as files:
                copy = files.get if peer.ROW == "file-get" else files.put
                return await peer.serve_async(
                    lambda: copy(f"{peer.FILES}/source", f"{peer.FILES}/asyncssh")
                )
        if peer.ROW == "channels":
            return await peer.serve_async(
                lambda: asyncio.gather(*(link.run("true", check=True) for _ in range(8)))
            )
        if peer.ROW == "jump":
            async with connect(link) as inner:
                return await peer.serve_async(lambda: inner.run("true", check=True))
        shell = await link.create_process(term_type="dumb", encoding=None)
        mark = b"\x1b]end;"

        async def operation():
            shell.stdin.write(b"echo hi; printf '\\033]end;%s\\a' $?\n")
            await shell.stdout.readuntil(b"\x07")
        shell.stdin.write(b"PS1=; stty -echo; printf '\\033]end;%s\\a' $?\n")
        seen = await shell.stdout.readuntil(b"\x07")
        while mark not in seen:
            seen = await shell.stdout.readuntil(b"\x07")
        await operation()
        await peer.serve_async(operation)
        shell.close()


asyncio.run(main())
