#!/usr/bin/env bash
# The main job: a C++ and a Python program through the local backend, results shown.
set -euo pipefail
cd "$(dirname "$0")/.."

echo "building the sandbox command"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
swift build -c release --product sandbox >"$log" 2>&1 || { cat "$log"; exit 1; }
sandbox=$(swift build -c release --show-bin-path)/sandbox

show() {
    echo
    echo "\$ sandbox $*"
    status=0
    "$sandbox" "$@" || status=$?
    echo "[exit status $status]"
}

show run Examples/demo/primes.cpp -- 20
show run Examples/demo/words.py --stdin Examples/demo/words.txt
show run --json Examples/demo/divide.py
show run --wall-time 0.5 Examples/demo/forever.cpp
show run --network loopback Examples/demo/network.py
show run --blocked end Examples/demo/network.py
