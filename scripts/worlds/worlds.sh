#!/usr/bin/env bash
# Runs the conformance suites as an ordinary user of this machine, and prints that world's facts for the matrix.
# Usage: scripts/worlds/worlds.sh user|subuid [FILTER]
#   user    user id 1500, which no account has, without groups, cgroups or subordinate ids
#   subuid  the same with a range in /etc/subuid and /etc/subgid
# All its changes (files bound over /etc, a path to this folder) are in a mount namespace of its own and end with it.
set -euo pipefail
cd "$(dirname "$0")/../.."
world=${1:?usage: worlds.sh user|subuid [FILTER]} filter=${2:-ConformanceTests|SandboxTestingTests}
[[ $world == user || $world == subuid ]] || { echo "worlds.sh: no world '$world'; give user or subuid" >&2 && exit 2; }
[[ $EUID -eq 0 ]] || { echo "worlds.sh: only root can become another user" >&2 && exit 1; }

if [[ ${WORLD_IS_APART:-} != 1 ]]; then
    home=$(mktemp -d)
    trap 'rm -rf "$home"' EXIT
    # The user has access to the copy of the victims and to the image, as to all else, by its own name.
    scripts/victims.sh .build-victims
    mkdir -p .build/matrix
    WORLD_IS_APART=1 WORLD_HOME=$home unshare --mount --propagation private scripts/worlds/worlds.sh "$@"
    exit
fi

# A user without access to a folder on the path to this one gets a path that contains nothing else.
repository=$PWD ancestor=
IFS=/ read -ra parts <<<"${PWD#/}"
for part in "${parts[@]}"; do
    ancestor+=/$part
    if [[ $ancestor != "$repository" && ! $(stat -c %a "$ancestor") =~ [1357]$ ]]; then
        mkdir "$WORLD_HOME/way"
        mount --bind "$repository" "$WORLD_HOME/way"
        mount -t tmpfs -o mode=755 tmpfs "$ancestor"
        mkdir -p "$repository"
        mount --move "$WORLD_HOME/way" "$repository"
        break
    fi
done
cd "$repository"
if [[ $world == subuid ]]; then
    for file in subuid subgid; do
        echo "sandbox-test:200000:65536" >"$WORLD_HOME/$file"
        mount --bind "$WORLD_HOME/$file" "/etc/$file"
    done
    { cat /etc/passwd; echo "sandbox-test:x:1500:1500::$WORLD_HOME:/bin/sh"; } >"$WORLD_HOME/passwd"
    chmod 644 "$WORLD_HOME"/{passwd,subuid,subgid}
    mount --bind "$WORLD_HOME/passwd" /etc/passwd
fi
mkdir "$WORLD_HOME/tmp"
chmod 711 "$WORLD_HOME"
chown 1500:1500 "$WORLD_HOME/tmp"

variables=(PATH=/usr/local/bin:/usr/bin:/bin HOME="$WORLD_HOME/tmp" TMPDIR="$WORLD_HOME/tmp" LANG=C.UTF-8
    VICTIMS="$repository/.build-victims" SANDBOX_CACHE="$WORLD_HOME/tmp/cache")
# With an image whose files belong to the user, the user can have a writable root.
[[ -e images/container-host.tar ]] && variables+=(CONFORMANCE_IMAGE="$repository/images/container-host.tar")
as_user() { setpriv --reuid 1500 --regid 1500 --clear-groups env -i "${variables[@]}" "$@"; }

as_user /usr/bin/python3 scripts/worlds/matrix.py probe "$world" "$repository/.build/debug/sandbox" >".build/matrix/$world.json"
bundle=(.build/debug/*.xctest)
log=$WORLD_HOME/log
if ! as_user "$repository/${bundle[0]}" --testing-library swift-testing --filter "$filter" >"$log" 2>&1; then
    grep -vE '^(◇|✔)' "$log" | cut -c1-400 | tail -100
    exit 1
fi
tail -n 1 "$log"
# Zombies that wait for the machine's pid 1 do not count as leaks, and ending processes have a moment.
for _ in {1..100}; do
    pgrep -u 1500 --runstates R,S,D,T >/dev/null || break
    sleep 0.1
done
if pgrep -u 1500 --runstates R,S,D,T >/dev/null; then
    echo "worlds.sh: left behind by world $world:" >&2
    pgrep -u 1500 -a >&2
    exit 1
fi
