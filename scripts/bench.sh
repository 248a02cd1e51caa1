#!/usr/bin/env bash
# The benchmarks, side by side in one run each; see docs/benchmarks.md.
# Usage: scripts/bench.sh [compare|program|python|heap|throughput|batch|phases|talk|docker]...     (all but docker)
# `docker` measures on the engine of DOCKER_HOST, or on a private one, which is stopped again.
set -euo pipefail
cd "$(dirname "$0")/.."
swift build -c release --package-path Benchmarks 2>&1 | grep -E 'error|warning|Compiling|Build' | tail -n 1
program=$(swift build -c release --package-path Benchmarks --show-bin-path)/sandbox-benchmarks
engine=.build-engine-bench
start_engine() {
    [[ -z ${DOCKER_HOST:-} ]] || return 0
    trap 'scripts/engines/engine.sh stop "$engine"' EXIT
    DOCKER_HOST=$(scripts/engines/engine.sh start "$engine" | sed -n 's/^DOCKER_HOST=//p')
    export DOCKER_HOST
}
for part in ${*:-compare program python heap throughput batch phases talk}; do
    [[ $part != docker ]] || start_engine
    "$program" "$part"
done
