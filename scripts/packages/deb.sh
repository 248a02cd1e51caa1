#!/usr/bin/env bash
# Packs what .build-packages has as Debian packages, in .build-packages/deb: swift-sandbox (the command), libisolate0 (the
# shared library) and libisolate-dev (header, archive, pkg-config file). Prints their paths.
# DEBFULLNAME and DEBEMAIL name the maintainer.
set -euo pipefail
cd "$(dirname "$0")/../.."
out=$PWD/.build-packages/deb
version=$(make -s -C Sources/CIsolate/library version)
architecture=$(dpkg --print-architecture) multiarch=$(dpkg-architecture -qDEB_HOST_MULTIARCH)
maintainer="${DEBFULLNAME:-swift-sandbox} <${DEBEMAIL:-packages@swift-sandbox.invalid}>"
# Packages of the same commit are the same.
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || date +%s)}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

lib=usr/lib/$multiarch
PREFIX=/usr LIBDIR=/$lib INCLUDEDIR=/usr/include scripts/packages/stage.sh "$work/debian/swift-sandbox"
# take PACKAGE PATH...: moves files from the command's tree to a library's.
take() {
    local to=$work/debian/$1 path
    shift
    for path in "$@"; do
        mkdir -p "$to/$(dirname "$path")"
        mv "$work/debian/swift-sandbox/$path" "$to/$path"
    done
}
take libisolate0 "$lib/libisolate.so.0" "$lib/libisolate.so.$version"
take libisolate-dev "$lib/libisolate.so" "$lib/libisolate.a" "$lib/pkgconfig/isolate.pc" \
    usr/include/isolate{,_protocol,_details,_agent}.h
find "$work/debian/swift-sandbox" -type d -empty -delete
rm "$work/debian/swift-sandbox/usr/share/doc/swift-sandbox/LICENSE"
find "$work/debian/swift-sandbox" -path '*/man/*' -type f -exec gzip -9n {} +
strip --strip-unneeded "$work/debian/libisolate0/$lib/libisolate.so.$version"
strip --strip-debug --enable-deterministic-archives "$work/debian/libisolate-dev/$lib/libisolate.a"

# needs PACKAGE FILE: what the dynamic linker needs for a file, as packages of this Debian.
printf 'Source: swift-sandbox\nMaintainer: %s\n\nPackage: swift-sandbox\nArchitecture: any\n\nPackage: libisolate0\nArchitecture: any\n' \
    "$maintainer" >"$work/debian/control"
needs() {
    local answer
    answer=$(cd "$work" && dpkg-shlibdeps -O "-Sdebian/$1" -e"debian/$1/$2" 2>"$work/log") || { cat "$work/log" >&2 && exit 1; }
    sed -n 's/^shlibs:Depends=//p' <<<"$answer"
}

# pack PACKAGE SECTION DEPENDS SUGGESTS: the description, a short and a long one, comes from stdin.
pack() {
    local tree=$work/debian/$1 file=$out/$1_${version}_$architecture.deb short long size
    read -r short
    long=$(sed 's/^/ /')
    install -D -m 644 scripts/packages/copyright "$tree/usr/share/doc/$1/copyright"
    gzip -9n <CHANGELOG.md >"$tree/usr/share/doc/$1/changelog.gz"
    size=$(du -sk --apparent-size "$tree" | cut -f1)
    mkdir -p "$tree/DEBIAN"
    (cd "$tree" && find . -path ./DEBIAN -prune -o -type f -printf '%P\n' | sort | xargs -d '\n' md5sum) >"$work/md5sums"
    mv "$work/md5sums" "$tree/DEBIAN/md5sums"
    {
        printf 'Package: %s\nVersion: %s\nArchitecture: %s\nMaintainer: %s\nInstalled-Size: %s\n' "$1" "$version" \
            "$architecture" "$maintainer" "$size"
        printf 'Source: swift-sandbox\nSection: %s\nPriority: optional\nDepends: %s\n' "$2" "$3"
        [[ -z $4 ]] || printf 'Suggests: %s\n' "$4"
        printf 'Description: %s\n%s\n' "$short" "$long"
    } >"$tree/DEBIAN/control"
    find "$tree" -type d -exec chmod 755 {} +
    dpkg-deb --root-owner-group --build "$tree" "$file" >/dev/null
    echo "$file"
}

rm -rf "$out"
mkdir -p "$out"
command_needs=$(needs swift-sandbox usr/bin/sandbox)
library_needs=$(needs libisolate0 "$lib/libisolate.so.$version")
mkdir -p "$work/debian/libisolate0/DEBIAN"
# Before 1.0 a minor version may change the binary interface without another number in the library's name.
echo "libisolate 0 libisolate0 (>= $version), libisolate0 (<< ${version%%.*}.$(($(cut -d. -f2 <<<"$version") + 1)))" \
    >"$work/debian/libisolate0/DEBIAN/shlibs"
echo 'activate-noawait ldconfig' >"$work/debian/libisolate0/DEBIAN/triggers"
pack swift-sandbox utils "$command_needs" 'g++, python3, uidmap' <<'END'
runs untrusted programs and tells what they did
The command "sandbox" runs a program under namespaces, cgroups, seccomp, Landlock and rlimits, or in a pool of
Docker containers, and reports its outcome, its use of time and memory, and the isolation that it had.
END
pack libisolate0 libs "$library_needs" uidmap <<'END'
runs untrusted programs: shared library
The C core of swift-sandbox, for judges and services in C or C++: starts sandboxes, runs programs in them and
decides their outcomes. Its supervisor is inside the library.
END
pack libisolate-dev libdevel "libisolate0 (= $version), libseccomp-dev, libcap-dev" pkg-config <<'END'
runs untrusted programs: header and archive
The header isolate.h, libisolate.a and the pkg-config file "isolate", to build programs with libisolate.
END
