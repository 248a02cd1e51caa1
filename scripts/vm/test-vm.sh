#!/usr/bin/env bash
# Runs a part of the Swift tests in a guest with pure cgroup v2, in several worlds of scripts/vm/vm.sh.
# Usage: scripts/vm/test-vm.sh [WORLD,WORLD,... [FILTER]]
# IS_BUILT=1: the tests are built already. (`swift build` after `swift test` compiles most of them again.)
set -euo pipefail
cd "$(dirname "$0")/../.."
worlds=${1:-root,delegated,user,session} filter=${2:-OutcomeTests|LimitTests|MemoryTests|IsolationTests|WritableRootfsTests}

mkdir -p .build-vm
log=.build-vm/test-vm.log
if [[ -z ${IS_BUILT:-} ]]; then
    swift build --enable-all-traits --build-tests >"$log" 2>&1 || { cat "$log"; exit 1; }
    tail -n 1 "$log"
fi
scripts/victims.sh .build-vm/victims
bundle=(.build/debug/*.xctest)

status=0
# Under emulation a test takes 10 to 30 times as long. A feature that a world lacks on purpose is no failure (no
# MUST_WORK): the matrix shows it.
scripts/vm/vm.sh --world "$worlds" --timeout "${VM_TIMEOUT:-1800}" -- sh -c '
    status=0
    # A systemd session only leads to the same cgroup in another way, so the facts for the matrix are enough.
    [ "$WORLD" = session ] || "$0" --testing-library swift-testing --filter "$1" || status=$?
    echo "matrix: $(python3 scripts/worlds/matrix.py probe "vm-$WORLD" "$PWD/.build/debug/sandbox")"
    exit $status' "$bundle" "$filter" >"$log" || status=$?
mkdir -p .build/matrix
sed -n 's/^matrix: //p' "$log" >.build/matrix/vm.json

# Prints nothing about passing tests, and enough of the failures that a reader sees the first ones.
awk -v most=100 '
    /^== world / { world = $3; shown = 0; print; next }
    / Test run with / { closing[++ended] = (world ? "world " world ": " : "") $0; next }
    /^✘/ { failed = 1 }
    /^(◇|✔|➜)/ { failed = 0 }
    /^(◇|✔|matrix: )/ || /^↳/ && !failed { next }
    ++shown <= most { print substr($0, 1, 400) }
    shown == most + 1 { print "… the rest is in '"$log"'" }
    END { for (i = 1; i <= ended; i++) print closing[i] }' "$log"
echo "test-vm: ${SECONDS} s in all"
exit "$status"
