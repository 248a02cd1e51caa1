# shellcheck shell=bash disable=SC2154,SC2086
# Shared by the scripts that start a daemon for the tests: engine.sh, registry.sh, podman.sh, which source this file.
# $dir is the daemon's directory, $parent its cgroup, if it has one. They define
#   daemon_pid   the daemon's pid, or nothing
#   address      the line that gives callers its address
#   abandon PID  ends a daemon whose start failed before daemon_pid could find it

name=$(basename "$0")

fail() {
    echo "$name: $*" >&2
    exit 1
}

# Whether process $1 still runs; a zombie does not.
alive() {
    local state
    state=$(awk '$1 == "State:" { print $2 }' "/proc/$1/status" 2>/dev/null) || return 1
    [[ -n $state && $state != Z && $state != X ]]
}

has_argument() { tr '\0' '\n' <"/proc/$1/cmdline" 2>/dev/null | grep -qxF -- "$2"; }

# pid_with ARGUMENT: the pid in the daemon's pid file, or nothing. The file outlives a killed daemon, and the kernel
# reuses pids, so the process's command line must contain ARGUMENT.
pid_with() {
    local pid
    pid=$(cat "$dir/pid" 2>/dev/null) || return 0
    if [[ $pid =~ ^[0-9]+$ ]] && alive "$pid" && has_argument "$pid" "$1"; then
        echo "$pid"
    fi
}

# Whether process $1 ended within $2 seconds.
ends_within() {
    local i
    for ((i = 0; i < $2 * 20; i++)); do
        alive "$1" || return 0
        sleep 0.05
    done
    return 1
}

# Runs in a mount namespace of its own, with $DIR and $PARENT: /run gets a writable layer, since daemons keep sockets
# there at paths that no option changes.
own_run='mount -t tmpfs -o mode=700 tmpfs "$DIR/run"
mkdir "$DIR/run/upper" "$DIR/run/work"
mount -t overlay -o "lowerdir=/run,upperdir=$DIR/run/upper,workdir=$DIR/run/work" overlay /run'

# ready_within PID SECONDS CHECK...: waits until CHECK succeeds and prints the address; gives up when PID ends.
ready_within() {
    local pid=$1 i began
    began=$(date +%s%N)
    trap 'abandon "$pid"; exit 130' INT
    trap 'abandon "$pid"; exit 143' TERM
    for ((i = 0; i < $2 * 20; i++)); do
        if "${@:3}"; then
            echo "$name: ready after $((($(date +%s%N) - began) / 1000000)) ms" >&2
            address
            return
        fi
        alive "$pid" || break
        sleep 0.05
    done
    tail -n 20 "$dir/log" >&2
    abandon "$pid"
    fail "it did not become ready; the end of its log is above"
}

status() {
    local pid
    pid=$(daemon_pid)
    if [[ -z $pid ]]; then
        echo "not running: $dir"
        exit 3
    fi
    echo "running, pid $pid"
    address
}

# Where cgroup hierarchies are mounted, of version 1 or 2.
hierarchies() { awk '{ for (i = 7; i < NF; i++) if ($i == "-" && $(i + 1) ~ /^cgroup2?$/) print $5 }' /proc/self/mountinfo; }

# The daemon's cgroup in each of them.
cgroups() {
    local mount
    hierarchies | while read -r mount; do
        [[ ! -d $mount/$parent ]] || echo "$mount/$parent"
    done
}

# The name of the cgroup for directory $1; without the library's prefix, so that the library's cleanup of dead owners
# leaves it alone.
cgroup_name() { echo "sandbox-engine-$(sha256sum <<<"$1" | cut -c1-12)"; }

contained() {
    local group
    for group in $(cgroups); do
        find "$group" -name cgroup.procs -exec cat {} + 2>/dev/null || true
    done | sort -un
}

# Kills the processes that `$1` lists, until it lists none.
kill_all() {
    local pids
    for _ in {1..200}; do
        pids=$($1)
        [[ -n $pids ]] || return 0
        # Some have ended since; the next round lists the others again.
        kill -KILL $pids 2>/dev/null || true
        sleep 0.05
    done
    fail "these processes do not end:" $pids
}

# On version 1 a frozen process does not die.
thaw() {
    local group state
    for group in $(cgroups); do
        find "$group" -name freezer.state | while read -r state; do
            echo THAWED >"$state"
        done
    done
}

# Frees file cache that is charged to the cgroup, which would keep the removed cgroup in the kernel: the daemon's
# containers leave such cache, and a cgroup above theirs can still free it.
reclaim() {
    if [[ -e $1/memory.force_empty ]]; then
        echo 0 >"$1/memory.force_empty"
    elif [[ -e $1/memory.reclaim ]]; then
        echo 8G >"$1/memory.reclaim"
    fi 2>/dev/null || true # less cache was there, or some of it is in use
}

remove_cgroups() {
    local group
    for group in $(cgroups); do
        reclaim "$group"
        find "$group" -depth -type d -exec rmdir {} +
    done
}

# claim MARK: marks $dir as this script's, and lets only one script at a time use it.
claim() {
    mkdir -p "$dir"
    lock || fail "$dir has been removed in the meantime; try again"
    [[ -e $dir/$1 || -z $(ls -A "$dir") ]] || fail "$dir is not empty and has no $1"
    touch "$dir/$1"
}

lock() {
    exec 9<"$dir"
    flock -w 60 9 || fail "another $name has been working on $dir for a minute"
    [[ $dir -ef /proc/self/fd/9 ]] # the previous script may have removed it
}
