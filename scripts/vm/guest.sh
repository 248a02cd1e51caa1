#!/bin/bash
# Process 1 of the guest: sets the system up as a distribution does, runs the job in each world, powers off.
set -euo pipefail
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8
# Any failure here is shown on the console, and the missing status makes it a failure of the script.
trap 'echo b >/proc/sysrq-trigger' EXIT

mount -t proc -o nosuid,nodev,noexec proc /proc
mount -t sysfs -o nosuid,nodev,noexec sysfs /sys
mount -t cgroup2 -o nosuid,nodev,noexec,nsdelegate,memory_recursiveprot cgroup2 /sys/fs/cgroup
mkdir -p /dev/pts /dev/shm
mount -t devpts -o gid=5,mode=620,ptmxmode=666 devpts /dev/pts
mount -t tmpfs -o nosuid,nodev tmpfs /dev/shm
mount -t tmpfs -o nosuid,nodev tmpfs /tmp
mount -t tmpfs -o nosuid,nodev,mode=755 tmpfs /run
ln -sfn /proc/self/fd /dev/fd
ln -sfn fd/0 /dev/stdin
ln -sfn fd/1 /dev/stdout
ln -sfn fd/2 /dev/stderr
ip link set lo up
hostname guest
# The propagation that systemd sets.
mount --make-rshared /
ulimit -Sn 1024
ulimit -Hn 524288
modprobe -a overlay

source /payload/job
for folder in "${binds[@]}"; do
    mkdir -p "$folder"
    mount --bind "/payload/tree$folder" "$folder"
done

port() {
    local name
    name=$(grep -lx "$1" /sys/class/virtio-ports/*/name)
    echo "/dev/$(basename "$(dirname "$name")")"
}
exec {output}>"$(port output)" {status}>"$(port status)"

# The cgroup tree as on a distribution: controllers enabled, processes only in leaves. /delegated follows the kernel's
# rules for delegation: the user owns the folder and the three files that move processes or enable controllers, but not
# the limits.
cgroup=/sys/fs/cgroup
controllers="+cpu +memory +pids"
echo "$controllers" >$cgroup/cgroup.subtree_control
mkdir $cgroup/tests $cgroup/user $cgroup/delegated
chown tester: $cgroup/delegated $cgroup/delegated/cgroup.{procs,subtree_control,threads}
echo "$controllers" >$cgroup/delegated/cgroup.subtree_control
setpriv --reuid tester --regid tester --init-groups mkdir $cgroup/delegated/tests

# Runs the job as a user, in a cgroup, with the standard variables of a login.
enter() {
    local user=$1 group=$2 home
    home=$(getent passwd "$user" | cut -d: -f6)
    echo "$BASHPID" >"$cgroup/$group/cgroup.procs"
    cd "$repository"
    exec {output}>&- {status}>&-
    exec setpriv --reuid "$user" --regid "$user" --init-groups \
        env -i PATH="$PATH" LANG="$LANG" HOME="$home" USER="$user" LOGNAME="$user" SHELL=/bin/bash \
        "WORLD=$world" "${variables[@]}" "${command[@]}"
}

# Starts systemd as process 1, which logs tester in, runs the job in that session, and resets the machine.
session() {
    [[ ${#worlds[@]} -eq 1 ]] || echo "== world session" >&"$output"
    {
        printf 'cd %q\nexport WORLD=session PATH=%q LANG=%q\n' "$repository" "$PATH" "$LANG"
        [[ ${#variables[@]} -eq 0 ]] || printf 'export %q\n' "${variables[@]}"
        printf '%q ' "${command[@]}"
        printf '</dev/null 2>&1 | cat >%q\nexit "${PIPESTATUS[0]}"\n' "$(port output)"
    } >/run/job.sh
    chown tester: "$(port output)"
    # Outside the session, and as root: records the result.
    cat >/run/ended.sh <<END
code=\$EXIT_STATUS
[[ \$EXIT_CODE == exited ]] || code=137
[[ \$SERVICE_RESULT != timeout ]] || code=124
echo "ended session \$code" >$(port status)
echo b >/proc/sysrq-trigger
END
    mkdir -p /run/systemd/system
    cat >/run/systemd/system/job.service <<END
[Unit]
Wants=systemd-logind.service systemd-user-sessions.service
After=systemd-logind.service systemd-user-sessions.service
[Service]
User=tester
PAMName=login
ExecStart=/bin/bash /run/job.sh
ExecStopPost=+/bin/bash /run/ended.sh
RuntimeMaxSec=$seconds
StandardOutput=null
END
    exec {output}>&- {status}>&-
    exec /lib/systemd/systemd --unit=job.service --show-status=no
}

for world in "${worlds[@]}"; do
    [[ $world != session ]] || session
    case $world in
    root) user=root group=tests ;;
    delegated) user=tester group=delegated/tests ;;
    user) user=tester group=user ;;
    subuid) user=subtester group=user ;;
    esac
    [[ ${#worlds[@]} -eq 1 ]] || echo "== world $world" >&"$output"
    # Through a pipe: a program may open its /dev/stdout again, which the port would refuse.
    exec {pipe}> >(exec cat >&"$output")
    copier=$! code=0
    # The watchdog stays outside the world's cgroup, which must contain only the job.
    (sleep "$seconds" && touch /run/expired && echo 1 >"$cgroup/${group%%/*}/cgroup.kill") {pipe}>&- {output}>&- {status}>&- &
    watchdog=$!
    (enter "$user" "$group") </dev/null >&"$pipe" 2>&1 {pipe}>&- || code=$?
    # The watchdog may have ended already; once it is gone it cannot kill processes of the next world.
    kill "$watchdog" 2>/dev/null || [[ -e /run/expired ]]
    wait "$watchdog" || true
    # Remaining processes must neither hold the pipe nor belong to the next world.
    echo 1 >"$cgroup/${group%%/*}/cgroup.kill"
    exec {pipe}>&-
    wait "$copier"
    if [[ -e /run/expired ]]; then
        code=124
        rm /run/expired
    fi
    echo "ended $world $code" >&"$status"
done
