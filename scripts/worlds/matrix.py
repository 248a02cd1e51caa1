#!/usr/bin/env python3
"""What holds where: tries each level and root file system mode in one world, and lays several worlds out as a table.

Usage: matrix.py probe WORLD SANDBOX        one JSON line: what this world gives
       matrix.py render FILE...             the table of docs/matrix.md, from such lines
       matrix.py check TABLE FILE...        whether these worlds give what that table says
"""
import io
import json
import os
import re
import subprocess
import sys
import tarfile
import tempfile

LEVELS = ["minimal", "standard", "strong"]
MODES = ["read-only", "writable"]
LAYERS = {
    "userNamespace": "user namespace", "mountNamespace": "mount namespace", "pidNamespace": "pid namespace",
    "networkNamespace": "network namespace", "ipcNamespace": "ipc namespace", "utsNamespace": "uts namespace",
    "cgroupNamespace": "cgroup namespace", "rootfs": "root of its own", "maskedProc": "masked /proc",
    "noNewPrivileges": "no_new_privs", "capabilities": "no capabilities", "seccomp": "seccomp",
    "landlock": "Landlock", "rlimits": "rlimits", "cgroupMemory": "cgroup: memory",
    "cgroupProcesses": "cgroup: processes", "cgroupCPU": "cgroup: CPU", "distinctUser": "user id of its own", "ownInodes": "inodes of its own",
}
WORLDS = {
    "root": "root, this machine", "user": "ordinary user, this machine", "subuid": "user with subordinate ids",
    "container-root": "default container, its root", "container-user": "default container, another user",
    "vm-root": "VM, root", "vm-delegated": "VM, user with a delegated cgroup", "vm-user": "VM, ordinary user",
    "vm-session": "VM, user logged in with systemd",
}


def small_image(folder):
    """An archive with one static program under the names that the probe runs."""
    path = os.path.join(folder, "image.tar")
    busybox = next((p for p in ("/bin/busybox", "/usr/bin/busybox") if os.path.exists(p)), None)
    if busybox is None:
        return None
    data = open(busybox, "rb").read()
    with tarfile.open(path, "w") as archive:
        for name in ("usr", "usr/bin"):
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            archive.addfile(entry)
        for name in ("true", "touch"):
            entry = tarfile.TarInfo("usr/bin/" + name)
            entry.mode, entry.size = 0o755, len(data)
            archive.addfile(entry, io.BytesIO(data))
    return path


def run(sandbox, level, mode, image):
    command = [sandbox, "exec", "--json", "--isolation", level, "--rootfs", mode]
    command += ["--image", image] if image else []
    command += ["--", "/usr/bin/touch", "/usr/made"] if mode == "writable" else ["--", "/usr/bin/true"]
    answer = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=False).stdout)
    if "error" in answer:
        return {"error": answer["error"]["code"], "message": answer["error"]["message"]}
    if answer["outcome"] != {"kind": "exited", "code": 0}:
        return {"error": "wrongOutcome", "message": json.dumps(answer["outcome"]) + answer["stderr"]}
    return {"isolation": answer["isolation"], "cpu": answer["usage"]["cpuSource"],
            "memory": answer["usage"]["memorySource"]}


def probe(world, sandbox):
    with tempfile.TemporaryDirectory() as folder:
        os.environ["SANDBOX_CACHE"] = os.path.join(folder, "cache")
        image = small_image(folder)
        cells = {}
        for level in LEVELS:
            for mode in MODES:
                cell = run(sandbox, level, mode, None)
                if mode == "writable" and "error" in cell and image:
                    other = run(sandbox, level, mode, image)
                    if "error" not in other:
                        cell = dict(other, only="images")
                cells[f"{level} {mode}"] = cell
        print(json.dumps({"world": world, "kernel": ".".join(os.uname().release.split(".")[:2]),
                          "cells": cells}))


def without_names(text):
    """Paths, numbers and ids differ from machine to machine."""
    text = re.sub(r"/sys/fs/cgroup[^ ;,]*", "its directory", text)
    return re.sub(r"\s+", " ", text).replace("|", "\\|")


def best(world):
    for level in reversed(LEVELS):
        cell = world["cells"][f"{level} read-only"]
        if "isolation" in cell:
            return cell
    return None


def reason(cell, layer):
    for text in cell["isolation"]["reasons"]:
        names, _, why = text.partition(": ")
        if layer in names.split(", "):
            return without_names(why)
    return "no reason was given"


def level_cell(cell, notes):
    if "isolation" in cell:
        return "yes" + (", images" if cell.get("only") else "")
    note = f"{cell['error']}: {without_names(cell['message'])}"
    if note not in notes:
        notes.append(note)
    return f"no ({notes.index(note) + 1})"


def render(files):
    worlds = [json.loads(line) for name in files for line in open(name) if line.strip()]
    order = list(WORLDS)
    worlds.sort(key=lambda world: order.index(world["world"]))
    notes = []
    out = ["# What holds where", "",
           "Made by `make test` (`scripts/worlds/matrix.py`): each cell is a program that was run, or refused, in that world.",
           "", "## Levels and root file systems", "",
           "| world | kernel | " + " | ".join(f"{level}, {mode}" for level in LEVELS for mode in MODES) + " |",
           "| --- | --- |" + " --- |" * 6]
    for world in worlds:
        cells = [level_cell(world["cells"][f"{level} {mode}"], notes) for level in LEVELS for mode in MODES]
        out.append(f"| {WORLDS[world['world']]} | {world['kernel']} | " + " | ".join(cells) + " |")
    out += ["", "\"images\": only for images that the library unpacked itself.", ""]
    out += [f"{number + 1}. {note}" for number, note in enumerate(notes)]
    reasons = []
    out += ["", "## Layers at the best level", "",
            "| layer | " + " | ".join(WORLDS[world["world"]] for world in worlds) + " |",
            "| --- |" + " --- |" * len(worlds)]
    for layer, name in LAYERS.items():
        row = []
        for world in worlds:
            cell = best(world)
            if cell is None:
                row.append("none")
            elif layer in cell["isolation"]["layers"]:
                row.append("held")
            else:
                why = reason(cell, layer)
                if why not in reasons:
                    reasons.append(why)
                row.append("no (" + chr(ord("a") + reasons.index(why)) + ")")
        out.append(f"| {name} | " + " | ".join(row) + " |")
    for name, key in (("CPU time from", "cpu"), ("memory from", "memory")):
        out.append(f"| {name} | " + " | ".join((best(w) or {}).get(key, "none") for w in worlds) + " |")
    out.append("| cgroup | " + " | ".join(
        (best(w) or {"isolation": {"cgroup": "none"}})["isolation"]["cgroup"] for w in worlds) + " |")
    out += [""] + [f"- ({chr(ord('a') + n)}) {why}" for n, why in enumerate(reasons)]
    return "\n".join(out)


def answers(text):
    """Of the first table: each world's row, without the numbers of notes."""
    table = text.split("## Layers")[0]
    return {line.split("|")[1].strip(): re.sub(r" \(\d+\)", "", line)
            for line in table.splitlines() if line.startswith("| ") and not line.startswith("| world")}


def check(table, files):
    written, found = answers(open(table).read()), answers(render(files))
    wrong = [f"{world}: {table} says {written.get(world, 'nothing')}, this run {found.get(world, 'nothing')}"
             for world in sorted(set(written) | set(found)) if written.get(world) != found.get(world)]
    sys.exit("\n".join(wrong) if wrong else 0)


if __name__ == "__main__":
    if len(sys.argv) == 4 and sys.argv[1] == "probe":
        probe(sys.argv[2], sys.argv[3])
    elif len(sys.argv) > 2 and sys.argv[1] == "render":
        print(render(sys.argv[2:]))
    elif len(sys.argv) > 3 and sys.argv[1] == "check":
        check(sys.argv[2], sys.argv[3:])
    else:
        sys.exit(__doc__)
