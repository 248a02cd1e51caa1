#!/usr/bin/env bash
# Builds and runs the examples from which users start, and checks their output.
set -euo pipefail
cd "$(dirname "$0")/.."

source scripts/quietly.sh

# No debug information is needed.
quick=(--disable-index-store -Xswiftc -gnone)
# Packages with tests find them in the index, and share the library as it was built for local-only.
shared=(-Xswiftc -gnone --scratch-path "$PWD/Examples/local-only/.build")

echo "-- make demo, which builds the command with the trait CLI alone"
output=$(scripts/demo.sh 2>&1) || { echo "$output" >&2 && exit 1; }
statuses=$(sed -n 's/^\[exit status \(.*\)\]$/\1/p' <<<"$output" | tr '\n' ' ')
if [[ $statuses != "0 0 0 124 0 159 " ]] || ! grep -qx '2 3 5 7 11 .* 71' <<<"$output"; then
    echo "examples: the demo is not what README shows:" >&2
    echo "$output" >&2
    exit 1
fi

echo "-- a judge in C, from the header alone"
make --no-print-directory -C Examples/c-judge run >/dev/null 2>&1 || make -C Examples/c-judge run

echo "-- a batch in C: one compilation, ten tests"
make --no-print-directory -C Examples/batch-c run >/dev/null 2>&1 || make -C Examples/batch-c run
verdicts=$(Examples/batch-c/.build-c/batch | sed -n 's/^test [0-9]*: \(.*\),.*/\1/p' | tr '\n' ' ')
if [[ $verdicts != "AC AC AC AC RTE AC TLE AC WA AC " ]]; then
    echo "examples: the batch in C gave $verdicts" >&2
    exit 1
fi

echo "-- a package that depends on Sandbox with traits: []"
example=Examples/local-only
# Resolution and compilation decide what the package takes, so it starts with an empty build folder.
rm -rf "$example/.build"
quietly swift build "${shared[@]}" --package-path "$example"
for name in swift-nio swift-argument-parser; do
    if [[ -e $example/.build/checkouts/$name || -e $example/.build/repositories ]] &&
        find "$example/.build/checkouts" "$example/.build/repositories" -maxdepth 1 -iname "$name*" 2>/dev/null | grep -q .; then
        echo "examples: $name was fetched with traits: []" >&2
        exit 1
    fi
done
if find "$example/.build" \( -name 'NIO*.swiftmodule' -o -name 'ArgumentParser*.swiftmodule' \) | grep -q .; then
    echo "examples: NIO or ArgumentParser was compiled with traits: []" >&2
    exit 1
fi
output=$("$example/.build/debug/local-only")
echo "$output"
grep -q '^hello from C++' <<<"$output"
grep -q 'ZeroDivisionError' <<<"$output"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

echo "-- SwiftPM says which package has a system library that it does not find"
printf '#!/bin/sh\necho /nonexistent\n' >"$work/pkg-config"
chmod 755 "$work/pkg-config"
output=$(PATH=$work:$PATH swift build "${shared[@]}" --package-path "$example" 2>&1) || { echo "$output" >&2 && exit 1; }
for package in libseccomp-dev libcap-dev zlib1g-dev libzstd-dev nettle-dev; do
    grep "apt-get install $package" <<<"$output" | sort -u && continue
    echo "examples: SwiftPM did not say that $package is missing: $output" >&2
    exit 1
done

echo "-- unit tests that run programs, and that do not, without Docker"
example=Examples/unit-tests
quietly swift build --build-tests "${shared[@]}" --package-path "$example"
unit_tests() { swift test --skip-build "${shared[@]}" --package-path "$example" "$@" 2>&1; }
quietly unit_tests --parallel --skip EngineTests
# A test whose host lacks something is skipped with the reason; with MUST_WORK=1 it fails.
nowhere=unix:///nonexistent/docker.sock
output=$(MUST_WORK=0 DOCKER_HOST=$nowhere unit_tests --filter EngineTests)
grep 'skipped: "this host lacks a Docker Engine: nobody listens at' <<<"$output"
if output=$(MUST_WORK=1 DOCKER_HOST=$nowhere unit_tests --filter EngineTests); then
    echo "examples: with MUST_WORK=1 a test was skipped" >&2
    exit 1
fi
grep -q 'MUST_WORK=1, but this host lacks a Docker Engine' <<<"$output"

echo "-- a backend of somebody else's passes the public conformance suite"
example=Examples/own-backend
quietly swift build --build-tests "${shared[@]}" --package-path "$example"
quietly swift test --skip-build "${shared[@]}" --package-path "$example" --parallel

echo "-- a runner of one's own, for Perl"
example=Examples/own-runner
quietly swift build "${shared[@]}" --package-path "$example"
output=$(swift run --skip-build "${shared[@]}" --package-path "$example" own-runner 2>&1)
echo "$output"
grep -qx 'collected: 7' <<<"$output"
grep -qxF 'streamed: ["<x>", "<y>"]' <<<"$output"
grep -q '^died: Illegal division by zero (line 3) exited' <<<"$output"

echo "-- a judge over a directory of problems"
example=Examples/judge
quietly swift build "${quick[@]}" --package-path "$example"
output=$("$example/.build/debug/judge" "$example/problems")
echo "$output"
verdicts=$(cut -d ' ' -f 1,2 <<<"$output" | tr '\n' ' ')
expected="half/right.cpp AC half/right.py AC half/rounds.py WA half/typo.cpp CE "
expected+="longest/loops.cpp TLE longest/reads_on.py RTE longest/right.py AC "
if [[ $verdicts != "$expected" ]]; then
    echo "examples: these are not the verdicts of Examples/judge" >&2
    exit 1
fi

echo "-- an interactive problem"
example=Examples/interactive
# The library as it was built for the example before.
quietly swift build "${quick[@]}" --scratch-path "$PWD/Examples/judge/.build" --package-path "$example"
output=$(Examples/judge/.build/debug/interactive)
echo "$output"
grep -qx 'search: AC - failed first: nobody' <<<"$output"
grep -qx '  submission: 500' <<<"$output"
grep -qx '  interactor: higher' <<<"$output"
grep -qx 'waits: IDLE - failed first: interactor' <<<"$output"
grep -qx 'crashes: RTE - failed first: submission' <<<"$output"

echo "-- a package with the trait Docker; it falls back where there is no engine"
example=Examples/docker-fallback
quietly swift build "${quick[@]}" --package-path "$example"
output=$(DOCKER_HOST=unix:///nonexistent/docker.sock "$example/.build/debug/docker-fallback")
echo "$output"
grep -q '^who am I?' <<<"$output"
grep -q '^not Docker: ' <<<"$output"

echo "-- the command, statically linked to the Swift runtime and copied alone"
quietly swift build --enable-all-traits -c release --product sandbox --static-swift-stdlib --scratch-path .build-static
cp "$(swift build --enable-all-traits -c release --static-swift-stdlib --scratch-path .build-static --show-bin-path)/sandbox" "$work/sandbox"
if ldd "$work/sandbox" | grep -E 'swift|Foundation|seccomp|libcap|libz|nettle'; then
    echo "examples: the binary needs more than libc and libstdc++" >&2
    exit 1
fi
(cd / && env -i "$work/sandbox" exec -- /bin/echo "alone and well")
