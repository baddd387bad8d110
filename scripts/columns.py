#!/usr/bin/env python3
"""Fails on lines of comments with more than 100 columns: part of `make lint`, as the formatter leaves
comments as they are. Reads the files that git knows: Swift, Python, shell and the Makefile.
"""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
MOST = 100
# How a line that is a comment begins, by the end of the file's name.
COMMENT = {".swift": re.compile(r"\s*//"), ".py": re.compile(r"\s*#"), ".sh": re.compile(r"\s*#"),
           "": re.compile(r"\s*#")}


def problems():
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True).stdout
    for name in filter(None, names.decode().split("\0")):
        path = ROOT / name
        begin = COMMENT.get(path.suffix)
        if begin is None or path.name == "LICENSE" or not path.is_file():
            continue
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
            if len(line) > MOST and begin.match(line):
                yield f"{name}:{number}: a comment of {len(line)} columns, at most {MOST}"


found = list(problems())
print(*found, sep="\n", end="\n" if found else "", file=sys.stderr)
sys.exit(1 if found else 0)
