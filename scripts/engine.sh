#!/usr/bin/env bash
# A private Docker Engine for tests: its own data, socket and mount namespace below DIR, nothing of the system's engine.
# Usage: scripts/engine.sh start|stop|status [DIR]     (DIR: .build-engine)
# `start` prints one line, DOCKER_HOST=unix://…; `stop` also removes all data; `status` leaves with 0 (runs) or 3.
set -euo pipefail

usage="usage: engine.sh start|stop|status [DIR]"
command=${1:?$usage}
dir=$(realpath -m -- "${2:-$(dirname "$0")/../.build-engine}")
socket=$dir/docker.sock
# Not the library's prefix, so that its clean-up of dead owners leaves these alone.
parent=sandbox-engine-$(sha256sum <<<"$dir" | cut -c1-12)

fail() {
    echo "engine.sh: $*" >&2
    exit 1
}

# Whether process $1 still does something; a zombie waits for its parent only.
alive() {
    local state
    state=$(awk '$1 == "State:" { print $2 }' "/proc/$1/status" 2>/dev/null) || return 1
    [[ -n $state && $state != Z && $state != X ]]
}

# The pid of our dockerd, or nothing. A pid file outlives a killed engine, so the process must name the file.
engine_pid() {
    local pid
    pid=$(cat "$dir/pid" 2>/dev/null) || return 0
    if [[ $pid =~ ^[0-9]+$ ]] && alive "$pid" && has_argument "$pid" "$dir/pid"; then
        echo "$pid"
    fi
}

has_argument() { tr '\0' '\n' <"/proc/$1/cmdline" 2>/dev/null | grep -qxF -- "$2"; }

# containerd and its shims: they name our containerd's files as a whole argument.
helpers() {
    local cmdline pid
    # A process may end while it is read.
    { grep -lsaF -- "$dir/exec/containerd/containerd." /proc/[0-9]*/cmdline || true; } | while read -r cmdline; do
        pid=${cmdline#/proc/}
        pid=${pid%/cmdline}
        case $(basename "$(readlink "/proc/$pid/exe" 2>/dev/null || true)") in
        containerd | containerd-shim*) ! alive "$pid" || echo "$pid" ;;
        esac
    done
}

# Our directory in every mounted hierarchy, version 1 or 2.
cgroups() {
    awk '{ for (i = 7; i < NF; i++) if ($i == "-" && $(i + 1) ~ /^cgroup2?$/) print $5 }' /proc/self/mountinfo |
        while read -r mount; do
            [[ ! -d $mount/$parent ]] || echo "$mount/$parent"
        done
}

contained() {
    local group
    for group in $(cgroups); do
        find "$group" -name cgroup.procs -exec cat {} + 2>/dev/null || true
    done | sort -un
}

# Kills what `$1` lists until it lists nothing.
kill_all() {
    local pids
    for _ in {1..200}; do
        pids=$($1)
        [[ -n $pids ]] || return 0
        # Some have ended since; the next round looks again.
        kill -KILL $pids 2>/dev/null || true
        sleep 0.05
    done
    fail "these processes do not end:" $pids
}

thaw() {
    local state
    # A frozen process of version 1 does not die.
    for group in $(cgroups); do
        find "$group" -name freezer.state | while read -r state; do
            echo THAWED >"$state"
        done
    done
}

# Ends the engine and its containers. Mounts and net namespaces end with the engine's mount namespace.
halt() {
    local pid group
    pid=$(engine_pid)
    # Containers first: the engine would give each ten seconds to react to a SIGTERM that pid 1 ignores.
    thaw
    kill_all contained
    if [[ -n $pid ]]; then
        kill -TERM "$pid" 2>/dev/null || true
        for _ in {1..300}; do
            alive "$pid" || break
            sleep 0.05
        done
        # Nothing is lost that is wanted: the data goes, or the next start repairs it.
        ! alive "$pid" || kill -KILL "$pid"
    fi
    kill_all helpers
    kill_all contained
    for group in $(cgroups); do
        find "$group" -depth -type d -exec rmdir {} +
    done
    rm -f "$dir/pid" "$socket"
    rm -rf --one-file-system -- "$dir/exec" "$dir/run"
}

# One engine.sh at a time for a directory that exists.
lock() {
    exec 9<"$dir"
    flock -w 60 9 || fail "another engine.sh has been working on $dir for a minute"
    [[ $dir -ef /proc/self/fd/9 ]] # The one before may have removed it.
}

start() {
    local pid began
    [[ $EUID -eq 0 ]] || fail "an engine needs root"
    for program in dockerd docker containerd; do
        command -v "$program" >/dev/null || fail "there is no $program; run scripts/setup.sh engine"
    done
    # The kernel's limit for a socket's path is 107 bytes; containerd's longest ends like this.
    [[ $(printf %s "$dir/exec/containerd/containerd.sock.ttrpc" | wc -c) -le 107 ]] ||
        fail "the path $dir is too long for sockets; give a shorter DIR"
    case $dir/ in
    /run/* | /var/run/*) fail "DIR must not be below /run, which the engine sees a copy of" ;;
    esac
    mkdir -p "$dir"
    lock || fail "$dir has been removed in the meantime; try again"
    [[ -e $dir/.engine || -z $(ls -A "$dir") ]] || fail "$dir is not empty and not an engine's"
    touch "$dir/.engine"
    if [[ -n $(engine_pid) ]]; then
        echo "DOCKER_HOST=unix://$socket"
        return
    fi
    halt # What a killed engine left; its images stay.
    mkdir -p "$dir/run"
    # So that neither the system's nor the user's configuration has a say.
    echo '{}' >"$dir/daemon.json"
    began=$(date +%s%N)
    DIR=$dir PARENT=$parent setsid unshare --mount --propagation slave bash -c "$inside" \
        >"$dir/log" 2>&1 </dev/null 9>&- &
    pid=$!
    trap 'abandon "$pid"; exit 130' INT
    trap 'abandon "$pid"; exit 143' TERM
    for _ in {1..600}; do
        if [[ -S $socket ]] && [[ $(engine_pid) == "$pid" ]] && docker_answers; then
            echo "engine.sh: ready after $((($(date +%s%N) - began) / 1000000)) ms" >&2
            echo "DOCKER_HOST=unix://$socket"
            return
        fi
        alive "$pid" || break
        sleep 0.05
    done
    tail -n 20 "$dir/log" >&2
    abandon "$pid"
    fail "the engine did not become ready; the end of its log is above"
}

# Ends an engine that has not got as far as to have a pid file.
abandon() {
    ! alive "$1" || kill -KILL "$1"
    halt
}

docker_answers() { DOCKER_HOST=unix://$socket timeout 10 docker version >/dev/null 2>&1; }

# Runs in the new mount namespace. /run gets a writable layer of its own: containerd and the engine keep sockets there
# at paths that no option moves.
inside='set -euo pipefail
mount -t tmpfs -o mode=700 tmpfs "$DIR/run"
mkdir "$DIR/run/upper" "$DIR/run/work"
mount -t overlay -o "lowerdir=/run,upperdir=$DIR/run/upper,workdir=$DIR/run/work" overlay /run
exec dockerd --config-file "$DIR/daemon.json" --data-root "$DIR/data" --exec-root "$DIR/exec" --pidfile "$DIR/pid" \
    --host "unix://$DIR/docker.sock" --group root \
    --bridge none --iptables=false --ip6tables=false --ip-forward=false --ip-masq=false --userland-proxy=false \
    --exec-opt native.cgroupdriver=cgroupfs --cgroup-parent "/$PARENT"'

stop() {
    [[ -e $dir/.engine ]] || return 0
    lock || return 0
    halt
    ! grep -F " $dir/" /proc/self/mountinfo >&2 || fail "the mounts above are not the engine's; unmount them"
    rm -rf --one-file-system -- "$dir/data" "$dir/client" "$dir/daemon.json" "$dir/log" "$dir/.engine"
    rmdir --ignore-fail-on-non-empty "$dir"
}

status() {
    local pid
    pid=$(engine_pid)
    if [[ -z $pid ]]; then
        echo "not running: $dir"
        exit 3
    fi
    echo "running, pid $pid"
    echo "DOCKER_HOST=unix://$socket"
}

case $command in
start | stop | status) $command ;;
*) fail "$usage" ;;
esac
