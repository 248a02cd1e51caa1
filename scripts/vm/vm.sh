#!/usr/bin/env bash
# Runs a command in a QEMU guest with pure cgroup v2, in one or more worlds, and ends with its status.
# Usage: scripts/vm/vm.sh [--world NAME[,NAME]...] [--env K=V]... [--timeout S] [--memory MIB] [--processors N] -- COMMAND...
#   world  the conditions of the command in the guest; several run one after another in one boot (scripts/vm/guest.sh
#   makes them):
#            root       root in a cgroup of its own (the default)
#            delegated  user tester in a cgroup that is delegated to it
#            user       user tester in a cgroup that is not its own
#            subuid     user subtester, who has subordinate ids, in a cgroup that is not its own
#            session    user tester in a login session of systemd, with a systemd and a bus of its own; only as the last
# The guest has the repository's files, .build/debug's test bundle and command, the C test program and the victims of
# scripts/victims.sh at the same paths as here. Nothing that it writes comes back but the output.
# The timeout applies to each world.
# Status: the command's (of several worlds the first that is not 0); 124 out of time; 125 the guest failed.
# VM_CACHE=FOLDER keeps kernel and root elsewhere than in .build-vm; VM_ACCEL=kvm|tcg skips the probe for KVM.
set -euo pipefail
cd "$(dirname "$0")/../.."
repository=$PWD

worlds=root variables=() seconds=900 memory=3072 processors=2
while [[ $# -gt 0 ]]; do
    case $1 in
    --world) worlds=${2:?--world needs a name} && shift 2 ;;
    --env) variables+=("${2:?--env needs K=V}") && shift 2 ;;
    --timeout) seconds=${2:?--timeout needs seconds} && shift 2 ;;
    --memory) memory=${2:?--memory needs MiB} && shift 2 ;;
    --processors) processors=${2:?--processors needs a number} && shift 2 ;;
    --) shift && break ;;
    *) echo "vm.sh: unknown option '$1'; a command stands after --" >&2 && exit 2 ;;
    esac
done
[[ $# -gt 0 ]] || { echo "vm.sh: no command; give one after --" >&2 && exit 2; }
IFS=, read -ra worlds <<<"$worlds"
for world in "${worlds[@]}"; do
    # session must be the last: systemd is process 1 from then on.
    [[ $world != session || $world == "${worlds[-1]}" ]] || { echo "vm.sh: session must be the last world" >&2 && exit 2; }
    [[ $world =~ ^(root|delegated|user|subuid|session)$ ]] || { echo "vm.sh: no world '$world'" >&2 && exit 2; }
done

source scripts/vm/images.sh
make_images
run=$(mktemp -d "$repository/.build-vm/run.XXXXXX")
trap 'rm -rf "$run"' EXIT

# A hard link costs nothing, and the guest only sees a copy; across file systems hard links are not possible.
copy() { cp -al "$1" "$2" 2>/dev/null || cp -a "$1" "$2"; }

# The folders of the Swift runtime that these programs load; other libraries are the guest's own.
runtime_folders() {
    ldd "$@" | awk '$2 == "=>" && $3 ~ "^/" { sub("/[^/]*$", "", $3); print $3 }' | sort -u |
        { grep -vE '^(/usr)?/lib(64)?(/[^/]*-linux-gnu)?$' || true; }
}

# Makes the disk of this run: the guest has the contents of tree/ at the same places.
stage() {
    local tree=$run/payload/tree file programs=() libraries=() folder library
    mkdir -p "$tree$repository"
    while IFS= read -r -d '' file; do
        [[ -e $file ]] || continue
        mkdir -p "$tree$repository/$(dirname "$file")"
        copy "$file" "$tree$repository/$file"
    done < <(git ls-files -z --cached --others --exclude-standard)
    if [[ -e .build/debug ]]; then
        folder=$(realpath --relative-to=. .build/debug)
        mkdir -p "$tree$repository/$folder"
        [[ -L .build/debug ]] && copy .build/debug "$tree$repository/.build/debug"
        for file in "$folder"/*.xctest "$folder/sandbox"; do
            if [[ -f $file ]]; then programs+=("$file"); fi
        done
    fi
    file=Tests/CIsolateTests/.build-c/tests
    if [[ -f $file ]]; then programs+=("$file"); fi
    if [[ ${#programs[@]} -gt 0 ]]; then
        for file in "${programs[@]}"; do
            mkdir -p "$tree$repository/$(dirname "$file")"
            copy "$file" "$tree$repository/$file"
        done
        mapfile -t libraries < <(runtime_folders "${programs[@]}")
        for folder in "${libraries[@]}"; do
            mkdir -p "$tree$folder"
            for library in $(ldd "${programs[@]}" | awk '$2 == "=>" { print $3 }' | sort -u); do
                if [[ ${library%/*} == "$folder" ]]; then copy "$library" "$tree$folder/"; fi
            done
        done
    fi
    if [[ -d .build-vm/victims ]]; then
        mkdir -p "$tree$repository/.build-vm"
        copy .build-vm/victims "$tree$repository/.build-vm/victims"
        variables+=("VICTIMS=$repository/.build-vm/victims")
    fi
    # Only emulation is reported: tests then take longer time limits.
    if [[ $accelerator == tcg ]]; then variables+=(EMULATED=1); fi
    {
        printf 'repository=%q\n' "$repository"
        printf 'binds=(%s)\n' "$(printf '%q ' "$repository" "${libraries[@]}")"
        printf 'worlds=(%s)\n' "$(printf '%q ' "${worlds[@]}")"
        printf 'variables=(%s)\n' "$( ((${#variables[@]} == 0)) || printf '%q ' "${variables[@]}")"
        printf 'seconds=%q\n' "$seconds"
        printf 'command=(%s)\n' "$(printf '%q ' "$@")"
    } >"$run/payload/job"
    cp scripts/vm/guest.sh "$run/payload/guest.sh"
    make_disk "$run/payload" "$run/payload.ext4" 1G
}

stage "$@"
: >"$run/status"
status=0
# Opening it by name would truncate a file and fail for a socket, so the output goes through a pipe to cat.
boot $((seconds * ${#worlds[@]} + 120)) "$run" -m "$memory" -smp "$processors" \
    -drive "file=$root,if=virtio,format=raw,snapshot=on,cache=unsafe" \
    -drive "file=$run/payload.ext4,if=virtio,format=raw,snapshot=on,cache=unsafe" \
    -device virtio-serial-pci \
    -chardev file,id=output,path=/dev/stdout -device virtserialport,chardev=output,name=output \
    -chardev "file,id=status,path=$run/status" -device virtserialport,chardev=status,name=status | cat || status=$?

first=0 done=0
while read -r word world value; do
    [[ $word == ended ]] || continue
    done=$((done + 1))
    [[ $first -ne 0 ]] || first=$value
    if [[ ${#worlds[@]} -gt 1 ]]; then echo "vm: world $world: status $value" >&2; fi
done <"$run/status"
[[ $done -eq ${#worlds[@]} ]] && exit "$first"
echo "vm: $done of ${#worlds[@]} worlds ended; QEMU's status $status; the end of the guest's console:" >&2
tail -n 40 "$run/console" >&2
exit 125
