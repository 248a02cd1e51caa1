#!/usr/bin/env bash
# Compiles the C core for aarch64, the supervisor down to its executable.
# It cannot run the result here, nor compile the Swift modules, whose standard library for aarch64 this host lacks.
set -euo pipefail
cd "$(dirname "$0")/.."

out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
clang=$(dirname "$(readlink -f "$(command -v swift)")")/clang
headers=/usr/aarch64-linux-gnu/include
target=(--target=aarch64-linux-gnu -std=gnu11 -O2 -Wall -Wextra -Werror)

# Freestanding: the compiler's own headers come before those of a C library.
freestanding=("${target[@]}" -nostdlibinc -idirafter "$headers" -ffreestanding -nostdlib -fno-stack-protector -fuse-ld=lld
    -Wl,--build-id=none,-z,noexecstack,--strip-all -ISources/CIsolate/include -ISources/CIsolate/supervisor)
"$clang" "${freestanding[@]}" -static -fno-pic Sources/CIsolate/supervisor/*.c Sources/CIsolate/supervisor/*/*.c -o "$out/supervisor"
"$clang" "${freestanding[@]}" -shared -fPIC -fvisibility=hidden Sources/CSnapshot/*.c Sources/CIsolate/supervisor/sys.c \
    Sources/CIsolate/supervisor/text.c -o "$out/snapshot.so"
machine=$(od -An -tu2 -j18 -N2 "$out/supervisor" | tr -d ' ')
[[ $machine == 183 ]] || { echo "cross: the supervisor's machine is $machine, not 183 (aarch64)" >&2 && exit 1; }
count=0
for file in Sources/CIsolate/client/*.c Sources/CArchive/*.c; do
    "$clang" "${target[@]}" -isystem "$headers" -D_GNU_SOURCE -idirafter /usr/include -ISources/CIsolate/include -ISources/CArchive/include \
        -c "$file" -o "$out/object"
    count=$((count + 1))
done
echo "cross: the supervisor ($(stat -c %s "$out/supervisor") bytes) and $count C files compile for aarch64"
