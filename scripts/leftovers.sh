#!/usr/bin/env bash
# Shows that a test run left nothing: no process, mount, cgroup or temporary file of ours, no dying memory cgroups,
# no engine, registry or Podman of this folder's, and with them no container and no volume, nothing in the clone but what
# is ignored.
# Usage: leftovers.sh snapshot > FILE; leftovers.sh compare FILE
set -euo pipefail
repository=$(realpath "$(dirname "$0")/..")
states=("$repository"/.build-{engine,docker-tests/engine,docker-tests/podman})
source "$repository/scripts/engines/daemon.sh"

processes() { (grep -lazE '^isolate-supervisor' /proc/[0-9]*/cmdline 2>/dev/null || true) | wc -l; }
cgroups() { (find /sys/fs/cgroup -maxdepth 6 -type d -name 'swift-sandbox-*' 2>/dev/null || true) | wc -l; }
mounts() { wc -l </proc/self/mountinfo; }
files() { find /tmp -maxdepth 1 \( -name 'isolate-*' -o -name 'sandbox-*' -o -name 'conformance-*' \) | wc -l; }
# Daemons, shims and monitors name files below this folder; their containers' processes are in cgroups of theirs.
daemons() {
    local cmdline count=0
    while read -r cmdline; do
        case $(basename "$(readlink "${cmdline%cmdline}exe" 2>/dev/null || true)") in
        dockerd | containerd* | podman | conmon | docker-registry | unshare) count=$((count + 1)) ;;
        esac
    done < <(grep -lsaF -- "$repository/.build-" /proc/[0-9]*/cmdline || true)
    echo "$count"
}
# Named after the daemon's folder; Podman's, too, are below such a one.
engine_cgroups() {
    local state count=0
    for state in "${states[@]}"; do
        count=$((count + $( (find /sys/fs/cgroup -maxdepth 2 -type d -name "$(cgroup_name "$state")" 2>/dev/null || true) | wc -l)))
    done
    echo "$count"
}
engine_files() { (ls -d "$repository"/.build-{engine,docker-tests} 2>/dev/null || true) | wc -l; }
clone() { (git -C "$repository" status --porcelain 2>/dev/null || true) | wc -l; }
# Memory cgroups that the kernel holds though nobody has them any more. What has a name is counted above; these have none, and
# only version 2 tells whose they were: those below our own cgroup.
memory() {
    local own
    own=/sys/fs/cgroup$(awk -F: '$1 == 0 { print $3 }' /proc/self/cgroup)
    if [[ -e $own/cgroup.stat && ${own%/} != /sys/fs/cgroup ]]; then
        awk '$1 == "nr_dying_descendants" { print $2 }' "$own/cgroup.stat"
    else
        echo $(($(awk '$1 == "memory" { print $3 }' /proc/cgroups) - $(find /sys/fs/cgroup/memory -type d 2>/dev/null | wc -l)))
    fi
}
# Everybody's: other work on the machine makes them too, so their number decides nothing.
memory_is_everybodys() { [[ -d /sys/fs/cgroup/memory || ! -e /sys/fs/cgroup/cgroup.controllers || $(cat /proc/self/cgroup) == 0::/ ]]; }

case "${1:?usage: leftovers.sh snapshot|compare FILE}" in
snapshot)
    for what in processes cgroups mounts files daemons engine_cgroups engine_files clone memory; do echo "$what $($what)"; done
    ;;
compare)
    passed=0 failed=0
    while read -r what count; do
        # The kernel frees the last dying cgroups when it likes; what must not happen is that they pile up.
        allowed=$count seconds=10
        [[ $what == memory ]] && allowed=$((count + 20)) seconds=90
        # A process or cgroup that is on its way out may take a moment.
        for ((i = 0; i < seconds; i++)); do
            now=$($what)
            [[ $now -le $allowed ]] && break
            # What keeps a dying one is most often file cache.
            [[ $what != memory || $i -ne 10 ]] || echo 3 >/proc/sys/vm/drop_caches 2>/dev/null || true
            sleep 1
        done
        if [[ $now -le $allowed ]]; then
            passed=$((passed + 1))
        elif [[ $what == memory ]] && memory_is_everybodys; then
            echo "note: dying memory cgroups, everybody's: $count before, $now after"
        else
            failed=$((failed + 1))
            echo "left behind: $what: $count before, $now after"
        fi
    done <"${2:?compare needs the snapshot}"
    echo "leftovers: $passed passed, $failed failed"
    [[ $failed -eq 0 ]]
    ;;
esac
