#!/usr/bin/env bash
# Builds and runs what a user would start from, and checks what it promises.
set -euo pipefail
cd "$(dirname "$0")/.."

quietly() {
    local log
    log=$(mktemp)
    if ! "$@" >"$log" 2>&1; then
        cat "$log" >&2
        rm -f "$log"
        return 1
    fi
    rm -f "$log"
}

# Nobody will debug these.
quick=(--disable-index-store -Xswiftc -gnone)

echo "-- a judge in C, from the header alone"
make --no-print-directory -C Examples/c-judge run >/dev/null 2>&1 || make -C Examples/c-judge run

echo "-- a package that depends on Sandbox with traits: []"
example=Examples/local-only
# What it takes is decided by resolution and compilation, so it starts from nothing.
rm -rf "$example/.build"
quietly swift build "${quick[@]}" --package-path "$example"
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

echo "-- a runner of one's own, for Perl"
example=Examples/own-runner
quietly swift build "${quick[@]}" --package-path "$example"
output=$("$example/.build/debug/own-runner")
echo "$output"
grep -qx 'collected: 7' <<<"$output"
grep -qxF 'streamed: ["<x>", "<y>"]' <<<"$output"
grep -q '^died: Illegal division by zero (line 3) exited' <<<"$output"

# shown NUMBER FILE: the README's so-manieth piece of Swift is that file.
shown() {
    awk -v number="$1" '/^```swift$/ { on = ++seen == number; next } /^```$/ { on = 0 } on' README.md | diff -u - "$2"
}
echo "-- README shows that example as it is"
shown 1 "$example/Sources/local-only/main.swift"

echo "-- a package with the trait Docker; it falls back where there is no engine"
example=Examples/docker-fallback
quietly swift build "${quick[@]}" --package-path "$example"
output=$(DOCKER_HOST=unix:///nonexistent/docker.sock "$example/.build/debug/docker-fallback")
echo "$output"
grep -q '^who am I?' <<<"$output"
grep -q '^not Docker: ' <<<"$output"
shown 2 "$example/Sources/docker-fallback/main.swift"

echo "-- the command, statically linked to the Swift runtime and copied alone"
quietly swift build -c release --product sandbox --static-swift-stdlib --scratch-path .build-static
alone=$(mktemp -d)
trap 'rm -rf "$alone"' EXIT
cp "$(swift build -c release --static-swift-stdlib --scratch-path .build-static --show-bin-path)/sandbox" "$alone/sandbox"
if ldd "$alone/sandbox" | grep -E 'swift|Foundation|seccomp'; then
    echo "examples: the binary needs more than glibc" >&2
    exit 1
fi
(cd / && env -i "$alone/sandbox" exec -- /bin/echo "alone and well")
