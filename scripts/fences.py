#!/usr/bin/env python3
"""Checks the code against the plan of its rooms (scripts/arrows.txt): part of `make lint`.

Fails on an arrow that the plan does not have (a type or function of one room named in another, a
module imported by another), on an arrow of the plan that nothing uses, on a cycle, and on a type
with more than fifteen stored properties. Reads only the sources; builds nothing.

    scripts/fences.py [--print]     --print: the actual arrows, to compare with the plan
"""

import collections
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
PLAN = pathlib.Path("scripts/arrows.txt")
# The folders whose rooms are their sub-folders, and the folder whose rooms are modules.
PROGRAMS = ["agent", "relay", "protocol"]
MODULES = "Sources"
# Stored properties of a type: what a reader can keep in mind, with room for a handful of callbacks.
MOST_PROPERTIES = 15

# MARK: Tokens


class Token(collections.namedtuple("Token", "text isFirst line")):
    """A word or a sign; isFirst: it is the first on its line."""


WORD = re.compile(r"[^\W\d]\w*|`[^`\n]+`")
NUMBER = re.compile(r"\d[\w.]*")
STRING = re.compile(r'(#*)("""|")')


def tokens(text):
    """The tokens of Swift code: without comments and the text of strings, with interpolations."""
    found, at, line, fresh = [], 0, 1, True

    def add(word):
        nonlocal fresh
        found.append(Token(word, fresh, line))
        fresh = False

    # Inside strings: how each ends, and the depth of the parentheses in an interpolation.
    strings = []
    while at < len(text):
        if strings and strings[-1][1] == 0:
            hashes, _, quote = strings[-1][0]
            if text.startswith(quote + hashes, at):
                at += len(quote + hashes)
                strings.pop()
            elif text.startswith("\\" + hashes + "(", at):
                at += len(hashes) + 2
                strings[-1][1] = 1
            elif text.startswith("\\" + hashes, at):
                at += len(hashes) + 2
            else:
                line += text[at] == "\n"
                at += 1
            continue
        character = text[at]
        if character == "\n":
            line, fresh, at = line + 1, True, at + 1
        elif character.isspace():
            at += 1
        elif text.startswith("//", at):
            end = text.find("\n", at)
            at = len(text) if end < 0 else end
        elif text.startswith("/*", at):
            end = text.find("*/", at) + 2
            line += text.count("\n", at, end)
            at = end
        elif match := STRING.match(text, at):
            add('""')
            strings.append([(match[1], line, match[2]), 0])
            at = match.end()
        elif match := WORD.match(text, at) or NUMBER.match(text, at):
            add(match[0].strip("`"))
            at = match.end()
        else:
            if strings and character in "()":
                strings[-1][1] += 1 if character == "(" else -1
            if not (strings and strings[-1][1] == 0):
                add(character)
            at += 1
    return found


# MARK: Declarations

KINDS = {"class", "struct", "enum", "actor", "protocol", "extension", "typealias"}
HIDDEN = {"private", "fileprivate"}
PAIRS = {"(": ")", "[": "]", "{": "}"}
# Signs after which, and before which, a statement continues on the next line: `Int?` may end one.
OPEN_END, OPEN_START = set("=+-*/%<&|^~:,."), set("=+-*/%<>&|^~?:,.{")


class File:
    """What one file declares and names."""

    def __init__(self, path):
        self.path = path
        self.tokens = tokens(path.read_text())
        self.declared = set()  # names that other files can use
        self.nested = set()  # names of types inside of types
        self.types = []  # (name, line, stored properties)
        self.body(0, [], None)

    def after(self, at):
        """The position after the bracket that opens at `at` and its contents."""
        closing = [PAIRS[self.tokens[at].text]]
        at += 1
        while closing and at < len(self.tokens):
            text = self.tokens[at].text
            if text in PAIRS:
                closing.append(PAIRS[text])
            elif text == closing[-1]:
                closing.pop()
            at += 1
        return at

    def text(self, at):
        return self.tokens[at].text if at < len(self.tokens) else ""

    def body(self, at, outer, kind):
        """Reads the declarations from `at` to the end of the body; the stored properties and where
        it ends."""
        properties, modifiers = 0, set()
        while at < len(self.tokens):
            text = self.text(at)
            if text == "}":
                return properties, at + 1
            if text in KINDS and (self.text(at + 1) or "_")[0].isupper():
                at = self.type(at, outer, modifiers)
                modifiers = set()
            elif text in ("let", "var"):
                count, at = self.property(at + 1)
                if "static" not in modifiers and "class" not in modifiers:
                    properties += count
                modifiers = set()
            elif text == "func":
                if not outer and not modifiers & HIDDEN:
                    self.declared.add(self.text(at + 1))
                at, modifiers = at + 2, set()
            elif text == "@":
                at += 2
                if self.text(at) == "(" and not self.tokens[at].isFirst:
                    at = self.after(at)
            elif text in PAIRS:
                # `private(set)` keeps the modifiers before it; a function's body ends them.
                if text == "{":
                    modifiers = set()
                elif modifiers & HIDDEN and self.text(at + 1) == "set":
                    modifiers -= HIDDEN
                at = self.after(at)
            else:
                modifiers.add(text)
                at += 1
        return properties, at

    def type(self, at, outer, modifiers):
        kind, line = self.text(at), self.tokens[at].line
        name = self.text(at + 1)
        at += 2
        path = outer + [name]
        while kind == "extension" and self.text(at) == ".":
            path.append(self.text(at + 1))
            at += 2
        if kind != "extension" and not modifiers & HIDDEN:
            (self.nested if outer else self.declared).add(name)
        if kind == "typealias":
            return at
        while self.text(at) not in ("{", ""):
            at = self.after(at) if self.text(at) in PAIRS else at + 1
        properties, at = self.body(at + 1, path, kind)
        if kind in ("class", "struct", "actor"):
            self.types.append((".".join(path), line, properties))
        return at

    def property(self, at):
        """The stored properties that a `let` or `var` declares, and where the declaration ends."""
        count = 0
        while True:
            if self.text(at) == "(":
                end = self.after(at)
                names = sum(token.text == "," for token in self.tokens[at:end]) + 1
                at = end
            else:
                names, at = 1, at + 1
            at, hasValue = self.value(at)
            if self.text(at) == "{":
                # Accessors: only observers can follow a stored value.
                if not hasValue and self.text(at + 1) not in ("willSet", "didSet"):
                    names = 0
                at = self.after(at)
            count += names
            if self.text(at) != ",":
                return count, at
            at += 1

    def value(self, at):
        """Skips a property's type and value; returns their end, and whether there is a value."""
        hasValue, angles, start = False, 0, at
        while at < len(self.tokens):
            token = self.tokens[at]
            before = self.text(at - 1)
            if token.isFirst and not (before in OPEN_END or token.text in OPEN_START):
                break
            if token.text == "}" or token.text == "," and angles == 0:
                break
            if token.text == "{" and not hasValue:
                break
            if token.text == "=" and angles == 0:
                hasValue = True
            elif not hasValue and token.text in "<>" and before + token.text != "->":
                angles += 1 if token.text == "<" else -1
            # A closure, or observers after the value.
            at = self.after(at) if token.text in PAIRS else at + 1
        return at, hasValue

    def names(self):
        """The names it uses: of types, and of functions that are called; without those behind a
        dot, which belong to what stands before it."""
        for at, token in enumerate(self.tokens):
            text = token.text
            isQualified = at > 0 and self.text(at - 1) == "." and self.text(at - 2) != "."
            if text == '""' or isQualified or self.text(at - 1) == "func" or not (text[0].isalpha() or text[0] == "_"):
                continue
            if text[0].isupper() or self.text(at + 1) == "(":
                yield text, token.line


# MARK: The plan


class Plan:
    """The checked-in list: for each program the rooms from top to bottom and what each may name."""

    def __init__(self, path):
        self.rooms = collections.defaultdict(dict)
        self.wide = {}
        part = None
        for number, line in enumerate(path.read_text().splitlines(), 1):
            line = line.split("#")[0].strip()
            if match := re.fullmatch(r"\[(\w+)\]", line):
                part = match[1]
            elif part == "wide" and (match := re.fullmatch(r"(\S+) (\d+): (.+)", line)):
                self.wide[match[1]] = int(match[2])
            elif part and (match := re.fullmatch(r"(\w+):(.*)", line)):
                self.rooms[part][match[1]] = match[2].split()
            elif line:
                sys.exit(f"{PLAN}:{number}: neither [PART] nor ROOM: ROOM …")

    def problems(self):
        for part, rooms in self.rooms.items():
            order = list(rooms)
            for room, named in rooms.items():
                for other in named:
                    if other not in rooms:
                        yield f"{PLAN}: {part}: {room} may name {other}, which is not a room"
                    elif order.index(other) <= order.index(room):
                        yield (f"{PLAN}: {part}: {room} may name {other}, which does not stand "
                               "below it: arrows go down the list")


def circle(arrows):
    """A cycle among the arrows as a list of rooms, or None."""
    done, way = set(), []

    def visit(room):
        if room in way:
            return way[way.index(room):] + [room]
        if room in done:
            return None
        way.append(room)
        for other in sorted(arrows.get(room, ())):
            if found := visit(other):
                return found
        done.add(way.pop())
        return None

    return next((found for room in sorted(arrows) if (found := visit(room))), None)


# MARK: What the code does

def room_of(path, part):
    folders = path.relative_to(ROOT / part).parts[:-1]
    return folders[0] if folders else "Root"


def named(files, part):
    """Which room names which, with one example each: {room: {other: "file:line names X"}}."""
    homes, nested = collections.defaultdict(set), collections.defaultdict(set)
    for file in files:
        room = room_of(file.path, part)
        for name in file.declared:
            homes[name].add(room)
        nested[room] |= file.nested
    arrows = collections.defaultdict(dict)
    for file in files:
        room = room_of(file.path, part)
        for name, line in file.names():
            rooms = homes.get(name, set())
            # A name that this room also declares, even inside a type, is its own.
            if not rooms or room in rooms or name in nested[room]:
                continue
            for other in rooms:
                where = f"{file.path.relative_to(ROOT)}:{line} names {name}"
                arrows[room].setdefault(other, where)
    return arrows


IMPORT = re.compile(r"^(?:\w+ )?import (\w+)", re.MULTILINE)


def imported(files, modules):
    arrows = collections.defaultdict(dict)
    for file in files:
        room = room_of(file.path, MODULES)
        for match in IMPORT.finditer(file.path.read_text()):
            if match[1] in modules and match[1] != room:
                where = f"{file.path.relative_to(ROOT)} imports {match[1]}"
                arrows[room].setdefault(match[1], where)
    return arrows


def against(plan, part, arrows, present):
    rooms = plan.rooms[part]
    for room in sorted(present - set(rooms)):
        yield f"{part}/{room}: not in {PLAN}: give it its place there"
    for room in sorted(set(rooms) - present):
        yield f"{PLAN}: {part}: there is no room {room}: take it out"
    for room, others in sorted(arrows.items()):
        for other, where in sorted(others.items()):
            if other not in rooms.get(room, ()):
                yield f"{where}: {part}: {room} may not name {other} ({PLAN})"
    for room, others in rooms.items():
        for other in others:
            if room in present and other not in arrows.get(room, {}):
                yield f"{PLAN}: {part}: {room} does not name {other} any more: take it out"
    if found := circle(arrows):
        steps = "; ".join(arrows[a][b] for a, b in zip(found, found[1:]))
        yield f"{part}: a circle: {' → '.join(found)} ({steps})"


def wide(plan, files):
    left = dict(plan.wide)
    for file in files:
        for name, line, count in file.types:
            where = file.path.relative_to(ROOT)
            most = left.pop(f"{where.parts[0]}/{name}", MOST_PROPERTIES)
            if count > most:
                yield f"{where}:{line}: {name} has {count} stored properties, at most {most}"
            elif MOST_PROPERTIES < most and count <= MOST_PROPERTIES:
                yield f"{PLAN}: {name} has {count} stored properties: take it out of [wide]"
    for name in left:
        yield f"{PLAN}: there is no type {name}: take it out of [wide]"


def main():
    plan = Plan(ROOT / PLAN)
    problems = list(plan.problems())
    everything = []
    for part in PROGRAMS + [MODULES]:
        files = [File(path) for path in sorted((ROOT / part).rglob("*.swift"))]
        everything += files
        present = {room_of(file.path, part) for file in files}
        if part == MODULES:
            modules = {path.name for path in (ROOT / part).iterdir() if path.is_dir()}
            arrows = imported(files, modules)
            present = modules
        else:
            arrows = named(files, part)
        if "--print" in sys.argv:
            print(f"[{part}]")
            for room in sorted(present):
                print(f"{room}:", *sorted(arrows.get(room, ())))
                for other, where in sorted(arrows.get(room, {}).items()):
                    print(f"    # {other}: {where}")
            continue
        problems += against(plan, part, arrows, present)
    problems += wide(plan, everything)
    if "--print" in sys.argv:
        problems = []
    for problem in problems:
        print(problem, file=sys.stderr)
    sys.exit(1 if problems else 0)


main()
