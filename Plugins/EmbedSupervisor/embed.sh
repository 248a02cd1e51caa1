#!/bin/sh
# Compiles the freestanding supervisor and writes its bytes as a Swift source.
# Usage: embed.sh CLANG SOURCES/CISOLATE OUTPUT.swift
set -eu
clang=$1 core=$2 output=$3
image=$output.elf
"$clang" -std=gnu11 -O2 -ffreestanding -nostdlib -static -fno-pic -fno-stack-protector \
    -Wall -Wextra -Werror -fuse-ld=lld -Wl,--build-id=none,-z,noexecstack,--strip-all \
    -I"$core/include" -I"$core/supervisor" "$core"/supervisor/*.c "$core"/supervisor/*/*.c -o "$image"
{
    echo '/// The supervisor as an executable file. Made by Plugins/EmbedSupervisor.'
    echo 'package enum SupervisorImage {'
    # The compiler takes long for an array literal of the bytes, and no time for a string of hexadecimal digits.
    printf '    private static let digits: StaticString = "'
    od -An -v -tx1 "$image" | tr -d ' \n'
    printf '"\n'
    cat <<'EOF'
    package static let bytes: [UInt8] = {
        func value(_ digit: UInt8) -> UInt8 { digit < 0x3a ? digit - 0x30 : digit - 0x57 }
        return digits.withUTF8Buffer { text in
            stride(from: 0, to: text.count, by: 2).map { value(text[$0]) << 4 | value(text[$0 + 1]) }
        }
    }()
}
EOF
} >"$output.new"
rm -f "$image"
mv "$output.new" "$output"
