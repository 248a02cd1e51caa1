#!/usr/bin/env bash
# A private API service of Podman for tests: its data, socket, configuration, pid, mount and cgroup namespace are below
# DIR, separate from the system's Podman.
# Usage: scripts/engines/podman.sh start|stop|status [DIR]     (DIR: .build-podman)
#   start   prints one line, DOCKER_HOST=unix://…
#   stop    also removes all data
#   status  exits with 0 (runs) or 3
set -euo pipefail

usage="usage: podman.sh start|stop|status [DIR]"
source "$(dirname "$0")/daemon.sh"
command=${1:?$usage}
dir=$(realpath -m -- "${2:-$(dirname "$0")/../../.build-podman}")
socket=$dir/podman.sock
parent=$(cgroup_name "$dir")
# In the service's own layer of /run: Podman accepts at most 50 bytes for its runroot, and $dir may be longer.
short=/run/$parent

# The pid of unshare, which waits outside for the namespaces' first process: that process dies with it, and all others
# with that.
daemon_pid() { pid_with "$dir/inside.sh"; }
address() { echo "DOCKER_HOST=unix://$socket"; }

# Ends the service and its containers. Mounts and net namespaces end with the mount namespace.
halt() {
    local pid
    pid=$(daemon_pid)
    [[ -z $pid ]] || kill -KILL "$pid"
    thaw
    kill_all contained
    remove_cgroups
    rm -f "$dir/pid" "$socket"
    rm -rf --one-file-system -- "$dir/run"
}

# The service's cgroups, which it sees as the root, and below which it makes its own. A process can join a cpuset only
# when the cpuset has processors and memory.
make_cgroups() {
    local mount file
    hierarchies | while read -r mount; do
        mkdir -p "$mount/$parent"
        for file in cpuset.cpus cpuset.mems; do
            [[ ! -e $mount/$file || ! -e $mount/$parent/$file ]] || cat "$mount/$file" >"$mount/$parent/$file"
        done
    done
}

configure() {
    cat >"$dir/containers.conf" <<END_OF_FILE
[containers]
# The host's own names must not appear in containers.
base_hosts_file = "none"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "none"
runtime = "crun"
END_OF_FILE
    cat >"$dir/storage.conf" <<END_OF_FILE
[storage]
driver = "overlay"
graphroot = "$dir/data"
runroot = "$short/data"
END_OF_FILE
    # Docker accepts any port of the loopback without TLS.
    cat >"$dir/registries.conf" <<END_OF_FILE
unqualified-search-registries = []
[[registry]]
location = "127.0.0.1"
insecure = true
END_OF_FILE
    printf '%s\n' "$inside" >"$dir/inside.sh"
}

# Moves itself to these cgroups, which become the root of the new cgroup namespace.
enter() {
    local group mounts
    for group in $(cgroups); do echo "$BASHPID" >"$group/cgroup.procs"; done
    mapfile -t mounts < <(hierarchies)
    exec env -i PATH="$PATH" HOME="$dir/home" DIR="$dir" PARENT="$parent" SHORT="$short" CONTAINERS_CONF="$dir/containers.conf" \
        CONTAINERS_STORAGE_CONF="$dir/storage.conf" CONTAINERS_REGISTRIES_CONF="$dir/registries.conf" \
        setsid unshare --mount --cgroup --pid --fork --kill-child --propagation slave bash "$dir/inside.sh" "${mounts[@]}"
}

# Runs as process 1 of the new namespaces, so it reaps the service's orphans; its arguments are the hierarchies.
inside='set -euo pipefail
for mount; do mount --bind "$mount/$PARENT" "$mount"; done
mount -t proc -o nosuid,nodev,noexec proc /proc
'"$own_run"'
# After each OOM kill conmon leaves a file `oom` in its working directory.
cd "$HOME"
podman --root "$DIR/data" --runroot "$SHORT/data" --tmpdir "$SHORT/libpod" --network-config-dir "$DIR/networks" \
    --cgroup-manager cgroupfs --events-backend none system service --time=0 "unix://$DIR/podman.sock" &
wait'

start() {
    local pid
    [[ $EUID -eq 0 ]] || fail "a service with containers needs root"
    for program in podman crun conmon curl; do
        command -v "$program" >/dev/null || fail "there is no $program; run scripts/setup.sh docker"
    done
    claim .podman
    if [[ -n $(daemon_pid) ]]; then
        address
        return
    fi
    halt
    mkdir -p "$dir/run" "$dir/home"
    configure
    make_cgroups
    enter >"$dir/log" 2>&1 </dev/null 9>&- &
    pid=$!
    echo "$pid" >"$dir/pid"
    ready_within "$pid" 10 is_ready "$pid"
}

is_ready() {
    [[ -S $socket && $(daemon_pid) == "$1" ]] &&
        curl -sf -m 10 -o "$dir/ping" --unix-socket "$socket" http://podman/_ping && rm -f "$dir/ping"
}

# Ends a service whose start failed before its namespaces existed.
abandon() {
    ! alive "$1" || kill -KILL "$1"
    halt
}

stop() {
    [[ -e $dir/.podman ]] || return 0
    lock || return 0
    halt
    ! grep -F " $dir/" /proc/self/mountinfo >&2 || fail "the mounts above are not the service's; unmount them"
    rm -rf --one-file-system -- "${dir:?}"/{data,home,networks,inside.sh,log,ping,.podman} "$dir"/*.conf
    rmdir --ignore-fail-on-non-empty "$dir"
}

case $command in
start | stop | status) $command ;;
*) fail "$usage" ;;
esac
