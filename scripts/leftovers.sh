#!/usr/bin/env bash
# Shows that a test run left nothing: no process, mount, cgroup or temporary file of the library's, no dying memory
# cgroups, no engine, registry or Podman of this folder's (and so no container and no volume), and in the clone only
# ignored files.
# Usage: leftovers.sh snapshot > FILE; leftovers.sh compare FILE
set -euo pipefail
repository=$(realpath "$(dirname "$0")/..")
states=("$repository"/.build-{engine,docker-tests/engine,docker-tests/podman})
source "$repository/scripts/engines/daemon.sh"

processes() { (grep -lazE '^isolate-supervisor' /proc/[0-9]*/cmdline 2>/dev/null || true) | wc -l; }
cgroups() { (find /sys/fs/cgroup -maxdepth 6 -type d -name 'swift-sandbox-*' 2>/dev/null || true) | wc -l; }
mounts() { wc -l </proc/self/mountinfo; }
files() { find /tmp -maxdepth 1 \( -name 'isolate-*' -o -name 'sandbox-*' -o -name 'conformance-*' -o -name 'programs-*' \) | wc -l; }
# Daemons, shims and monitors, identified by files below this folder; their containers' processes are in their cgroups.
daemons() {
    local cmdline count=0
    while read -r cmdline; do
        case $(basename "$(readlink "${cmdline%cmdline}exe" 2>/dev/null || true)") in
        dockerd | containerd* | podman | conmon | docker-registry | unshare) count=$((count + 1)) ;;
        esac
    done < <(grep -lsaF -- "$repository/.build-" /proc/[0-9]*/cmdline || true)
    echo "$count"
}
# Their names come from the daemon's folder; Podman's are below such a cgroup, too.
engine_cgroups() {
    local state count=0
    for state in "${states[@]}"; do
        count=$((count + $( (find /sys/fs/cgroup -maxdepth 2 -type d -name "$(cgroup_name "$state")" 2>/dev/null || true) | wc -l)))
    done
    echo "$count"
}
engine_files() { (ls -d "$repository"/.build-{engine,docker-tests} 2>/dev/null || true) | wc -l; }
clone() { (git -C "$repository" status --porcelain 2>/dev/null || true) | wc -l; }
# Removed memory cgroups that the kernel still holds. Those with a name are counted above; these have none, and only
# version 2 tells where they were: below the own cgroup.
memory() {
    local own
    own=/sys/fs/cgroup$(awk -F: '$1 == 0 { print $3 }' /proc/self/cgroup)
    if [[ -e $own/cgroup.stat && ${own%/} != /sys/fs/cgroup ]]; then
        awk '$1 == "nr_dying_descendants" { print $2 }' "$own/cgroup.stat"
    else
        echo $(($(awk '$1 == "memory" { print $3 }' /proc/cgroups) - $(find /sys/fs/cgroup/memory -type d 2>/dev/null | wc -l)))
    fi
}
# Whether the count includes other work's: then it decides nothing.
memory_is_everybodys() { [[ -d /sys/fs/cgroup/memory || ! -e /sys/fs/cgroup/cgroup.controllers || $(cat /proc/self/cgroup) == 0::/ ]]; }

case "${1:?usage: leftovers.sh snapshot|compare FILE}" in
snapshot)
    for what in processes cgroups mounts files daemons engine_cgroups engine_files clone memory; do echo "$what $($what)"; done
    ;;
compare)
    passed=0 failed=0
    while read -r what count; do
        # The kernel frees the last dying cgroups later; the test is that they do not accumulate.
        allowed=$count seconds=10
        [[ $what == memory ]] && allowed=$((count + 20)) seconds=90
        # A process or cgroup that is ending may take a moment.
        for ((i = 0; i < seconds; i++)); do
            now=$($what)
            [[ $now -le $allowed ]] && break
            # Most often file cache keeps a dying cgroup.
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
