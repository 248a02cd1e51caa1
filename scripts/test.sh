#!/usr/bin/env bash
# Every test: C core under sanitizers, examples, Swift suites, and that nothing of ours is left behind.
# MUST_WORK=1 turns the lack of a host feature from a skip into a failure.
set -euo pipefail
cd "$(dirname "$0")/.."

before=$(mktemp)
log=$(mktemp)
trap 'rm -f "$before" "$log"' EXIT
scripts/leftovers.sh snapshot >"$before"

echo "== C core under AddressSanitizer and UndefinedBehaviorSanitizer"
make --no-print-directory -C Tests/CIsolateTests test | { grep -v '^ok ' || true; }

echo "== Swift"
swift build --build-tests >"$log" 2>&1 || { cat "$log"; exit 1; }
tail -n 1 "$log"
# A passing test says nothing but its name, so only skips, failures and the closing line are shown.
run_suites() {
    if ! swift test --skip-build "$@" >"$log" 2>&1; then
        grep -vE '^(◇|✔|↳)' "$log" | tail -400
        return 1
    fi
    grep -E '^➜|skipped' "$log" | grep -v 'make test. runs it alone' || true
    tail -n 1 "$log"
}
ALONE=1 run_suites --filter LocalBackendTests
run_suites --skip LocalBackendTests

echo "== Examples"
scripts/examples.sh

echo "== Nothing left behind"
scripts/leftovers.sh compare "$before"
