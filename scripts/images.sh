#!/usr/bin/env bash
# Builds images/NAME.tar, plain root file systems, from Debian's packages without a registry.
# Usage: scripts/images.sh [--docker] [--fresh] [NAME...]     (default: cpp-runner python-runner)
#        scripts/images.sh --test-images
#   --docker        also write images/NAME.docker.tar for `docker load`; the engine then knows it as NAME:latest
#   --fresh         build again even if nothing changed, to take Debian's updates
#   --test-images   images without a shell, .build-images/test/NAME.docker.tar: sandbox-test/static:latest has /bin/greet,
#                   linked statically, and /work, and no other file; sandbox-test/musl:latest also musl, to link greet to
# An image that is newer than its sources is not built again.
set -euo pipefail
cd "$(dirname "$0")/.."

docker='' fresh='' test=''
while [[ ${1:-} == --* ]]; do
    case $1 in
    --docker) docker=1 ;;
    --fresh) fresh=1 ;;
    --test-images) test=1 ;;
    *)
        echo "images.sh: unknown option '$1'" >&2
        exit 2
        ;;
    esac
    shift
done
[[ $# -gt 0 ]] || set -- cpp-runner python-runner

# Builds of the same packages on one day are identical. Every file of a package is older, so none gets another time (a
# changed time would make Python compile it again in every run).
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(($(date +%s) / 86400 * 86400))}
# apt and dpkg walk all possible descriptors.
ulimit -n 1024
base=.build-images/base.tar
mkdir -p .build-images
# Two builds at the same time would write the same files.
exec 9>.build-images/lock
flock 9
log=$(mktemp)
trap 'rm -rf "$log" images/.*.new .build-images/new .build-images/new.tar' EXIT

# make_root TARGET OPTIONS...: mmdebstrap, silent unless it fails; TARGET appears when it is complete.
make_root() {
    local target=$1 new
    shift
    new=images/.$(basename "$target").new
    if ! mmdebstrap --skip=output/dev --dpkgopt=force-unsafe-io "$@" bookworm - >"$new" 2>"$log"; then
        tail -n 60 "$log" >&2
        echo "images.sh: could not build $target" >&2
        exit 1
    fi
    mv "$new" "$target"
}

# newer TARGET INPUTS...
newer() {
    local target=$1
    shift
    [[ -e $target && -z $(find "$@" -newer "$target" -print -quit) ]]
}

# docker_archive ROOT NAME TARGET: the archive that `docker load` takes; the root as the only layer, and its configuration.
docker_archive() {
    local root=$1 name=$2 target=$3 directory=.build-images/new layer config created
    rm -rf "$directory"
    mkdir "$directory"
    layer=$(sha256sum <"$root" | cut -d' ' -f1)
    created=$(date -u -d "@$SOURCE_DATE_EPOCH" +%FT%TZ)
    ln "$root" "$directory/layer.tar"
    cat >"$directory/config" <<END
{"architecture":"$(dpkg --print-architecture)","os":"linux","created":"$created",
"config":{"Env":["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin","LANG=C.UTF-8"],"WorkingDir":"/work"},
"rootfs":{"type":"layers","diff_ids":["sha256:$layer"]},"history":[{"created":"$created"}]}
END
    config=$(sha256sum <"$directory/config" | cut -d' ' -f1).json
    mv "$directory/config" "$directory/$config"
    echo "[{\"Config\":\"$config\",\"RepoTags\":[\"$name:latest\"],\"Layers\":[\"layer.tar\"]}]" >"$directory/manifest.json"
    tar --sort=name --owner=0 --group=0 --mtime="@$SOURCE_DATE_EPOCH" -cf .build-images/new.tar -C "$directory" \
        manifest.json "$config" layer.tar
    mv .build-images/new.tar "$target"
    rm -rf "$directory"
}

# test_image NAME GCC-OPTION...: musl's loader is its libc, so one file beside the program is enough.
test_image() {
    local name=$1 root=.build-images/test/$1 loader
    shift
    ! newer "$root.docker.tar" images/test scripts/images.sh || return 0
    rm -rf "$root"
    mkdir -p "$root/bin" "$root/work"
    chmod 1777 "$root/work"
    musl-gcc -O1 -Wall -Werror "$@" -o "$root/bin/greet" images/test/greet.c
    strip "$root/bin/greet"
    if [[ $name == musl ]]; then
        loader=$(readelf -l "$root/bin/greet" | sed -n 's/.*interpreter: \(.*\)\]/\1/p')
        install -D -m 755 "$loader" "$root$loader"
    fi
    tar --sort=name --owner=0 --group=0 --mtime="@$SOURCE_DATE_EPOCH" -cf "$root.tar" -C "$root" .
    docker_archive "$root.tar" "sandbox-test/$name" "$root.docker.tar"
    rm -rf "$root" "$root.tar"
}

if [[ -n $test ]]; then
    test_image static -static
    test_image musl
    exit
fi

[[ -z $fresh ]] || rm -f "$base"
for name; do
    [[ -z $fresh ]] || rm -f "images/$name.tar"
    if [[ ! -e images/$name/packages ]]; then
        echo "images.sh: there is no images/$name/packages" >&2
        exit 2
    fi
    if ! newer "images/$name.tar" "images/$name" images/install.sh images/excludes scripts/images.sh; then
        began=$SECONDS
        if ! newer "$base" scripts/images.sh; then
            make_root "$base" --variant=minbase --hook-dir=/usr/share/mmdebstrap/hooks/merged-usr --include=usr-is-merged
        fi
        # `custom` adds nothing itself: mmdebstrap unpacks the base, and the image's own script does the rest.
        make_root "images/$name.tar" --variant=custom \
            --setup-hook="tar -xf $base -C \"\$1\"" \
            --customize-hook="mkdir \"\$1/images\" && cp -r images/install.sh images/excludes images/$name \"\$1/images\"" \
            --customize-hook="chroot \"\$1\" sh /images/install.sh $name" \
            --customize-hook='rm -r "$1/images"; : >"$1/etc/resolv.conf"; echo sandbox >"$1/etc/hostname"'
        echo "built images/$name.tar, $(($(stat -c %s "images/$name.tar") >> 20)) MiB, in $((SECONDS - began)) s"
    fi
    if [[ -n $docker ]] && ! newer "images/$name.docker.tar" "images/$name.tar"; then
        docker_archive "images/$name.tar" "$name" "images/$name.docker.tar"
        echo "wrote images/$name.docker.tar"
    fi
done
