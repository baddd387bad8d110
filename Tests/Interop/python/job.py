"""The main job, done by a public MCP client against a real relay and agent.

Prints one JSON object: the negotiated version, what each step gave, and what is wrong with any
message the server sent. Tests/Interop asserts on it.
"""

import argparse
import asyncio
import json
import os
import urllib.parse
import warnings

import jsonschema

import record
import schema

warnings.filterwarnings("ignore")


def connect(options, recording):
    """The client to enter, and a function that calls a tool on it without raising."""
    token = {"Authorization": f"Bearer {options.token}"}
    command = recording.stdio_command([options.program, "stdio", "--data", options.data])
    if options.client == "mcp":
        from mcp.client.client import Client
        from mcp.client.stdio import StdioServerParameters
        from mcp.client.streamable_http import streamable_http_client

        if options.transport == "http":
            http = recording.http_client(headers=token)
            server = streamable_http_client(options.url, http_client=http)
        else:
            server = StdioServerParameters(
                command=command[0], args=command[1], env=dict(os.environ)
            )
        client = Client(server, mode=options.mode, read_timeout_seconds=60)
        return client, lambda name, arguments: client.call_tool(name, arguments)

    from fastmcp import Client
    from fastmcp.client.transports import StdioTransport, StreamableHttpTransport

    if options.transport == "http":
        transport = StreamableHttpTransport(
            options.url, headers=token, httpx_client_factory=recording.http_client
        )
    else:
        transport = StdioTransport(command[0], command[1], env=dict(os.environ), keep_alive=False)
    client = Client(transport, mode=options.mode, timeout=60)
    return client, lambda name, arguments: client.call_tool_mcp(name, arguments)


class Job:
    def __init__(self, call, tools):
        self.call, self.tools = call, tools
        self.steps, self.problems = {}, []

    async def tool(self, step, name, **arguments):
        """Calls a tool; its result must fit the tool's outputSchema and say all of it in text."""
        result = await self.call(name, arguments)
        content = result.structured_content
        text = "\n".join(block.text for block in result.content if block.type == "text")
        if not result.is_error:
            output = self.tools[name].output_schema
            if output is None:
                self.problems.append(f"{name} has no outputSchema")
            else:
                check = jsonschema.Draft202012Validator(output)
                error = jsonschema.exceptions.best_match(check.iter_errors(content))
                if error:
                    self.problems.append(f"{name}: {error.json_path}: {error.message[:300]}")
            shown = (content or {}).get("output", "")
            if shown not in text and json.dumps(shown, ensure_ascii=False)[1:-1] not in text:
                self.problems.append(f"{name}: the text block lacks the output {shown!r}")
        if not text:
            self.problems.append(f"{name}: no text block")
        self.steps[step] = {"is_error": bool(result.is_error), "result": content, "text": text}
        return content or {}

    async def refused(self, step, name, **arguments):
        """Calls what the server must refuse with a JSON-RPC error."""
        try:
            await self.call(name, arguments)
            self.steps[step] = {"code": None}
        except Exception as error:  # every client has its own type for it
            code = getattr(error, "code", None) or getattr(
                getattr(error, "error", None), "code", None
            )
            self.steps[step] = {"code": code, "text": str(error)}

    async def run(self, agent, site):
        await self.tool("agents", "agent_list")
        for _ in range(5):  # a busy machine may need more than the 2 s of a probe
            found = await self.tool("targets", "target_list", agent=agent, probe=True)
            if all(target.get("reachable") for target in found.get("targets", [])):
                break
        for place in (f"{agent}/local", site):
            if not place:
                continue
            kind = "local" if place.endswith("/local") else "site"
            opened = await self.tool(f"{kind} open", "ssh_session_open", target=place)
            session = opened.get("session_id", "")
            for step, command in (
                ("cd", "cd /tmp"),
                ("pwd", "pwd"),
                ("false", "false"),
                ("printf", "printf 'a\\nb'"),
                ("set", "X=kept"),
                ("get", "echo $X"),
                ("wide", "printf 'é\\t漢\\033[31mred\\033[0m\\n'"),
            ):
                await self.tool(
                    f"{kind} {step}", "ssh_session_command", session_id=session, command=command
                )
            await self.tool(
                f"{kind} late", "ssh_session_command", session_id=session,
                command="sleep 3; echo LATE", wait_s=0.2,
            )
            await self.tool(f"{kind} read", "ssh_session_read", session_id=session, wait_s=30)
            await self.tool(f"{kind} list", "ssh_session_list")
            await self.tool(f"{kind} close", "ssh_session_close", session_id=session)
            await self.tool(
                f"{kind} execute", "ssh_execute", target=place,
                command="cat; echo err >&2; exit 4", stdin="in",
            )
            path = f"/tmp/homeline-job-{os.getpid()}-{kind}/deep/file"
            written = await self.tool(
                f"{kind} write", "file_write", target=place, path=path, content="é\n",
                create_dirs=True,
            )
            await self.tool(
                f"{kind} add", "file_write", target=place, path=path, base64="/w==", append=True,
                expect_sha256=written.get("sha256", ""),
            )
            await self.tool(f"{kind} content", "file_read", target=place, path=path, encoding="base64")
            await self.tool(f"{kind} lines", "file_read", target=place, path=path, grep="é")
            folder = path.removesuffix("/deep/file")
            await self.tool(f"{kind} files", "file_list", target=place, path=folder, depth=2)
            await self.tool(
                f"{kind} remove", "ssh_execute", target=place, command=f"rm -r {folder}"
            )
        await self.tool("no agent", "ssh_session_open", target="nowhere/local")
        await self.tool("no session", "ssh_session_command", session_id="none", command="true")
        await self.refused("no tool", "no_such_tool")


async def resource(client, uri):
    """Whether the resource is listed, and what it holds."""
    listed = await client.list_resources()
    uris = [str(entry.uri) for entry in getattr(listed, "resources", listed)]
    read = await client.read_resource(uri)
    contents = getattr(read, "contents", read)
    return {"listed": uri in uris, "text": json.loads(contents[0].text)}


async def extras(client, agent):
    """Templates, a file, completion and a prompt, as this client's own functions give them."""
    templates = await client.list_resource_templates()
    templates = getattr(templates, "resource_templates", None) or getattr(
        templates, "resourceTemplates", templates
    )
    uris = [getattr(one, "uri_template", None) or one.uriTemplate for one in templates]
    path = f"/tmp/homeline-extras-{os.getpid()} ü.txt"
    with open(path, "w", encoding="utf-8") as file:
        file.write("from a file\n")
    try:
        read = await client.read_resource(
            f"homeline://files/{agent}/local{urllib.parse.quote(path)}"
        )
        try:
            missing = await client.read_resource("homeline://sessions/none/transcript")
            missing = repr(missing)
        except Exception as error:  # every client has its own type for it
            missing = getattr(error, "code", None) or getattr(
                getattr(error, "error", None), "code", None
            )
    finally:
        os.remove(path)
    prompts = await client.list_prompts()
    got = await client.get_prompt("first-look", {"target": f"{agent}/local"})
    from mcp import types

    reference = types.PromptReference(type="ref/prompt", name="first-look")
    completed = await client.complete(reference, {"name": "target", "value": agent})
    completed = getattr(completed, "completion", completed)
    return {
        "templates": uris,
        "file": getattr(read, "contents", read)[0].text,
        "missing": missing,
        "prompts": [prompt.name for prompt in getattr(prompts, "prompts", prompts)],
        "messages": [message.content.type for message in got.messages],
        "completed": list(completed.values),
    }


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--client", choices=["mcp", "fastmcp"], required=True)
    parser.add_argument("--mode", choices=["auto", "legacy"], required=True)
    parser.add_argument("--transport", choices=["http", "stdio"], required=True)
    parser.add_argument("--url", default="")
    parser.add_argument("--token", default="")
    parser.add_argument("--program", default="")
    parser.add_argument("--data", default="")
    parser.add_argument("--agent", required=True)
    parser.add_argument("--site", default="")
    parser.add_argument("--schemas", default="")
    options = parser.parse_args()
    recording = record.Recording()
    client, call = connect(options, recording)
    async with client:
        version = client.protocol_version
        listed = await client.list_tools()
        tools = {tool.name: tool for tool in getattr(listed, "tools", listed)}
        for tool in tools.values():
            jsonschema.Draft202012Validator.check_schema(tool.input_schema)
        job = Job(call, tools)
        await job.run(options.agent, options.site)
        stats = await resource(client, "homeline://stats")
        more = await extras(client, options.agent)
    checked, problems = 0, []
    if options.schemas:
        checked, problems = schema.check(options.schemas, version, recording.messages())
    report = {
        "version": version,
        "tools": sorted(tools),
        "steps": job.steps,
        "stats": stats,
        "extras": more,
        "checked": checked,
        "problems": job.problems + problems,
    }
    print(json.dumps(report))


asyncio.run(asyncio.wait_for(main(), 120))
