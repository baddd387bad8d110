"""Checks MCP messages against the schema of their revision.

One JSON object a line on standard input: revision, definition, value. One line back: `ok`, or what
is wrong. Used by SchemaCheck.swift for every message the server sends in a test.
"""

import functools
import json
import pathlib
import sys

import jsonschema

folder = pathlib.Path(sys.argv[1])


@functools.cache
def document(revision):
    return json.loads((folder / revision / "schema.json").read_text())


@functools.cache
def validator(revision, definition):
    whole = document(revision)
    key = "$defs" if "$defs" in whole else "definitions"
    if definition not in whole[key]:
        return None
    schema = {"$schema": whole["$schema"], "$ref": f"#/{key}/{definition}", key: whole[key]}
    return jsonschema.validators.validator_for(schema)(schema)


for line in sys.stdin:
    asked = json.loads(line)
    check = validator(asked["revision"], asked["definition"])
    if check is None:
        answer = f"no definition {asked['definition']} in {asked['revision']}"
    else:
        errors = [f"{error.json_path}: {error.message}" for error in check.iter_errors(asked["value"])]
        answer = "; ".join(errors).replace("\n", " ") or "ok"
    print(answer, flush=True)
