#!/usr/bin/env python3
"""Level minimal, and the way up from there, in plain containers; started by `scripts/worlds/container.sh test`.

Arguments: the image, the sandbox command. `docker` is the private engine's by DOCKER_HOST.
"""
import json
import os
import subprocess
import sys
from contextlib import contextmanager

import support
from support import check, close, expect

IMAGE, COMMAND = sys.argv[1:3]
HERE = os.path.dirname(os.path.abspath(__file__))
# No more than a default container but bounds: a test that fails must not take the machine along.
PLAIN = ["--rm", "--pull=never", "--network", "none", "--pids-limit", "400", "--memory", "3g",
         "--volume", f"{COMMAND}:/usr/local/bin/sandbox:ro"]
UNPRIVILEGED = ["setpriv", "--reuid", "1500", "--regid", "1500", "--clear-groups"]
SLEEPERS = """import sys
sys.path.append("/tests")
import support
print(*(pid for pid, line in support.processes().items() if line.startswith("sleep 90")))"""
START = "start the container with "


def docker(*arguments, timeout=300):
    return subprocess.run(["docker", *arguments], capture_output=True, text=True, timeout=timeout,
                          stdin=subprocess.DEVNULL)


@contextmanager
def container(user, *options):
    # With an init that buries: else what a test leaves of itself would look like ours.
    made = docker("run", "--detach", "--init", *PLAIN, "--volume", f"{HERE}:/tests:ro", "--volume",
                  f"{os.path.dirname(HERE)}/Programs:/programs:ro", "--env", "PYTHONDONTWRITEBYTECODE=1",
                  "--user", user, *options, IMAGE, "sleep", "900")
    number = made.stdout.strip()
    if made.returncode != 0:
        sys.exit(f"run.py: no container: {made.stderr}")
    try:
        yield number
    finally:
        docker("kill", number)


def test_minimal(user):
    with container(user) as number:
        for other in ("0:0", "1500:1500", "1600:1600"):
            docker("exec", "--detach", "--user", other, number, "sleep", "901")
        found = docker("exec", number, "python3", "-c", SLEEPERS).stdout
        pids = found.split()
        expect(f"bystanders of {user}", len(pids), 4)
        done = docker("exec", "--env", f"ONLY={os.environ.get('ONLY', '')}", number, "python3", "/tests/minimal_test.py", *pids)
        print(done.stdout, end="")
        words = done.stdout.rsplit("\n", 2)[-2].split() if "passed" in done.stdout else []
        check(f"minimal as {user} came to its end", len(words) > 4, done.stdout + done.stderr)
        if len(words) > 4:
            support.passed += int(words[-4])
            support.failures += ["in the container"] * int(words[-2])


def doctor(user, *options):
    done = docker("run", *PLAIN, "--user", user, *options, IMAGE, "sandbox", "doctor", "--json")
    return read_doctor(f"{user} {' '.join(options)}", done.stdout)


def read_doctor(name, text):
    """The entries by name; every one that is missing has a reason and a mend."""
    try:
        report = json.loads(text)
    except ValueError:
        check(f"doctor of {name}", False, text)
        return {"level": None, "layers": {}}
    fields = {"schemaVersion", "kernel", "machine", "level", "cgroup", "layers", "disturbances"}
    expect(f"doctor of {name}: fields", set(report), fields)
    for entry in report["layers"]:
        what = f"doctor of {name}: {entry['name']}"
        check(f"{what} says something", bool(entry["detail"]))
        expect(f"{what} has a mend where it is missing", bool(entry["mend"]), not entry["available"])
    report["layers"] = {entry["name"]: entry for entry in report["layers"]}
    return report


def missing(report):
    return {name for name, entry in report["layers"].items() if not entry["available"]}


def options_of(report, layer):
    mend = (report["layers"].get(layer) or {}).get("mend") or ""
    check(f"mend of {layer} is one of containers", mend.startswith(START), mend)
    return mend[len(START):].split()


NAMESPACES = {"userNamespace", "mountNamespace", "pidNamespace", "networkNamespace", "ipcNamespace", "utsNamespace", "rootfs"}
CGROUPS = {"cgroup", "cgroupMemory", "cgroupProcesses", "cgroupCPU"}


def test_ladder(user):
    """Each mend that doctor prints raises the level, and is the smallest that does."""
    is_root = user == "0:0"
    plain = doctor(user)
    expect(f"{user}: level", plain["level"], "minimal")
    expect(f"{user}: missing", missing(plain) - {"writableRootfs", "docker"},
           NAMESPACES | CGROUPS | {"maskedProc", "cgroupNamespace", "ownInodes"} | (set() if is_root else {"privileges", "distinctUser"}))
    for layer in NAMESPACES:
        expect(f"{user}: mend of {layer}", plain["layers"][layer]["mend"], f"{START}--security-opt seccomp=unconfined")
    filtered = options_of(plain, "userNamespace")
    mended = doctor(user, *filtered)
    expect(f"{user}: level without the filter", mended["level"], "standard")
    check(f"{user}: namespaces", not missing(mended) & NAMESPACES, missing(mended))
    check(f"{user}: proc is still missing", "maskedProc" in missing(mended), missing(mended))
    test_without_proc(user, filtered)
    proc = options_of(plain, "maskedProc")
    mended = doctor(user, *proc)
    expect(f"{user}: level with proc", mended["level"], "standard")
    check(f"{user}: proc", "maskedProc" not in missing(mended), missing(mended))
    cgroup = options_of(plain, "cgroupMemory")
    if not is_root:
        expect(f"{user}: cgroups need another user", cgroup[:2], ["--user", "0"])
    elif "writable-cgroups" not in " ".join(cgroup):  # an option of newer engines
        mended = doctor(user, *proc, *cgroup)
        expect(f"{user}: level with everything", mended["level"], "strong")
        expect(f"{user}: cgroup", mended["cgroup"] in ("v1", "v2"), True)
        # Nodes of devices are made by the host's root alone.
        check(f"{user}: all layers", not missing(mended) - {"writableRootfs", "docker", "ownInodes"}, missing(mended))


def test_without_proc(user, options):
    """Namespaces but a masked proc: standard, maskedProc is missing, and programs run without /proc."""
    with container(user, *options) as number:
        script = """import os
assert os.listdir("/proc") == [], os.listdir("/proc")
print(sum(range(10)), os.getcwd())"""
        for name, text, wanted in (("a.py", script, "45 /work\n"),
                                   ("a.cpp", "#include <cstdio>\nint main() { std::puts(\"45\"); }", "45\n")):
            done = docker("exec", number, "sh", "-c", f"printf %s \"$1\" >/tmp/{name} && sandbox run --json /tmp/{name}", "sh", text)
            try:
                report = json.loads(done.stdout)
                expect(f"{user} without proc: {name}", report["outcome"], {"kind": "exited", "code": 0})
                expect(f"{user} without proc: {name} said", report["stdout"], wanted)
                expect(f"{user} without proc: level", report["isolation"]["level"], "standard")
                check(f"{user} without proc: told", "maskedProc" in report["isolation"]["missing"]
                      and any("/proc" in hole for hole in report["isolation"]["holes"]), report["isolation"])
            except (ValueError, KeyError) as error:
                check(f"{user} without proc: {name}", False, f"{error!r} {done.stdout} {done.stderr}")


def test_no_level():
    """User 0 that may not become another: the kernel does not count its processes, so there is no level at all."""
    done = docker("run", *PLAIN, "--user", "0", "--cap-drop", "ALL", IMAGE, "sandbox", "exec", "--isolation", "minimal",
                  "--", "echo", "ran")
    expect("user 0 without capabilities: status", done.returncode, 125)
    check("user 0 without capabilities: reason", "rlimits" in done.stderr and "--cap-add SETUID" in done.stderr, done.stderr)
    options = [word for word in done.stderr.split(START)[-1].split(", or")[0].split()]
    done = docker("run", *PLAIN, "--user", "0", "--cap-drop", "ALL", *options, IMAGE, "sandbox", "exec", "--isolation",
                  "minimal", "--", "echo", "ran")
    expect("user 0 with what the hint says", done.stdout, "ran\n")


def test_machine():
    """The machine itself, which may carry a container's mark: its mends are its own."""
    for name, prefix in (("root", []), ("a user", UNPRIVILEGED)):
        done = subprocess.run([*prefix, COMMAND, "doctor", "--json"], capture_output=True, text=True, timeout=60)
        report = read_doctor(f"the machine as {name}", done.stdout)
        check(f"the machine as {name}: a level", report["level"] is not None, done.stdout)
        if (report["level"] or "minimal") != "minimal":  # namespaces work here, so no container's option is the way
            for layer, entry in report["layers"].items():
                check(f"the machine as {name}: mend of {layer}", "container" not in (entry["mend"] or ""), entry["mend"])


test_no_level()
for user in ("0:0", "1500:1500"):
    test_ladder(user)
test_machine()
for user in ("0:0", "1500:1500"):
    test_minimal(user)
close("container")
