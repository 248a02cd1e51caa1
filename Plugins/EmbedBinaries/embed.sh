#!/bin/sh
# Compiles a freestanding binary and writes its bytes as a Swift source.
# Usage: embed.sh SupervisorImage|SnapshotLibrary CLANG SOURCES OUTPUT.swift
set -eu
name=$1 clang=$2 sources=$3 output=$4
core=$sources/CIsolate
image=$output.elf
case $name in
SupervisorImage)
    what='The supervisor as an executable file'
    set -- -static -fno-pic "$core"/supervisor/*.c "$core"/supervisor/*/*.c
    ;;
SnapshotLibrary)
    what='The library that writes a snapshot of the process that loads it, as a shared object'
    set -- -shared -fPIC -fvisibility=hidden -I"$sources/CSnapshot" "$sources"/CSnapshot/*.c \
        "$core/supervisor/sys.c" "$core/supervisor/text.c"
    ;;
esac
"$clang" -std=gnu11 -O2 -ffreestanding -nostdlib -fno-stack-protector \
    -Wall -Wextra -Werror -fuse-ld=lld -Wl,--build-id=none,-z,noexecstack,--strip-all \
    -I"$core/include" -I"$core/supervisor" "$@" -o "$image"
{
    echo "/// $what. Made by Plugins/EmbedBinaries."
    echo "package enum $name {"
    # The compiler takes long for an array literal of the bytes, and no time for a string of hexadecimal digits.
    printf '    private static let digits: StaticString = "'
    od -An -v -tx1 "$image" | tr -d ' \n'
    printf '"\n'
    cat <<'END'
    package static let bytes: [UInt8] = {
        func value(_ digit: UInt8) -> UInt8 { digit < 0x3a ? digit - 0x30 : digit - 0x57 }
        return digits.withUTF8Buffer { text in
            stride(from: 0, to: text.count, by: 2).map { value(text[$0]) << 4 | value(text[$0 + 1]) }
        }
    }()
}
END
} >"$output.new"
rm -f "$image"
mv "$output.new" "$output"
