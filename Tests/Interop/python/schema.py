"""Checks what the server sent against the JSON Schema of the revision in use.

A response is checked against the result type of the method it answers, an error against the
error response, a notification against the union of server notifications.
"""

import json
import os

import jsonschema

RESULTS = {
    "server/discover": "DiscoverResult",
    "initialize": "InitializeResult",
    "ping": "EmptyResult",
    "logging/setLevel": "EmptyResult",
    "tools/list": "ListToolsResult",
    "tools/call": "CallToolResult",
    "resources/list": "ListResourcesResult",
    "resources/templates/list": "ListResourceTemplatesResult",
    "resources/read": "ReadResourceResult",
    "prompts/list": "ListPromptsResult",
    "prompts/get": "GetPromptResult",
    "completion/complete": "CompleteResult",
    "subscriptions/listen": "SubscriptionsListenResult",
}


class Schema:
    def __init__(self, folder, version):
        with open(os.path.join(folder, version, "schema.json"), encoding="utf-8") as file:
            self.schema = json.load(file)
        self.place = "$defs" if "$defs" in self.schema else "definitions"
        self.kind = (
            jsonschema.Draft202012Validator if self.place == "$defs" else jsonschema.Draft7Validator
        )
        self.names = self.schema[self.place]
        self.validators = {}

    def problems(self, name, value):
        if name not in self.validators:
            root = {self.place: self.names, "$ref": f"#/{self.place}/{name}"}
            self.validators[name] = self.kind(root)
        error = jsonschema.exceptions.best_match(self.validators[name].iter_errors(value))
        return [f"{name}: {error.json_path}: {error.message[:300]}"] if error else []

    def first(self, *names):
        return next(name for name in names if name in self.names)


def check(folder, version, messages):
    """The number of server messages checked, and what is wrong with them."""
    schema = Schema(folder, version)
    methods, problems, count = {}, [], 0
    for direction, message in messages:
        if direction == "sent" and "method" in message and "id" in message:
            methods[json.dumps(message["id"])] = message["method"]
    for direction, message in messages:
        if direction != "received":
            continue
        count += 1
        if "method" in message:
            union = "ServerRequest" if "id" in message else "ServerNotification"
            problems += schema.problems(union, message)
        elif "error" in message:
            name = schema.first("JSONRPCErrorResponse", "JSONRPCError")
            problems += schema.problems(name, message)
        else:
            name = schema.first("JSONRPCResultResponse", "JSONRPCResponse")
            problems += schema.problems(name, message)
            method = methods.get(json.dumps(message.get("id")))
            if method is None:
                problems.append(f"a response to nothing: {json.dumps(message)[:200]}")
            elif method in RESULTS and RESULTS[method] in schema.names:
                problems += schema.problems(RESULTS[method], message["result"])
    return count, problems
