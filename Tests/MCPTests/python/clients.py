"""A public MCP client against the fixture server; prints one JSON object of what it saw."""

import asyncio
import json
import sys
import warnings

warnings.filterwarnings("ignore")


async def main(name, mode, url):
    seen = []

    async def progress(value, total, message):
        seen.append([value, total, message])

    if name == "mcp":
        from mcp.client.client import Client

        client = Client(url, mode=mode, read_timeout_seconds=20)
        call = client.call_tool
    else:
        from fastmcp import Client

        client = Client(url, mode=mode, timeout=20)
        call = client.call_tool_mcp
    report = {}
    async with client:
        report["version"] = getattr(client, "protocol_version", None) or client.session.protocol_version
        tools = await client.list_tools()
        report["tools"] = [tool.name for tool in getattr(tools, "tools", tools)]
        echo = await call("echo", {"text": "hé\u2028\n"})
        report["echo"] = echo.structured_content
        many = await asyncio.gather(*(call("echo", {"text": str(n)}) for n in range(50)))
        report["many"] = [one.structured_content["text"] for one in many]
        loose = {"text": "a", "times": "2", "mode": None, "toolCallId": "x", "sessionId": "y"}
        report["loose"] = (await call("echo", loose)).structured_content
        bad = await call("echo", {"text": 1})
        report["bad"] = bad.is_error
        if name == "mcp":
            steps = await client.call_tool("steps", {}, progress_callback=progress)
            report["progress"] = [value for value, _, _ in seen]
        else:
            steps = await client.call_tool_mcp("steps", {}, progress_handler=progress)
            report["progress"] = [value for value, _, _ in seen]
        report["lines"] = steps.content[0].text
        try:
            await call("none", {})
            report["unknown"] = None
        except Exception as error:
            report["unknown"] = getattr(error, "code", None) or error.error.code
        resource = await client.read_resource("test://text")
        report["resource"] = getattr(resource, "contents", resource)[0].text
        prompts = await client.list_prompts()
        report["prompts"] = [prompt.name for prompt in getattr(prompts, "prompts", prompts)]
    print(json.dumps(report))


asyncio.run(main(*sys.argv[1:]))
