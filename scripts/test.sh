#!/usr/bin/env bash
# Every test: C core under sanitizers, Swift suites, the suite again in other worlds, examples, nothing left behind.
# MUST_WORK=1 turns the lack of a host feature from a skip into a failure.
set -euo pipefail
cd "$(dirname "$0")/.."

before=$(mktemp)
log=$(mktemp)
engines=$(mktemp -d)
finish() {
    scripts/engines/docker-tests.sh stop
    wait
    scripts/engines/docker-tests.sh stop
    rm -rf "$before" "$log" "$engines"
}
trap finish EXIT
scripts/leftovers.sh snapshot >"$before"
# The engines load their images while the C tests run.
scripts/engines/docker-tests.sh start >"$engines/exports" 2>"$engines/log" &
starting=$!

echo "== C core under AddressSanitizer and UndefinedBehaviorSanitizer"
make --no-print-directory -C Tests/CIsolateTests test | { grep -v '^ok ' || true; }

echo "== C core for aarch64"
scripts/cross.sh

echo "== Swift"
swift build --build-tests >"$log" 2>&1 || { cat "$log"; exit 1; }
tail -n 1 "$log"
# A passing test says nothing but its name, so only skips, failures and the closing line are shown.
run_suites() {
    if ! swift test --skip-build "$@" >"$log" 2>&1; then
        grep -vE '^(◇|✔)' "$log" | tail -400
        return 1
    fi
    grep -E '^➜|skipped' "$log" | grep -v 'make test. runs it alone' || true
    tail -n 1 "$log"
}
echo "== Swift under ThreadSanitizer and AddressSanitizer"
scripts/sanitizers.sh thread address

echo "== DocC"
scripts/docs.sh --check | tail -n 1
wait "$starting" || { cat "$engines/log" >&2 && exit 1; }
tail -n 1 "$engines/log"
# They count what their process holds.
ALONE=1 run_suites --no-parallel --filter 'LocalBackendTests|WatchdogTests|DescriptorTests'
(
    source "$engines/exports"
    CONFORMANCE_BACKENDS=local run_suites --skip "LocalBackendTests|DockerTests"
    echo "== Conformance on a Docker Engine, in both modes of the root file system"
    CONFORMANCE_BACKENDS=docker run_suites --filter ConformanceTests
    echo "== The Docker backend: engine, pool, reuse, crashes, load, fallback"
    # One after another: they kill engines and measure waiting times.
    run_suites --no-parallel --filter DockerTests
)
scripts/engines/docker-tests.sh stop

mkdir -p .build/matrix
rm -f .build/matrix/*.json
/usr/bin/python3 scripts/worlds/matrix.py probe root .build/debug/sandbox >.build/matrix/root.json
for world in user subuid; do
    echo "== Conformance in world $world"
    scripts/worlds/worlds.sh "$world"
done

echo "== Level minimal in a default container"
scripts/worlds/container.sh test

echo "== Conformance on pure cgroup v2, in a virtual machine"
IS_BUILT=1 scripts/vm/test-vm.sh root,delegated,user,session "OutcomeTests|LimitTests|MemoryTests|IsolationTests|WritableRootfsTests"

echo "== What holds where, against docs/matrix.md"
/usr/bin/python3 scripts/worlds/matrix.py render .build/matrix/*.json >.build/matrix.md
if ! /usr/bin/python3 scripts/worlds/matrix.py check docs/matrix.md .build/matrix/*.json; then
    echo "docs/matrix.md is not what this run found; if this run is right: cp .build/matrix.md docs/matrix.md" >&2
    [[ ${MUST_WORK:-0} != 1 ]]
fi

echo "== Examples"
scripts/examples.sh

echo "== Nothing left behind"
scripts/leftovers.sh compare "$before"
