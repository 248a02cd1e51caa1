#!/usr/bin/env bash
# Starts what the Docker backend's tests need, all of it private: an engine with the images, a registry, Podman's
# service.
# Usage: scripts/engines/docker-tests.sh [--keep] -- COMMAND...     runs COMMAND with it, ends with its status; 125: the harness failed
#        scripts/engines/docker-tests.sh start                      leaves it running and prints the exports, as --keep does
#        scripts/engines/docker-tests.sh stop
# It is stopped at the end in any case, unless it ran before. COMMAND and the exports have
#   SANDBOX_TEST_ENGINE         the engine, as in DOCKER_HOST; it has cpp-runner, python-runner, and without a shell
#                               sandbox-test/static and sandbox-test/musl
#   SANDBOX_TEST_ENGINE_SCRIPT  scripts/engines/engine.sh, whose kill, start and restart (with SANDBOX_TEST_ENGINE_DIR behind it)
#   SANDBOX_TEST_ENGINE_DIR     tests may use it; the images stay
#   SANDBOX_TEST_PODMAN         Podman's service, as in DOCKER_HOST; it has these images except python-runner
#   SANDBOX_TEST_REGISTRY       the registry, as host:port; it has sandbox-test/static and sandbox-test/musl
#   SANDBOX_TEST_IMAGES         folder of the archives that `docker load` takes: cpp-runner.docker.tar, …, musl.docker.tar
# DOCKER_TESTS_DIR (.build-docker-tests) is its directory; engines that a test starts in folders engine-* there are
# stopped, too.
set -euo pipefail
cd "$(dirname "$0")/../.."

dir=$(realpath -m -- "${DOCKER_TESTS_DIR:-.build-docker-tests}")
# container-host has both languages, for the conformance suite.
runners=(cpp-runner python-runner container-host) shell_less=(static musl)
usage="usage: docker-tests.sh [--keep] -- COMMAND... | start | stop"
keep=''
case ${1:-} in
start | stop)
    [[ $# -eq 1 ]] || { echo "$usage" >&2 && exit 2; }
    task=$1
    ;;
*)
    task=run
    if [[ ${1:-} == --keep ]]; then keep=1 && shift; fi
    [[ ${1:-} == -- && $# -gt 1 ]] || { echo "$usage" >&2 && exit 2; }
    shift
    ;;
esac

stop() {
    local status=0 engine
    for engine in "$dir"/engine*/; do
        [[ ! -d $engine ]] || scripts/engines/engine.sh stop "$engine" || status=125
    done
    scripts/engines/podman.sh stop "$dir/podman" || status=125
    scripts/engines/registry.sh stop "$dir/registry" || status=125
    rm -rf "${dir:?}"/{images,client,kept,loaded-engine,loaded-podman} "$dir"/*.log
    rmdir "$dir" 2>/dev/null || [[ ! -d $dir ]] || status=125
    return "$status"
}

# Parts of the start that run at the same time, each silent unless it fails.
declare -A parts
begin() {
    "${@:2}" >"$dir/$1.log" 2>&1 8>&- &
    parts[$1]=$!
}
await() {
    wait "${parts[$1]}" || { cat "$dir/$1.log" >&2 && exit 125; }
}

archives() {
    local name
    scripts/images.sh --docker "${runners[@]}"
    scripts/images.sh --test-images
    mkdir -p "$dir/images"
    for name in "${runners[@]}"; do ln -sf "$PWD/images/$name.docker.tar" "$dir/images/"; done
    for name in "${shell_less[@]}"; do ln -sf "$PWD/.build-images/test/$name.docker.tar" "$dir/images/"; done
}

# load PLACE IMAGE...: loads each version of the archives once.
load() {
    local place=$1 name
    shift
    if [[ -e $dir/loaded-$place && -z $(find -L "$dir/images" -newer "$dir/loaded-$place" -name '*.tar' -print -quit) ]]; then return; fi
    for name; do docker load --quiet --input "$dir/images/$name.docker.tar"; done
    touch "$dir/loaded-$place"
}

engine() {
    scripts/engines/engine.sh start "$dir/engine"
    export DOCKER_HOST=unix://$dir/engine/docker.sock
    load engine "${shell_less[@]}" "${runners[@]}"
    for name in "${shell_less[@]}"; do scripts/engines/registry.sh push "sandbox-test/$name" "$dir/registry"; done
}

podman() {
    scripts/engines/podman.sh start "$dir/podman"
    export DOCKER_HOST=unix://$dir/podman/podman.sock
    load podman "${shell_less[@]}" cpp-runner
}

start() {
    mkdir -p "$dir"
    # Without the user's own configuration of docker.
    export DOCKER_CONFIG=$dir/client
    begin images archives
    begin registry scripts/engines/registry.sh start "$dir/registry"
    await images
    await registry
    begin engine engine
    begin podman podman
    await engine
    await podman
    exports=(
        SANDBOX_TEST_ENGINE="unix://$dir/engine/docker.sock"
        SANDBOX_TEST_ENGINE_DIR="$dir/engine"
        SANDBOX_TEST_ENGINE_SCRIPT="$PWD/scripts/engines/engine.sh"
        SANDBOX_TEST_PODMAN="unix://$dir/podman/podman.sock"
        SANDBOX_TEST_REGISTRY="$(sed -n 's/^REGISTRY=//p' "$dir/registry.log")"
        SANDBOX_TEST_IMAGES="$dir/images"
    )
}

finish() {
    local status=$?
    # A part that is still starting could start an engine after this.
    stop >/dev/null 2>&1 || true
    wait
    stop || status=125
    exit "$status"
}

if [[ $task == stop ]]; then
    stop
    exit
fi
# Only one of these scripts runs at a time: a second one would stop what the first is starting.
exec 8<scripts/engines/docker-tests.sh
flock -n 8 || { echo "docker-tests.sh: another one is at work here; wait for it, or give another DOCKER_TESTS_DIR" >&2 && exit 125; }
# What was kept runs until `stop`.
if [[ ! -e $dir/kept ]]; then
    trap finish EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
fi
began=$SECONDS
start
echo "docker-tests: ready after $((SECONDS - began)) s" >&2
status=0
[[ $task == start ]] || env "${exports[@]}" "$@" 8>&- || status=$?
if [[ $task == start || -n $keep ]]; then
    touch "$dir/kept"
    trap - EXIT
    printf 'export %q\n' "${exports[@]}"
fi
exit "$status"
