"""What the tests inside a container share: running the command, victims, checks, a closing line."""
import json
import os
import subprocess
import sys
import time

HERE = "/tmp/container-tests"
PROGRAMS = "/programs"
passed, failures = 0, []


def check(name, holds, shown=""):
    global passed
    if holds:
        passed += 1
    else:
        failures.append(name)
        print(f"FAILED {name}: {shown}", flush=True)


def expect(name, found, wanted):
    check(name, found == wanted, f"{found!r}, not {wanted!r}")


def close(what):
    print(f"{what}: {passed} passed, {len(failures)} failed", flush=True)
    sys.exit(1 if failures else 0)


def build(program):
    """The path of a program of Tests/Programs, compiled here."""
    path = f"{HERE}/{os.path.basename(program)}"
    if not os.path.exists(path):
        os.makedirs(HERE, exist_ok=True)
        subprocess.run(["gcc", "-O1", "-w", "-o", path, f"{PROGRAMS}/{program}.c", "-lrt"], check=True)
    return path


def command(options, program):
    return ["sandbox", "exec", "--isolation", "minimal", *options, "--", *program]


def execute(program, *options, stdin=None):
    """Runs a program of the host in a sandbox; the command's JSON."""
    done = subprocess.run(
        command(["--json", *options], program), stdin=stdin or subprocess.DEVNULL, capture_output=True, timeout=60)
    try:
        return json.loads(done.stdout)
    except ValueError:
        return {"outcome": f"status {done.returncode}: {done.stdout[:300]} {done.stderr[:300]}", "stdout": ""}


def victim(program, *arguments, options=()):
    """Runs a program of Tests/Programs in a sandbox."""
    path = build(program)
    return execute([f"./{os.path.basename(path)}", *arguments], *options, "--in", path)


def processes():
    """Everybody in this container: pid to the first words of the command line."""
    found = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/cmdline", "rb") as file:
                words = file.read().replace(b"\0", b" ").decode(errors="replace")
            with open(f"/proc/{name}/stat") as file:
                state = file.read().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if state != "Z":
            found[int(name)] = words or "[no command line]"
    return found


def settled(condition, seconds=5.0):
    """Whether it becomes true in time."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True
