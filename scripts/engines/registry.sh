#!/usr/bin/env bash
# A private registry for tests: Debian's docker-registry on a free port of the loopback, with its data below DIR.
# Engines accept 127.0.0.0/8 without TLS.
# Usage: scripts/engines/registry.sh start|stop|status [DIR]     (DIR: .build-registry)
#        scripts/engines/registry.sh push IMAGE [DIR]            IMAGE of the engine at DOCKER_HOST
#   start   prints one line, REGISTRY=127.0.0.1:PORT
#   stop    also removes all data
#   status  exits with 0 (runs) or 3
#   push    prints the reference by which engines pull IMAGE; the engine itself does not keep that name
set -euo pipefail

usage="usage: registry.sh start|stop|status [DIR] | push IMAGE [DIR]"
source "$(dirname "$0")/daemon.sh"
command=${1:?$usage}
if [[ $command == push ]]; then
    image=${2:?$usage}
    shift
fi
dir=$(realpath -m -- "${2:-$(dirname "$0")/../../.build-registry}")

daemon_pid() { pid_with "$dir/config.yml"; }

address() { echo "REGISTRY=$(port)"; }

# The port that the kernel chose, from the log of the running registry.
port() { sed -n 's/.*msg="listening on \(127\.0\.0\.1:[0-9]*\)".*/\1/p' "$dir/log" 2>/dev/null; }

start() {
    local pid
    command -v docker-registry >/dev/null || fail "there is no docker-registry; run scripts/setup.sh docker"
    claim .registry
    if [[ -z $(daemon_pid) ]]; then
        cat >"$dir/config.yml" <<CONFIG
version: 0.1
log: {level: info, accesslog: {disabled: true}}
storage:
  filesystem: {rootdirectory: $dir/data}
  delete: {enabled: true}
http: {addr: "127.0.0.1:0", secret: none}
CONFIG
        env -i PATH="$PATH" setsid docker-registry serve "$dir/config.yml" >"$dir/log" 2>&1 </dev/null 9>&- &
        pid=$!
        echo "$pid" >"$dir/pid"
        ready_within "$pid" 10 is_ready
    else
        address
    fi
}

is_ready() { [[ -n $(port) ]]; }
abandon() { ! alive "$1" || kill -KILL "$1"; }

stop() {
    local pid
    [[ -e $dir/.registry ]] || return 0
    lock || return 0
    pid=$(daemon_pid)
    # Its data is not needed.
    [[ -z $pid ]] || kill -KILL "$pid"
    [[ -z $pid ]] || ends_within "$pid" 10 || fail "process $pid does not end"
    rm -rf --one-file-system -- "$dir/data" "$dir/config.yml" "$dir/log" "$dir/pid" "$dir/.registry"
    rmdir --ignore-fail-on-non-empty "$dir"
}

push() {
    local reference
    [[ -n $(daemon_pid) ]] || fail "no registry runs in $dir"
    reference=$(port)/$image
    docker tag "$image" "$reference"
    docker push --quiet "$reference" >/dev/null || { docker rmi "$reference" >/dev/null; fail "could not push $reference"; }
    docker rmi "$reference" >/dev/null
    echo "$reference"
}

case $command in
start | stop | status | push) $command ;;
*) fail "$usage" ;;
esac
