#!/usr/bin/env bash
# The main job: C++ and Python programs through the local backend, results shown. Builds the command with the local backend
# alone, and in a folder of its own, so that other builds stay as they are.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/quietly.sh

# No debug information and no index is needed.
options=(--scratch-path .build-demo --traits CLI --product sandbox --disable-index-store -Xswiftc -gnone)
# On a terminal SwiftPM shows its progress.
shown() { if [[ -t 1 ]]; then "$@"; else quietly "$@"; fi; }

echo "fetching swift-argument-parser, the only package that is needed"
shown swift package --scratch-path .build-demo --traits CLI resolve
echo "compiling the library and the command: half a minute on two processors"
began=$SECONDS
shown swift build "${options[@]}"
sandbox=$(swift build "${options[@]}" --show-bin-path)/sandbox
echo "compiled in $((SECONDS - began)) s; the command is ${sandbox#"$PWD/"}"

show() {
    echo
    echo "\$ sandbox $*"
    status=0
    "$sandbox" "$@" || status=$?
    echo "[exit status $status]"
    # 125: the sandbox failed, and not the program.
    if [[ $status -eq 125 ]]; then exit 1; fi
}

show run Examples/demo/primes.cpp -- 20
show run Examples/demo/words.py --stdin Examples/demo/words.txt
show run --json Examples/demo/divide.py
show run --wall-time 0.5 Examples/demo/forever.cpp
show run --network loopback Examples/demo/network.py
show run --blocked end Examples/demo/network.py
