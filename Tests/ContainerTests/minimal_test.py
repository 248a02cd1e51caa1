#!/usr/bin/env python3
"""Level minimal in a plain container: outcomes, what is held, what is left. Arguments: pids of bystanders."""
import json
import os
import socket
import subprocess
import sys
import threading
import time

from support import HERE, build, check, close, command, execute, expect, processes, settled, victim

bystanders = [int(word) for word in sys.argv[1:]]
is_root = os.getuid() == 0


def limit(name):
    return {"kind": "limitExceeded", "limit": name}


def exited(code):
    return {"kind": "exited", "code": code}


def signaled(number, name):
    return {"kind": "signaled", "signal": number, "name": name}


def test_level():
    """Less than standard is no run, and the error says what is missing, why, and what mends it."""
    done = subprocess.run(["sandbox", "exec", "--", "/bin/true"], capture_output=True, text=True)
    expect("default level: status", done.returncode, 125)
    for word in ("isolationUnavailable", "userNamespace", "Operation not permitted", "hint:", "seccomp=unconfined"):
        check(f"default level: {word}", word in done.stderr, done.stderr)
    isolation = execute(["/bin/true"])["isolation"]
    expect("level", isolation["level"], "minimal")
    lacking = {"userNamespace", "mountNamespace", "pidNamespace", "networkNamespace", "ipcNamespace", "utsNamespace",
               "cgroupNamespace", "rootfs", "ownInodes", "maskedProc", "cgroupMemory", "cgroupProcesses", "cgroupCPU"}
    expect("missing", set(isolation["missing"]), lacking if is_root else lacking | {"distinctUser"})
    told = " ".join(isolation["reasons"])
    for layer in isolation["missing"]:
        check(f"reason of {layer}", layer in told, told)
    for words in ("HOME and TMPDIR", "process numbers", "call filter alone", "System V IPC", "no /proc", "memory",
                  "RLIMIT_NPROC", "CPU time", "inotify"):
        check(f"hole: {words}", any(words in hole for hole in isolation["holes"]), isolation["holes"])
    expect("hole: shared user", any("mode, times" in hole for hole in isolation["holes"]), not is_root)


def test_runners():
    for name, text, wanted in (
            ("a.cpp", "#include <iostream>\nint main() { std::cout << 42 << std::endl; return 3; }", exited(3)),
            ("a.py", "import mimetypes, ssl, sys\nprint(42)\nsys.exit(3)", exited(3)),
            ("crash.cpp", "int main() { volatile int *p = 0; return *p; }", signaled(11, "SIGSEGV"))):
        with open(f"{HERE}/{name}", "w") as file:
            file.write(text)
        done = subprocess.run(["sandbox", "run", "--isolation", "minimal", "--json", f"{HERE}/{name}"],
                              capture_output=True, timeout=60)
        report = json.loads(done.stdout)
        expect(f"{name}: outcome", report.get("outcome"), wanted)
        expect(f"{name}: stdout", report.get("stdout"), "" if name == "crash.cpp" else "42\n")
        expect(f"{name}: stderr", report.get("stderr"), "")


def test_outcomes():
    for program, arguments, options, wanted in (
            ("outcomes/exit_code", ["7"], [], exited(7)),
            ("outcomes/aborts", [], [], signaled(6, "SIGABRT")),
            ("outcomes/raise_signal", ["9"], [], signaled(9, "SIGKILL")),
            ("outcomes/null_dereference", [], [], signaled(11, "SIGSEGV")),
            ("cpu/sleep_forever", [], ["--wall-time", "0.3"], limit("wallTime")),
            ("cpu/stop_self", [], ["--wall-time", "0.3"], limit("wallTime")),
            ("cpu/busy_loop", [], ["--cpu-time", "0.3"], limit("cpuTime")),
            ("cpu/busy_threads", [], ["--cpu-time", "0.3"], limit("cpuTime")),
            ("cpu/busy_children", ["3"], ["--cpu-time", "0.3"], limit("cpuTime")),
            ("memory/touch_malloc", ["200", "1000"], ["--memory", "64M"], limit("memory")),
            ("memory/touch_malloc", ["20", "50"], ["--memory", "64M"], exited(0)),
            ("memory/child_eats", [], ["--memory", "64M"], limit("memory")),
            ("memory/recurse", [], ["--stack", "8M"], limit("stack")),
            ("processes/fork_until_refused", ["4"], ["--processes", "8"], limit("processes")),
            ("processes/hold_processes", ["6", "50"], ["--processes", "8"], exited(0)),
            ("processes/fork_bomb", [], ["--wall-time", "0.5"], limit("wallTime")),
            ("processes/thread_bomb", [], ["--wall-time", "0.5"], limit("wallTime")),
            ("processes/relay", ["5", "200"], [], exited(5)),
            ("processes/signal_storm", [], ["--cpu-time", "20"], exited(0)),
            ("io/flood", ["1"], [], limit("output")),
            ("files/write_file", ["big", "3000000", "5"], ["--file-size", "1M"], limit("fileSize")),
            ("files/fill_directory", [".", "5"], ["--disk", "8M"], limit("disk")),
            ("files/open_until_refused", ["3"], ["--open-files", "40"], limit("openFiles")),
            ("ordinary/pthreads", [], [], exited(0)),
            ("ordinary/spawns", [], [], exited(0)),
            ("syscalls/call", ["socket"], [], exited(0)),
            ("syscalls/call", ["socket"], ["--blocked", "end"], {"kind": "blockedSyscall", "syscall": "socket"}),
            ("syscalls/call", ["socket.netlink"], [], exited(0)),
            ("syscalls/call", ["ptrace"], [], exited(0)),
            ("syscalls/call", ["chroot"], [], {"kind": "blockedSyscall", "syscall": "chroot"})):
        found = victim(program, *arguments, options=options)
        expect(f"{program} {' '.join(arguments)}", found.get("outcome", found), wanted)
    for pid in bystanders:
        check(f"bystander {pid} lives", pid in processes())
    # Threads that end with the program are gone before anybody looks, so only the refusal is seen.
    made = victim("processes/threads_until_refused", "4", options=["--processes", "8"])["stdout"]
    check("threads are refused", made.strip().isdigit() and 7 <= int(made) <= 11, made)
    # The container's own filter comes first: it refuses without a word, and the report says so.
    found = victim("syscalls/call", "process_vm_readv", "clone.pid", "unshare", "mount", "setns", "bpf")
    expect("refused by the container", {line.split()[1] for line in found["stdout"].splitlines()}, {"EPERM"})
    check("that is told", any("without a word" in hole for hole in found["isolation"]["holes"]), found["isolation"])
    # A shell of the container, where the profile lets io_uring pass, shows that it is our filter that closes it.
    open_here = subprocess.run([build("syscalls/call"), "io_uring_setup"], capture_output=True, text=True).stdout
    check("io_uring is open outside", "ENOSYS" not in open_here, open_here)
    found = victim("syscalls/call", "io_uring_setup", "clone3")
    expect("io_uring and clone3", found["stdout"], "io_uring_setup ENOSYS\nclone3 ENOSYS\n")


def test_processes_of_others():
    pids = [*bystanders, os.getpid(), 1]
    before = {pid: os.sched_getaffinity(pid) for pid in pids}
    nice = {pid: os.getpriority(os.PRIO_PROCESS, pid) for pid in pids}
    own = subprocess.Popen(["sleep", "904"])
    outside = subprocess.run([build("inspect/reach"), str(own.pid)], capture_output=True, text=True).stdout
    for call in ("kill", "tgkill", "pidfd_send_signal", "setpriority", "sched_setaffinity", "status"):
        check(f"outside: {call}", f"{call} {own.pid}" in outside.splitlines(), outside)
    own.wait()
    found = victim("inspect/reach", "all", *map(str, pids), options=["--open-files", "256"])
    expect("reach: outcome", found.get("outcome"), exited(0))
    expect("reach: what worked", found["stdout"], "")
    for pid in pids:
        check(f"{pid} lives", pid in processes())
        expect(f"{pid} has its processors", os.sched_getaffinity(pid), before[pid])
        expect(f"{pid} has its priority", os.getpriority(os.PRIO_PROCESS, pid), nice[pid])


def test_files():
    open(f"{HERE}/secret", "w").write("secret")
    here = os.listdir("/tmp")
    found = victim("inspect/try_read", "/root", "/home", "/tmp", f"{HERE}/secret", "/etc/shadow", "/etc/hostname", "/proc",
                   "/proc/1/cmdline", "/proc/self/environ", "/sys", "/run", "/var", "/dev/shm", "/usr/bin/env")
    lines = dict(line.split(": ") for line in found["stdout"].splitlines())
    expect("readable", [path for path, answer in lines.items() if answer == "read"], ["/usr/bin/env"])
    expect("answers", len(lines), 14)
    found = victim("inspect/try_write", "/tmp/x", f"{HERE}/secret", "/var/tmp/x", "/dev/shm/x", "/root/x", "/x", "/usr/x")
    check("try_write ran", found["stdout"].count("\n") == 7, found)
    check("nothing written", "wrote" not in found["stdout"] and "done" not in found["stdout"], found["stdout"])
    expect("/tmp as before", sorted(os.listdir("/tmp")), sorted(here))
    expect("secret as before", open(f"{HERE}/secret").read(), "secret")
    link = execute(["sh", "-c", f"ln {HERE}/secret here; cat here; ln -s {HERE}/secret there; cat there"])
    check("links", "secret\n" not in link["stdout"] and link["stdout"] == "", link["stdout"])


HIDE = """import os, sys, time
for level in range(int(sys.argv[1])):
    os.mkdir('d')
    os.chdir('d')
for number in range(20):
    with open(str(number), 'wb') as file: file.write(bytes(1 << 20))
os.chmod('.', int(sys.argv[2], 8))
time.sleep(5)"""


def test_hidden_bytes():
    """The disk limit finds what lies deep; what it cannot look at counts as too much."""
    for levels, mode, options, wanted in (("0", "700", ["--disk", "64M", "--wall-time", "0.5"], limit("wallTime")),
                                          ("200", "700", ["--disk", "64M", "--wall-time", "0.5"], limit("wallTime")),
                                          ("200", "700", ["--disk", "8M"], limit("disk")),
                                          ("1", "0", ["--disk", "8M"], limit("disk"))):
        found = execute(["python3", "-c", HIDE, levels, mode], *options)
        expect(f"bytes at level {levels}, mode {mode}, {options[1]}", found["outcome"], wanted)


def test_sockets():
    kinds = ((socket.SOCK_STREAM, "s"), (socket.SOCK_DGRAM, "d"), (socket.SOCK_SEQPACKET, "q"))
    held, paths = [], []
    for kind, name in kinds:
        one = socket.socket(socket.AF_UNIX, kind)
        one.bind(f"{HERE}/socket-{name}")
        os.chmod(f"{HERE}/socket-{name}", 0o777)
        if kind != socket.SOCK_DGRAM:
            one.listen(9)
        held.append(one)
        paths.append(f"{HERE}/socket-{name}")
    outside = subprocess.run([build("syscalls/reach_sockets"), *paths], capture_output=True, text=True).stdout
    for words in ("connect stream", "connect seqpacket", "sendto datagram", "pair datagram"):
        check(f"outside: {words}", words in outside, outside)
    found = victim("syscalls/reach_sockets", *paths)
    expect("sockets: outcome", found.get("outcome"), exited(0))
    expect("sockets reached", found["stdout"], "")
    for one, path in zip(held, paths):
        one.close()
        os.unlink(path)


def test_ipc():
    """Objects of others are out of reach by number too, and none is left."""
    kernel = [open(f"/proc/sysvipc/{kind}").read() for kind in ("shm", "sem", "msg")]
    found = victim("inspect/leave_ipc")
    expect("ipc: outcome", found.get("outcome"), exited(1))
    expect("ipc objects", [open(f"/proc/sysvipc/{kind}").read() for kind in ("shm", "sem", "msg")], kernel)
    made = subprocess.run(["python3", "-c", SHARED_MEMORY], capture_output=True, text=True)
    number = made.stdout.strip()
    check("a segment to attack", number.isdigit(), made)
    found = execute(["python3", "-c", ATTACH, number])
    expect("attach by number", found["stdout"], "refused\n")
    outside = subprocess.run(["python3", "-c", ATTACH, number], capture_output=True, text=True)
    expect("attach outside", outside.stdout, "attached\n")
    subprocess.run(["python3", "-c", REMOVE, number], check=True)


SHARED_MEMORY = "import ctypes; print(ctypes.CDLL(None).shmget(0, 4096, 0o1666))"
ATTACH = """import ctypes, sys
libc = ctypes.CDLL(None)
libc.shmat.restype = ctypes.c_ssize_t
print("refused" if libc.shmat(int(sys.argv[1]), None, 0) == -1 else "attached")"""
REMOVE = "import ctypes, sys; sys.exit(ctypes.CDLL(None).shmctl(int(sys.argv[1]), 0, None))"


def test_two_at_once():
    """Neither sees the other's /work, and each has its own."""
    script = "echo $1 >mine; sleep 0.6; ls; ls .. ../.. ../../.. ../../../* 2>/dev/null; cat ../../../*/*/work/mine"
    runs = [subprocess.Popen(command([], ["sh", "-c", script, "sh", name]), stdout=subprocess.PIPE, text=True,
                             stderr=subprocess.DEVNULL) for name in ("one", "two")]
    for run in runs:
        expect("two at once", run.communicate(timeout=30)[0], "mine\n")


def test_nothing_left():
    here, before = sorted(os.listdir("/tmp")), processes()
    for program, arguments in (("processes/stubborn", ["0"]), ("processes/stubborn", ["100"]), ("processes/daemon", []),
                               ("processes/leave_child", []), ("files/deep_directories", ["200"]),
                               ("files/many_files", []), ("files/odd_names", []), ("files/lock_directories", [])):
        found = victim(program, *arguments)
        check(f"{program} ran", "kind" in found["outcome"], found)
    found = execute(["python3", "-c", "import os\nfor i in range(3): os.makedirs('a/b/c', exist_ok=True); os.chmod('a', 0)"])
    left = {pid: name for pid, name in processes().items() if pid not in before}
    expect("processes left", left, {})
    expect("files left", sorted(os.listdir("/tmp")), here)


def test_killed_embedder():
    """kill -9 of the command in the middle of a run."""
    for program, arguments in (("processes/stubborn", ["20000"]), ("processes/fork_bomb", []), ("processes/relay", ["0", "20000"]),
                               ("cpu/sleep_forever", [])):
        path = build(program)
        here, before = sorted(os.listdir("/tmp")), processes()
        run = subprocess.Popen(command(["--wall-time", "20", "--in", path], [f"./{os.path.basename(path)}", *arguments]),
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        name = os.path.basename(path)
        check(f"{name} began", settled(lambda: any(name in line and "sandbox" not in line for line in processes().values())))
        time.sleep(0.2)
        run.kill()
        run.wait()
        gone = settled(lambda: not [pid for pid in processes() if pid not in before])
        check(f"{name}: no process", gone, {pid: line for pid, line in processes().items() if pid not in before})
        check(f"{name}: no file", settled(lambda: sorted(os.listdir("/tmp")) == here), os.listdir("/tmp"))


def test_descriptors():
    """None of the embedder's; and the embedder of many runs keeps none."""
    with open(f"{HERE}/secret", "w") as file:
        os.set_inheritable(file.fileno(), True)
        found = subprocess.run(command([], ["python3", "-c", "import os\nfor fd in range(1024):\n  try: os.fstat(fd); print(fd)\n  except OSError: pass"]),
                               capture_output=True, text=True, close_fds=False)
        expect("descriptors", found.stdout.split(), ["0", "1", "2"])


os.makedirs(HERE, exist_ok=True)
only = os.environ.get("ONLY", "")
for name, test in list(globals().items()):
    if name.startswith("test_") and only in name:
        start = time.monotonic()
        try:
            test()
        except Exception as error:  # one broken test does not hide the others
            check(name, False, repr(error))
        if time.monotonic() - start > 20:
            print(f"slow: {name} {time.monotonic() - start:.1f} s")
close(f"minimal as user {os.getuid()}")
