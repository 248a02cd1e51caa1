#!/usr/bin/env bash
# Runs the suites that are named, one after another; without a name all of them.
# Usage: scripts/test.sh [SUITE...]
#   c           the C core under AddressSanitizer and UndefinedBehaviorSanitizer
#   cross       the C core for aarch64
#   build       all of Swift, tests included; suites that need it do it themselves
#   sanitizers  a part of the Swift tests under ThreadSanitizer and AddressSanitizer
#   docs        the pages of DocC and the manual pages can be made; the code in the pages, in README and in docs/ works
#   alone       Swift tests that count what their process holds, one after another
#   local       all other Swift tests, the conformance suite on the local backend among them
#   languages   every built-in language with its real toolchain
#   docker      conformance on a Docker Engine; the Docker backend on a private engine, Podman and a registry
#   user        conformance as an ordinary user of this machine
#   subuid      the same for a user with subordinate ids
#   container   level minimal in a default container
#   vm          conformance on pure cgroup v2, in a virtual machine; WORLDS=root,user chooses, see scripts/vm/vm.sh
#   matrix      what root and the worlds before it got, against docs/matrix.md
#   examples    the packages of Examples/, and the command copied alone
#   packages    make install and make deb, the packages in a plain Debian
#   leftovers   the suites before have left nothing behind
# FILTER=NAME runs only the tests of that name, in alone, local, languages, docker, user, subuid and vm.
# MUST_WORK=1 turns the lack of a host feature from a skip into a failure.
set -euo pipefail
cd "$(dirname "$0")/.."

all=(c cross build sanitizers docs alone local languages docker user subuid container vm matrix examples packages leftovers)
if [[ $# -eq 0 ]]; then
    set -- "${all[@]}"
    unset FILTER WORLDS
fi
for suite; do
    [[ " ${all[*]} " == *" $suite "* ]] || { echo "test.sh: no suite '$suite'; give ${all[*]}" >&2 && exit 2; }
done
suites=" $* "
includes() { [[ $suites == *" $1 "* ]]; }

work=$(mktemp -d)
log=$work/log starting='' are_kept='' is_built=''
finish() {
    if [[ -n $starting ]]; then
        stop_engines
        wait
        stop_engines
    fi
    rm -rf "$work"
}
trap finish EXIT

# MARK: What several suites share

# Engines that ran before stay.
stop_engines() { [[ -n $are_kept ]] || scripts/engines/docker-tests.sh stop; }

# They load their images while other suites run.
start_engines() {
    are_kept=$([[ ! -e ${DOCKER_TESTS_DIR:-.build-docker-tests}/kept ]] || echo 1)
    scripts/engines/docker-tests.sh start >"$work/exports" 2>"$work/engines" &
    starting=$!
}

await_engines() {
    [[ -n $starting && ! -e $work/ready ]] || return 0
    wait "$starting" || { cat "$work/engines" >&2 && exit 1; }
    tail -n 1 "$work/engines"
    touch "$work/ready"
}

build() {
    [[ -z $is_built ]] || return 0
    echo "== Swift"
    swift build --enable-all-traits --build-tests >"$log" 2>&1 || { cat "$log" && exit 1; }
    tail -n 1 "$log"
    is_built=1
}

# A passing test says nothing but its name, so only skips, failures and the closing line are shown.
run_tests() {
    if ! swift test --skip-build --enable-all-traits "$@" >"$log" 2>&1; then
        grep -vE '^(◇|✔)' "$log" | tail -400
        # What failed stands once more behind the faults that the tests make, which are many lines.
        grep -E '^✘' "$log" | cut -c1-1500 || true
        return 1
    fi
    # What other suites run, or other processes, is not skipped.
    grep -E '^➜|skipped' "$log" | grep -vE 'make test. runs it alone|in a process of its own' || true
    tail -n 1 "$log"
}

# MARK: Suites

suite_c() {
    echo "== C core under AddressSanitizer and UndefinedBehaviorSanitizer"
    make --no-print-directory -C Tests/CIsolateTests test | { grep -v '^ok ' || true; }
}

suite_cross() {
    echo "== C core for aarch64"
    scripts/cross.sh
}

suite_build() { build; }

suite_sanitizers() {
    echo "== Swift under ThreadSanitizer and AddressSanitizer"
    scripts/sanitizers.sh thread address
}

suite_docs() {
    echo "== DocC"
    scripts/docs.sh --check | tail -n 1
    scripts/api.sh --self-test
    /usr/bin/python3 scripts/snippets_test.py
    /usr/bin/python3 scripts/snippets.py
    echo "== Manual pages"
    scripts/man.sh "$work/man"
    mandoc -T lint -W warning "$work"/man/*.1
}

suite_alone() {
    build
    await_engines
    ALONE=1 run_tests --no-parallel --filter "${FILTER:-LocalBackendTests|WatchdogTests|DescriptorTests}"
}

suite_local() {
    build
    if [[ -n ${FILTER:-} ]]; then
        CONFORMANCE_BACKENDS=local run_tests --filter "$FILTER"
    else
        CONFORMANCE_BACKENDS=local run_tests --skip "LocalBackendTests|DockerTests"
    fi
}

suite_languages() {
    build
    echo "== Languages"
    LANGUAGES=1 run_tests --filter "${FILTER:-RunnersTests.LanguageTests}"
}

suite_docker() {
    build
    await_engines
    (
        source "$work/exports"
        if [[ -n ${FILTER:-} ]]; then
            CONFORMANCE_BACKENDS=docker run_tests --no-parallel --filter "$FILTER"
            exit
        fi
        echo "== Conformance on a Docker Engine, in both modes of the root file system"
        CONFORMANCE_BACKENDS=docker run_tests --filter ConformanceTests
        echo "== First steps of docs/docker.md"
        DOCKER_HOST=$SANDBOX_TEST_ENGINE /usr/bin/python3 scripts/snippets.py --engine docs/docker.md
        echo "== The Docker backend: engine, pool, reuse, crashes, load, fallback"
        # One after another: they kill engines and measure waiting times.
        run_tests --no-parallel --filter DockerTests
    )
    stop_engines
}

# The conformance suite as a user of this machine, who can write only to an image: container-host.
world() {
    build
    scripts/images.sh container-host
    echo "== Conformance in world $1"
    scripts/worlds/worlds.sh "$1" ${FILTER:+"$FILTER"}
}

suite_user() { world user; }
suite_subuid() { world subuid; }

suite_container() {
    echo "== Level minimal in a default container"
    scripts/worlds/container.sh test
}

suite_vm() {
    build
    echo "== Conformance on pure cgroup v2, in a virtual machine"
    IS_BUILT=1 scripts/vm/test-vm.sh "${WORLDS:-}" "${FILTER:-}"
}

suite_matrix() {
    build
    echo "== What holds where, against docs/matrix.md"
    mkdir -p .build/matrix
    /usr/bin/python3 scripts/worlds/matrix.py probe root .build/debug/sandbox >.build/matrix/root.json
    /usr/bin/python3 scripts/worlds/matrix.py render .build/matrix/*.json >.build/matrix.md
    if ! /usr/bin/python3 scripts/worlds/matrix.py check docs/matrix.md .build/matrix/*.json; then
        echo "docs/matrix.md is not what this run found; if this run is right: cp .build/matrix.md docs/matrix.md" >&2
        [[ ${MUST_WORK:-0} != 1 ]]
    fi
}

suite_examples() {
    echo "== Examples"
    scripts/examples.sh
}

suite_packages() {
    echo "== Packages"
    scripts/packages/test.sh
}

suite_leftovers() {
    echo "== Nothing left behind"
    scripts/leftovers.sh compare "$work/before"
}

if includes leftovers; then scripts/leftovers.sh snapshot >"$work/before"; fi
if includes matrix; then rm -f .build/matrix/*.json; fi
if includes docker; then start_engines; fi
for suite; do "suite_$suite"; done
