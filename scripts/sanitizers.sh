#!/usr/bin/env bash
# Runs a part of the Swift tests under ThreadSanitizer and AddressSanitizer, as an embedder builds with them: pool,
# event loop, streams, local runs, loss and watchdog. Without traits, so that only this package is compiled.
# Usage: sanitizers.sh [thread|address]...
set -euo pipefail
cd "$(dirname "$0")/.."
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# Tests that count what the process holds run alone; ThreadSanitizer does not support a fork of a process with threads.
tests='SandboxRuntimeTests|DeadlinesTests|LocalBackendTests/(twoBackends|everyStart|shutdown|manySandboxes|aLostSupervisor)'
tests+='|SanitizerTests|WatchdogTests/(aStopped|whoeverIs|closing|shutdown)'
for sanitizer in "${@:-thread}"; do
    case $sanitizer in
    thread | address) ;;
    *) echo "sanitizers: $sanitizer is neither thread nor address" >&2 && exit 2 ;;
    esac
    # halt_on_error=0: each race of a run is reported, and the status still shows that there was one. Swift's runtime
    # keeps memory to which nothing points.
    if ! ALONE=1 TSAN_OPTIONS=halt_on_error=0 ASAN_OPTIONS=detect_leaks=0 swift test --no-parallel --disable-default-traits \
        --sanitize="$sanitizer" --scratch-path ".build-sanitizers/$sanitizer" --filter "$tests" >"$log" 2>&1; then
        grep -vE '^(◇|✔|\[)' "$log" | head -400
        exit 1
    fi
    echo "$sanitizer: $(tail -n 1 "$log")"
done
