#!/usr/bin/env bash
# Shows that a test run left nothing: no process, mount, cgroup or temporary file of ours, no dying memory cgroups,
# no engine, registry or Podman of this folder's, and with them no container and no volume, nothing in the clone but what
# is ignored.
# Usage: leftovers.sh snapshot > FILE; leftovers.sh compare FILE
set -euo pipefail
repository=$(realpath "$(dirname "$0")/..")
states=("$repository"/.build-{engine,docker-tests/engine,docker-tests/podman})
source "$repository/scripts/daemon.sh"

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
# Memory cgroups that the kernel still holds, dying ones included.
memory() { awk '$1 == "memory" { print $3 }' /proc/cgroups; }

case "${1:?usage: leftovers.sh snapshot|compare FILE}" in
snapshot)
    for what in processes cgroups mounts files daemons engine_cgroups engine_files clone memory; do echo "$what $($what)"; done
    ;;
compare)
    passed=0 failed=0
    while read -r what count; do
        # A process or cgroup that is on its way out may take a moment.
        for _ in 1 2 3 4 5 6 7 8 9 10; do
            now=$($what)
            # The kernel frees the last dying cgroups when it likes; what must not happen is that they pile up.
            allowed=$count
            [[ $what == memory ]] && allowed=$((count + 20))
            [[ $now -le $allowed ]] && break
            sleep 1
        done
        if [[ $now -le $allowed ]]; then
            passed=$((passed + 1))
        else
            failed=$((failed + 1))
            echo "left behind: $what: $count before, $now after"
        fi
    done <"${2:?compare needs the snapshot}"
    echo "leftovers: $passed passed, $failed failed"
    [[ $failed -eq 0 ]]
    ;;
esac
