#!/usr/bin/env bash
# Runs the sandbox command, copied alone, in a plain `docker run` of a private engine: the conditions of a default
# container.
# Usage: scripts/worlds/container.sh [--user ID[:ID]] [--mount HOST:CONTAINER]... [-- PROGRAM [ARGUMENTS...]]
#        scripts/worlds/container.sh test           tests level minimal there, and doctor's suggestions (Tests/ContainerTests)
#        scripts/worlds/container.sh facts          prints what such a container offers, as root and as a user (docs/containers.md)
# PROGRAM (default: sandbox doctor, as root and then as 1500:1500) finds `sandbox` in PATH, g++ and python3; this
# repository's Examples are in /examples. Output and exit status are the program's own; 125: the harness failed.
# ENGINE_DIR names an engine's directory; the script stops an engine that it started itself.
set -euo pipefail
cd "$(dirname "$0")/../.."

engine=${ENGINE_DIR:-.build-engine}
image=container-host
user='' mounts=() program=()
# A failure of the harness must not look like the program's.
trap 'exit 125' ERR

while [[ $# -gt 0 ]]; do
    case $1 in
    --user)
        user=${2:?--user needs an id}
        shift
        ;;
    --mount)
        mounts+=(--volume "${2:?--mount needs HOST:CONTAINER}:ro")
        shift
        ;;
    --)
        shift
        program=("$@")
        break
        ;;
    facts | test) program=("$1") ;;
    *)
        echo "container.sh: unknown argument '$1'" >&2
        exit 2
        ;;
    esac
    shift
done

source scripts/quietly.sh

quietly scripts/images.sh "$image"
static=(--enable-all-traits -c release --static-swift-stdlib --scratch-path .build-static)
quietly swift build "${static[@]}" --product sandbox
command=$(swift build "${static[@]}" --show-bin-path)/sandbox

work=$(mktemp -d)
started=''
finish() {
    local status=$?
    rm -rf "$work" || status=125
    [[ -z $started ]] || scripts/engines/engine.sh stop "$engine" || status=125
    exit "$status"
}
trap finish EXIT
# A signal ends the script, and so stops the engine.
trap 'exit 130' INT
trap 'exit 143' TERM
scripts/engines/engine.sh status "$engine" >/dev/null || started=yes
DOCKER_HOST=$(scripts/engines/engine.sh start "$engine" 2>"$work/log") || { cat "$work/log" >&2; exit 125; }
export DOCKER_HOST=${DOCKER_HOST#DOCKER_HOST=}
# The user's own client configuration could add options, so docker gets an empty one.
export DOCKER_CONFIG=$work/client

# Imported once for each version of the image.
tag=$image:$(stat -c '%Y-%s' "images/$image.tar")
docker image inspect "$tag" >/dev/null 2>&1 || docker import "images/$image.tar" "$tag" >/dev/null

install -m 755 "$command" "$work/sandbox"
chmod 755 "$work"

# inside USER PROGRAM...: runs it in a default container; the only options are its network (the engine has no bridge)
# and mounts.
inside() {
    local options=()
    [[ -z $1 ]] || options+=(--user "$1")
    shift
    # Without a terminal, which would merge the streams.
    docker run --rm --interactive --network none --volume "$work/sandbox:/usr/local/bin/sandbox:ro" \
        --volume "$PWD/Examples:/examples:ro" "${mounts[@]}" "${options[@]}" "$tag" "$@"
}

# run USER PROGRAM...: the same; its status is in $status.
run() {
    status=0
    inside "$@" || status=$?
}

case ${program[*]:-} in
'')
    for id in '' 1500:1500; do
        echo "== sandbox doctor as ${id:-root}"
        run "$id" sandbox doctor </dev/null
        echo "[exit status $status]"
    done
    ;;
test)
    status=0
    python3 -B Tests/ContainerTests/run.py "$tag" "$work/sandbox" || status=$?
    mounts+=(--volume "$PWD/scripts/worlds:/worlds:ro")
    mkdir -p .build/matrix
    for world in root:0 user:1500; do
        inside "${world#*:}:${world#*:}" python3 /worlds/matrix.py probe "container-${world%:*}" sandbox \
            </dev/null >".build/matrix/container-${world%:*}.json"
    done
    exit "$status"
    ;;
facts)
    mounts+=(--volume "$PWD/Tests/Programs/host:/host:ro")
    for id in 0 1500; do
        inside "$id:$id" sh -ec 'for name in surroundings offers; do gcc -O1 -o /tmp/$name /host/$name.c; /tmp/$name; done' \
            </dev/null >"$work/facts-$id"
    done
    # A fact that is the same for both users is printed once.
    paste "$work/facts-0" <(cut -f2 "$work/facts-1500") | awk -F'\t' '
        BEGIN { print "| feature | as root | as a user |"; print "| --- | --- | --- |" }
        { print "| " $1 " | " $2 " | " ($3 == $2 ? "the same" : $3) " |" }'
    ;;
*)
    run "$user" "${program[@]}"
    exit "$status"
    ;;
esac
