#!/usr/bin/env bash
# A private Docker Engine for tests: its own data, socket and mount namespace below DIR, nothing of the system's engine.
# Usage: scripts/engines/engine.sh start|stop|status|restart|kill [DIR [OPTION...]]     (DIR: .build-engine)
#   start    prints one line, DOCKER_HOST=unix://…; repairs what a killed engine left and keeps its data. Options:
#            --userns-remap   its containers have a user namespace of 65,536 ids, until `stop`
#            --disk=SIZE      its data lies on a tmpfs of this size, and is lost when the engine ends
#            --runtime=PATH   this program makes the containers instead of runc
#   stop     also removes all data
#   status   exits with 0 (runs) or 3
#   restart  as a host does: SIGTERM, then a start that keeps all data
#   kill     SIGKILL to dockerd alone, as in a crash: its containers run on without it until the next start or stop
set -euo pipefail

usage="usage: engine.sh start|stop|status|restart|kill [DIR [--userns-remap] [--disk=SIZE] [--runtime=PATH]]"
source "$(dirname "$0")/daemon.sh"
command=${1:?$usage} remaps='' disk='' runtime=''
dir=$(realpath -m -- "${2:-$(dirname "$0")/../../.build-engine}")
socket=$dir/docker.sock
for option in "${@:3}"; do
    case $1,$option in
    start,--userns-remap) remaps=1 ;;
    start,--disk=?*) disk=${option#*=} ;;
    start,--runtime=/?*) runtime=${option#*=} ;;
    *) echo "$usage" >&2 && exit 2 ;;
    esac
done
parent=$(cgroup_name "$dir")
# In the engine's own layer of /run: a socket's path must be short, and $dir may be long. The hash of $dir in the name
# identifies the containerd of this engine.
exec_root=/run/$parent

# The pid of this engine's dockerd, or nothing.
daemon_pid() { pid_with "$dir/pid"; }
address() { echo "DOCKER_HOST=unix://$socket"; }

# containerd and its shims: their command lines contain a file of this engine's containerd as a whole argument.
helpers() {
    local cmdline pid
    # A process may end while its command line is read.
    { grep -lsaF -- "$exec_root/containerd/containerd." /proc/[0-9]*/cmdline || true; } | while read -r cmdline; do
        pid=${cmdline#/proc/}
        pid=${pid%/cmdline}
        case $(basename "$(readlink "/proc/$pid/exe" 2>/dev/null || true)") in
        containerd | containerd-shim*) ! alive "$pid" || echo "$pid" ;;
        esac
    done
}

# Ends the engine and its containers. Mounts and net namespaces end with the engine's mount namespace.
halt() {
    local pid
    pid=$(daemon_pid)
    # Containers first: the engine would wait ten seconds for each to react to a SIGTERM that pid 1 ignores.
    thaw
    kill_all contained
    if [[ -n $pid ]]; then
        kill -TERM "$pid" 2>/dev/null || true
        # The data is not needed: it is removed, or the next start repairs it.
        ends_within "$pid" 15 || kill -KILL "$pid"
    fi
    kill_all helpers
    kill_all contained
    remove_cgroups
    rm -f "$dir/pid" "$socket"
    rm -rf --one-file-system -- "$dir/run"
}

start() {
    local pid
    [[ $EUID -eq 0 ]] || fail "an engine needs root"
    for program in dockerd docker containerd; do
        command -v "$program" >/dev/null || fail "there is no $program; run scripts/setup.sh engine"
    done
    # The kernel's limit for a socket's path is 107 bytes.
    [[ $(printf %s "$socket" | wc -c) -le 107 ]] || fail "the path $dir is too long for a socket; give a shorter DIR"
    case $dir/ in
    /run/* | /var/run/*) fail "DIR must not be below /run, which the engine sees a copy of" ;;
    esac
    claim .engine
    if [[ -n $(daemon_pid) ]]; then
        address
        return
    fi
    halt # What a killed engine left; its images stay.
    mkdir -p "$dir/run"
    if [[ -n $remaps ]]; then touch "$dir/remaps"; fi
    # Without the system's and the user's configuration.
    echo '{}' >"$dir/daemon.json"
    DIR=$dir PARENT=$parent EXEC_ROOT=$exec_root REMAPS=$([[ ! -e $dir/remaps ]] || echo 1) DISK=$disk RUNTIME=$runtime setsid unshare --mount --propagation slave bash -c "$inside" \
        >"$dir/log" 2>&1 </dev/null 9>&- &
    pid=$!
    ready_within "$pid" 30 is_ready "$pid"
}

# Ends an engine whose start failed before it wrote a pid file.
abandon() {
    ! alive "$1" || kill -KILL "$1"
    halt
}

is_ready() {
    [[ -S $socket && $(daemon_pid) == "$1" ]] && DOCKER_HOST=unix://$socket timeout 10 docker version >/dev/null 2>&1
}

# Runs in the new mount namespace.
inside="set -euo pipefail
$own_run"'
options=()
if [[ -n $REMAPS ]]; then
    # The user whose ids containers get, in files that only this mount namespace shows.
    mkdir "$DIR/run/etc"
    for file in passwd group subuid subgid; do
        [[ -e /etc/$file ]] || { echo "there is no /etc/$file; install the package uidmap" >&2 && exit 1; }
        cat "/etc/$file" >"$DIR/run/etc/$file"
    done
    echo "sandbox-remap:x:61999:61999::/nonexistent:/usr/sbin/nologin" >>"$DIR/run/etc/passwd"
    echo "sandbox-remap:x:61999:" >>"$DIR/run/etc/group"
    for file in subuid subgid; do echo "sandbox-remap:1200000000:65536" >>"$DIR/run/etc/$file"; done
    for file in passwd group subuid subgid; do mount --bind "$DIR/run/etc/$file" "/etc/$file"; done
    options+=(--userns-remap sandbox-remap)
fi
if [[ -n $DISK ]]; then
    mkdir -p "$DIR/data"
    mount -t tmpfs -o size="$DISK",mode=0710 engine-data "$DIR/data"
fi
if [[ -n $RUNTIME ]]; then options+=(--add-runtime "given=$RUNTIME" --default-runtime given); fi
exec dockerd --config-file "$DIR/daemon.json" --data-root "$DIR/data" --exec-root "$EXEC_ROOT" --pidfile "$DIR/pid" \
    --host "unix://$DIR/docker.sock" --group root \
    --bridge none --iptables=false --ip6tables=false --ip-forward=false --ip-masq=false --userland-proxy=false \
    --exec-opt native.cgroupdriver=cgroupfs --cgroup-parent "/$PARENT" "${options[@]}"'

stop() {
    [[ -e $dir/.engine ]] || return 0
    lock || return 0
    halt
    ! grep -F " $dir/" /proc/self/mountinfo >&2 || fail "the mounts above are not the engine's; unmount them"
    rm -rf --one-file-system -- "$dir/data" "$dir/client" "$dir/daemon.json" "$dir/log" "$dir/remaps" "$dir/.engine"
    rmdir --ignore-fail-on-non-empty "$dir"
}

restart() {
    local pid
    pid=$(daemon_pid)
    if [[ -n $pid ]]; then
        kill -TERM "$pid" 2>/dev/null || true
        # The engine waits ten seconds for each container; `start` ends the remaining ones.
        ends_within "$pid" 15 || kill -KILL "$pid"
    fi
    start
}

crash() {
    local pid
    pid=$(daemon_pid)
    [[ -n $pid ]] || fail "no engine runs in $dir"
    kill -KILL "$pid"
    ends_within "$pid" 10 || fail "dockerd, pid $pid, does not end"
}

case $command in
start | stop | status | restart) $command ;;
kill) crash ;;
*) fail "$usage" ;;
esac
