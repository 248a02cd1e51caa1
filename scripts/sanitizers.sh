#!/usr/bin/env bash
# A part of our own Swift tests under ThreadSanitizer and AddressSanitizer, as an embedder builds with them: pool, event
# loop, streams, local runs, loss and watchdog. Without traits, so that nothing but this package is compiled.
# Usage: sanitizers.sh [thread|address]...
set -euo pipefail
cd "$(dirname "$0")/.."
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# Those that count what the process holds run alone; a fork of a process with threads is nothing for ThreadSanitizer.
tests='SandboxRuntimeTests|DeadlinesTests|LocalBackendTests/(twoBackends|everyStart|shutdown|manySandboxes|aLostSupervisor)'
tests+='|SanitizerTests|WatchdogTests/(aStopped|whoeverIs|closing|shutdown)'
for sanitizer in "${@:-thread}"; do
    case $sanitizer in
    thread | address) ;;
    *) echo "sanitizers: $sanitizer is neither thread nor address" >&2 && exit 2 ;;
    esac
    # halt_on_error=0: each race of a run is told, and the status still says that there was one. Swift's runtime keeps memory
    # that nothing points to.
    if ! ALONE=1 TSAN_OPTIONS=halt_on_error=0 ASAN_OPTIONS=detect_leaks=0 swift test --no-parallel --disable-default-traits \
        --sanitize="$sanitizer" --scratch-path ".build-sanitizers/$sanitizer" --filter "$tests" >"$log" 2>&1; then
        grep -vE '^(◇|✔|\[)' "$log" | head -400
        exit 1
    fi
    echo "$sanitizer: $(tail -n 1 "$log")"
done
