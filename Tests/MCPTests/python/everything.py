"""A public MCP client against the fixture program: everything beside asking and tasks.

    everything.py CLIENT MODE PLACE     CLIENT: mcp or fastmcp; MODE: auto, legacy or a revision;
                                        PLACE: a URL, or the path of the program for stdio

Prints one JSON object of what the client saw.
"""

import asyncio
import json
import sys
import warnings

import mcp.types as types
from mcp.client.subscriptions import SubscriptionLost, listen

warnings.filterwarnings("ignore")
WATCHED = "test://watched-resource"


def client(name, mode, place, log, message):
    is_url = place.startswith("http")
    if name == "mcp":
        from mcp.client.client import Client
        from mcp.client.stdio import StdioServerParameters, stdio_client

        server = place if is_url else stdio_client(StdioServerParameters(command=place))
        level = None if mode == "legacy" else "info"
        return Client(
            server, mode=mode, read_timeout_seconds=20, logging_callback=log, log_level=level,
            message_handler=message,
        )
    from fastmcp import Client
    from fastmcp.client.transports import StdioTransport

    server = place if is_url else StdioTransport(command=place, args=[], keep_alive=False)
    return Client(server, mode=mode, timeout=20, log_handler=log, message_handler=message)


async def until(condition, seconds=10):
    for _ in range(seconds * 50):
        if condition():
            return True
        await asyncio.sleep(0.02)
    return False


async def main(name, mode, place):
    logs, progress, notices = [], [], []

    async def log(params):
        logs.append(params.data["msg"] if isinstance(params.data, dict) else params.data)

    async def message(one):
        method = getattr(getattr(one, "root", one), "method", None)
        if method:
            notices.append(method)

    async def note(value, total, text):
        progress.append([value, total, text])

    report = {}
    async with client(name, mode, place, log, message) as one:
        session = one.session
        report["version"] = session.protocol_version
        call = one.call_tool if name == "mcp" else one.call_tool_mcp
        tools = await one.list_tools()
        report["first"] = getattr(tools, "tools", tools)[0].name
        report["text"] = (await call("test_simple_text", {})).content[0].text
        report["kinds"] = [
            block.type for block in (await call("test_multiple_content_types", {})).content
        ]
        report["failed"] = (await call("test_error_handling", {})).is_error
        handler = {"progress_callback": note} if name == "mcp" else {"progress_handler": note}
        await call("test_tool_with_progress", {}, **handler)
        report["progress"] = [value for value, _, _ in progress]
        if session.protocol_version < "2026":
            await one.set_logging_level("info")
        await call("test_tool_with_logging", {})
        await until(lambda: len(logs) >= 3)
        report["logs"] = logs[:3]
        report["header"] = (await call("test_x_mcp_header", {"region": "Zürich"})).content[0].text

        resources = await one.list_resources()
        report["resources"] = [str(r.uri) for r in getattr(resources, "resources", resources)]
        for key, uri in [
            ("static", "test://static-text"), ("template", "test://template/123/data"),
        ]:
            read = await one.read_resource(uri)
            report[key] = getattr(read, "contents", read)[0].text
        try:
            await one.read_resource("test://no")
        except Exception as error:
            report["missing"] = getattr(error, "code", None) or error.error.code
        got = await one.get_prompt(
            "test_prompt_with_arguments", {"arg1": "hello", "arg2": "world"}
        )
        report["prompt"] = got.messages[0].content.text
        ref = types.PromptReference(type="ref/prompt", name="test_prompt_with_arguments")
        values = await session.complete(ref=ref, argument={"name": "arg1", "value": "par"})
        report["completion"] = values.completion.values

        waiting = asyncio.create_task(call("test_wait", {}))
        await asyncio.sleep(0.3)
        waiting.cancel()
        count = "0"
        for _ in range(200):
            count = (await call("test_cancelled_count", {})).content[0].text
            if count != "0":
                break
            await asyncio.sleep(0.05)
        report["cancelled"] = count

        if session.protocol_version >= "2026":
            events = []
            async with listen(
                session, tools_list_changed=True, resource_subscriptions=[WATCHED, "test://no"]
            ) as stream:
                report["granted"] = stream.honored.model_dump(exclude_none=True, by_alias=True)
                for tool in ["tool_change", "prompt_change", "resource_update"]:
                    await call(f"test_trigger_{tool}", {})
                for _ in range(2):
                    events.append(type(await asyncio.wait_for(anext(stream), 10)).__name__)
                await call("test_end_subscriptions", {})
                try:
                    await asyncio.wait_for(anext(stream), 10)
                    report["end"] = "an event"
                except StopAsyncIteration:
                    report["end"] = "graceful"
                except SubscriptionLost:
                    report["end"] = "lost"
            report["told"] = sorted(events)
        else:
            await session.subscribe_resource(WATCHED)
            for tool in ["tool_change", "prompt_change", "resource_update"]:
                await call(f"test_trigger_{tool}", {})
            told = lambda: sorted(m for m in notices if "changed" in m or "updated" in m)
            await until(lambda: len(told()) >= 3)
            report["told"] = told()
            await session.unsubscribe_resource(WATCHED)
            again = await call("test_reconnection", {})
            report["reconnected"] = again.content[0].text
    print(json.dumps(report))


asyncio.run(main(*sys.argv[1:]))
