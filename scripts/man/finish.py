"""Finishes the manual pages that the argument parser's plugin wrote.

Usage: finish.py HELP.json GENERATED_DIR OUTPUT_DIR
HELP.json is what `sandbox --experimental-dump-help` prints. Each page gets the values and defaults of its options, the
sections of scripts/man/*.mdoc, and the form that mdoc wants; then it is checked to name every subcommand and option.
"""

import json
import pathlib
import re
import sys

OWN = pathlib.Path(__file__).parent
# Sections that the pages of programs' runs have.
RUNS = ("run", "exec")


def commands(command, path=()):
    """Every command and subcommand, with the words that lead to it."""
    path = path + (command["commandName"],)
    yield path, command
    for child in command.get("subcommands", []):
        if child["commandName"] != "help" and child.get("shouldDisplay", True):
            yield from commands(child, path)


def values(argument):
    """The values and the default of an option, as --help has them."""
    if "(default:" in argument.get("abstract", ""):
        return ""
    parts = []
    if argument.get("allValues"):
        parts.append("values: " + ", ".join(argument["allValues"]))
    if argument.get("defaultValue") and argument["kind"] != "flag":
        parts.append("default: " + argument["defaultValue"])
    return f"({'; '.join(parts)})" if parts else ""


def sentences(line):
    """Text as mdoc wants it: each sentence on lines of its own, of at most 80 characters."""
    lines = []
    for sentence in re.split(r"(?<=[.:]) (?=[A-Z])", line):
        current = ""
        for word in sentence.split(" "):
            # A line must not begin with what mdoc takes for a request.
            if current and len(current) + len(word) >= 79 and word[0] not in ".'":
                lines.append(current)
                current = word
            else:
                current = f"{current} {word}" if current else word
        lines.append(current)
    return lines


def described(lines, arguments):
    """The list of arguments, with values and defaults."""
    result = []
    argument = None
    for line in lines:
        if line.startswith(".It ") or line == ".El":
            if argument and values(argument):
                result.append(values(argument))
            name = re.match(r"\.It (?:Fl (?:h , )?-(\S+)|Ar (\S+?)(?:\.\.\.)?$)", line)
            argument = name and next(
                (a for a in arguments if name[1] == long_name(a) or name[2] and name[2] == a.get("valueName")), None)
        result.append(line)
    return result


def long_name(argument):
    return next((name["name"] for name in argument.get("names", []) if name["kind"] == "long"), None)


def page_name(path):
    return "-".join(path)


def subcommands(path, command):
    """The section of the main page, and of `image`, that names the subcommands."""
    children = [(p, c) for p, c in commands(command, path[:-1]) if len(p) == len(path) + 1]
    if not children:
        return []
    lines = [".Sh SUBCOMMANDS", ".Bl -tag -width 6n"]
    for child_path, child in children:
        lines += [f".It Xr {page_name(child_path)} 1", *sentences(child["abstract"])]
    return lines + [".El"]


def section(name):
    lines = (OWN / f"{name}.mdoc").read_text().splitlines()
    return [line for line in lines if not line.startswith('.\\"')]


def own_sections(path):
    if len(path) == 1:
        return section("environment") + section("files") + section("exit-status") + section("examples")
    if path[-1] in RUNS:
        return section("exit-status")
    if path[-1] == "judge":
        return section("exit-status-judge")
    return section("exit-status-other")


def finish(path, command, text):
    lines = [line for line in text.splitlines() if not line.startswith('.\\"')]
    # An empty paragraph stands where the plugin left out an option's values.
    lines = [line for n, line in enumerate(lines) if not (line == ".Pp" and lines[n + 1].startswith((".It", ".El")))]
    lines = described(lines, command.get("arguments", []))
    result = ['.\\" Made by scripts/man.sh.']
    skipped = False
    for line in lines:
        if line.startswith(".Sh "):
            skipped = line in ('.Sh "EXIT STATUS"', '.Sh "SEE ALSO"', ".Sh AUTHORS")
        # The section of its own says it at length; a blank line before it ends nothing.
        if skipped or not line or line.startswith("Exit status: "):
            continue
        if line.startswith(".Dt "):
            line = f".Dt {page_name(path).upper()} 1"
        if line == ".Os":
            line = ".Os swift-sandbox"
        if line.startswith(".Nm "):
            # Other names of a subcommand are no commands.
            if not line.startswith('.Nm "sandbox') and line != ".Nm sandbox":
                continue
            line = line.removesuffix(" ,")
        if line.startswith(".Nd "):
            line = '.Nd "' + line[4:].strip('"').removesuffix(".") + '"'
        result += [line] if line.startswith(".") else sentences(line)
    result += subcommands(path, command) + own_sections(path)
    others = sorted(page_name(p) for p, _ in commands(HELP["command"]) if p != path and (len(path) == 1 or len(p) == 1))
    result += [".Sh SEE ALSO"] + [f".Xr {name} 1" + (" ," if name != others[-1] else "") for name in others]
    return "\n".join(result) + "\n"


def check(path, command, text):
    """What the page does not name, of what the command has."""
    missing = []
    for argument in command.get("arguments", []):
        if not argument.get("shouldDisplay", True):
            continue
        if argument["kind"] == "positional":
            found = re.search(rf"^\.It Ar {re.escape(argument['valueName'])}(\.\.\.)?$", text, re.M)
        else:
            found = re.search(rf"^\.It Fl (h , )?-{re.escape(long_name(argument) or '?')}( |$)", text, re.M)
        if not found:
            missing.append(f"{page_name(path)}: {argument.get('valueName')}")
    for child_path, _ in commands(command, path[:-1]):
        if len(child_path) == len(path) + 1 and f".It Xr {page_name(child_path)} 1\n" not in text:
            missing.append(f"{page_name(path)}: the subcommand {child_path[-1]}")
    for needed in (".Sh DESCRIPTION", ".Sh EXIT STATUS") + (() if len(path) > 1 else (".Sh ENVIRONMENT", ".Sh FILES")):
        if needed not in text:
            missing.append(f"{page_name(path)}: {needed}")
    return missing


HELP = json.loads(pathlib.Path(sys.argv[1]).read_text())
made, output = (pathlib.Path(argument) for argument in sys.argv[2:4])
missing = []
for path, command in commands(HELP["command"]):
    text = finish(path, command, (made / (".".join(path) + ".1")).read_text())
    missing += check(path, command, text)
    (output / f"{page_name(path)}.1").write_text(text)
if missing:
    sys.exit("man.sh: the manual pages lack " + "; ".join(missing))
print(f"man: {sum(1 for _ in commands(HELP['command']))} pages in {output}")
