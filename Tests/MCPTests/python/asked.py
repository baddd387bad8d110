"""A public MCP client that can be asked, against mcp-everything; prints a JSON object a line.

Arguments: the client (mcp, fastmcp), the fixture's URL, and the path of its program, which is then
started on standard input and output. The client is tried in each mode at both: auto, pinned to the
modern revision, pinned to the handshake.
"""

import asyncio
import json
import sys
import warnings
from typing import Literal

warnings.filterwarnings("ignore")
TASKS = "io.modelcontextprotocol/tasks"
ROUNDS = "test_input_required_result_"
VALUES = {"name": "Ada", "color": "red", "ok": True, "username": "ada", "email": "a@b.c"}
VALUES |= {"untitledMulti": ["option1"], "context": "sea"}


def answers(properties):
    return {key: value for key, value in VALUES.items() if key in properties}


def text(result):
    return result.content[0].text


def mcp_client(target, mode, seen):
    import mcp_types as types
    from mcp.client.client import Client
    from mcp.client.extension import ClientExtension, ResultClaim
    from pydantic import BaseModel

    async def elicit(context, params):
        seen.append(params.message)
        content = answers(params.requested_schema["properties"])
        return types.ElicitResult(action="accept", content=content)

    async def sample(context, params):
        content = types.TextContent(type="text", text="Bonjour")
        return types.CreateMessageResult(role="assistant", model="m", content=content)

    async def roots(context):
        return types.ListRootsResult(roots=[types.Root(uri="file:///home", name="home")])

    class Created(types.Result):
        result_type: Literal["task"] = "task"
        task_id: str
        status: str
        poll_interval_ms: int | None = None

    class TaskParams(types.RequestParams):
        task_id: str

    class Get(types.Request[TaskParams, Literal["tasks/get"]]):
        method: Literal["tasks/get"] = "tasks/get"
        params: TaskParams
        # The parameter that Mcp-Name repeats.
        name_param = "taskId"

    class Got(types.Result):
        status: str
        result: dict | None = None
        error: dict | None = None

    async def resolve(created, context):
        while True:
            request = Get(params=TaskParams(task_id=created.task_id))
            got = await context.session.send_request(request, Got)
            if got.status not in ("working", "input_required"):
                break
            await asyncio.sleep((created.poll_interval_ms or 100) / 1000)
        if got.result is None:
            return types.CallToolResult(content=[types.TextContent(type="text", text=json.dumps(got.error))])
        return types.CallToolResult.model_validate(got.result)

    class Tasks(ClientExtension):
        identifier = TASKS

        def claims(self):
            return [ResultClaim(result_type="task", model=Created, resolve=resolve)]

    client = Client(
        target, mode=mode, read_timeout_seconds=20, elicitation_callback=elicit,
        sampling_callback=sample, list_roots_callback=roots, extensions=[Tasks()],
    )
    return client, client.call_tool, client.get_prompt


def fastmcp_client(target, mode, seen):
    from fastmcp import Client

    async def elicit(message, response_type, params, context):
        seen.append(message)
        return answers(params.requested_schema["properties"])

    async def sample(messages, params, context):
        return "Bonjour"

    client = Client(
        target, mode=mode, timeout=20, elicitation_handler=elicit, sampling_handler=sample,
        roots=["file:///home"],
    )
    return client, client.call_tool_mcp, client.get_prompt


def target_of(name, place):
    if place.startswith("http"):
        return place
    if name == "fastmcp":
        from fastmcp.client.transports import StdioTransport

        return StdioTransport(command=place, args=[])
    from mcp import StdioServerParameters

    return StdioServerParameters(command=place, args=[])


async def main(name, mode, place):
    seen = []
    make = mcp_client if name == "mcp" else fastmcp_client
    client, call, get_prompt = make(target_of(name, place), mode, seen)
    report = {"texts": {}}
    async with client:
        report["version"] = getattr(client, "protocol_version", None) or client.session.protocol_version
        tools = {
            "test_sampling": {"prompt": "Hi"}, "test_elicitation": {"message": "Who?"},
            "test_elicitation_sep1034_defaults": {}, "test_elicitation_sep1330_enums": {},
        }
        for tool in ("elicitation", "sampling", "list_roots", "request_state", "multiple_inputs", "multi_round"):
            tools[ROUNDS + tool] = {}
        if name == "mcp" and mode != "legacy":
            tools |= {"slow_compute": {"seconds": 0.2}, "failing_job": {}, "protocol_error_job": {}}
            tools["test_tool_with_task"] = {}
        for tool, arguments in tools.items():
            report["texts"][tool] = text(await call(tool, arguments))
        prompt = await get_prompt(ROUNDS + "prompt", {})
        report["prompt"] = prompt.messages[0].content.text
    report["seen"] = seen
    report["case"] = [mode, "http" if place.startswith("http") else "stdio"]
    print(json.dumps(report))


for place in sys.argv[2:]:
    for mode in ("auto", "2026-07-28", "legacy"):
        asyncio.run(main(sys.argv[1], mode, place))
