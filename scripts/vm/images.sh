# Makes what a guest boots from, once, and boots it; sourced by scripts/vm/vm.sh.
# Sets kernel, initramfs, root and accelerator.

cache=${VM_CACHE:-$repository/.build-vm}
modules=(virtio_ring virtio virtio_pci_modern_dev virtio_pci_legacy_dev virtio_pci virtio_blk virtio_console)
root_packages=(bash coreutils dash dbus dbus-user-session g++ gcc iproute2 kmod libc6-dev libpam-systemd mount passwd procps python3
    strace systemd uidmap util-linux)

# Runs a command that is silent unless it fails.
quietly() {
    local log=$cache/log
    "$@" >"$log" 2>&1 || { tail -n 40 "$log" >&2 && echo "vm: failed: $*" >&2 && return 1; }
}

# Makes an ext4 image of a folder, sparse, without a journal: it is used for one boot.
make_disk() { mkfs.ext4 -q -O ^has_journal -E root_owner=0:0,nodiscard -m 0 -d "$1" "$2" "$3" >/dev/null; }

# Only unpacks the kernel's package: installing it would change this machine's boot loader.
make_kernel() {
    local package folder=$cache/kernel.new
    echo "vm: fetching a kernel" >&2
    package=$(apt-cache depends linux-image-cloud-amd64 | awk '$1 == "Depends:" { print $2; exit }')
    [[ -n $package ]] || { echo "vm: apt knows no linux-image-cloud-amd64; the guest needs Debian's" >&2 && return 1; }
    rm -rf "$folder" && mkdir -p "$folder"
    (cd "$folder" && quietly apt-get -q download "$package" && dpkg-deb -x ./*.deb . && rm ./*.deb)
    mv "$folder"/boot/vmlinuz-* "$folder/vmlinuz"
    rm -rf "$folder/boot" "$folder/usr"
    mv "$folder" "$cache/kernel"
}

make_initramfs() {
    local folder=$cache/initramfs.new module
    rm -rf "$folder" && mkdir -p "$folder"/{bin,dev,lib,proc,root,sys}
    cp "$(command -v busybox)" "$folder/bin/busybox"
    cp scripts/vm/boot.sh "$folder/init" && chmod 755 "$folder/init"
    for module in "${modules[@]}"; do
        find "$cache/kernel/lib/modules" -name "$module.ko*" -exec cp {} "$folder/lib/" \;
        compgen -G "$folder/lib/$module.ko*" >/dev/null || { echo "vm: the kernel has no module $module" >&2 && return 1; }
    done
    printf '%s\n' "${modules[@]}" >"$folder/lib/order"
    (cd "$folder" && find . -print0 | cpio --quiet -0 -o -H newc) >"$initramfs.new"
    rm -rf "$folder"
    mv "$initramfs.new" "$initramfs"
}

make_root() {
    local folder=$cache/root.new suite
    suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
    echo "vm: making the guest's root of Debian $suite" >&2
    rm -rf "$folder"
    local excluded=() path
    for path in doc info locale man; do excluded+=(--dpkgopt="path-exclude=/usr/share/$path/*"); done
    quietly mmdebstrap --mode=root --variant=minbase "${excluded[@]}" --aptopt='APT::Install-Recommends "false"' \
        --include="$(IFS=, && echo "${root_packages[*]}")" "$suite" "$folder"
    quietly chroot "$folder" useradd -u 1500 -U -m -s /bin/bash tester
    quietly chroot "$folder" useradd -u 1501 -U -m -s /bin/bash subtester
    # useradd may assign ranges to both users; only one must have some.
    echo subtester:200000:65536 | tee "$folder/etc/subuid" >"$folder/etc/subgid"
    # The modules that guest.sh loads by name.
    cp -a "$cache/kernel/lib/modules" "$folder/lib/"
    quietly chroot "$folder" depmod "$(basename "$cache"/kernel/lib/modules/*)"
    make_disk "$folder" "$root.new" 6G
    rm -rf "$folder"
    mv "$root.new" "$root"
}

# Uses KVM only where a guest really boots with it: on some machines /dev/kvm does not work.
find_accelerator() {
    local answer=$cache/accelerator-$(uname -r)
    accelerator=${VM_ACCEL:-}
    [[ -z $accelerator ]] || return 0
    if [[ ! -r /dev/kvm || ! -w /dev/kvm ]]; then
        accelerator=tcg
        return 0
    fi
    if [[ ! -s $answer ]]; then
        local probe
        probe=$(mktemp -d "$cache/probe.XXXXXX")
        accelerator=kvm
        boot 10 "$probe" -m 256 -append "console=ttyS0 panic=-1 probe" >"$probe/log" 2>&1 || true
        if grep -qs '^alive' "$probe/console"; then echo kvm >"$answer"; else echo tcg >"$answer"; fi
        rm -rf "$probe"
    fi
    accelerator=$(<"$answer")
}

# boot SECONDS FOLDER OPTIONS...: a guest until it powers off; its console goes to FOLDER/console.
boot() {
    local seconds=$1 folder=$2 processor=max
    shift 2
    [[ $accelerator == kvm ]] && processor=host
    TMPDIR=$folder timeout --foreground -k 2 "$seconds" qemu-system-x86_64 -accel "$accelerator${tcg_options[$accelerator]}" \
        -cpu "$processor" -nodefaults -no-user-config -display none -no-reboot -serial "file:$folder/console" \
        -kernel "$kernel" -initrd "$initramfs" -append "console=ttyS0 quiet panic=-1 cgroup_no_v1=all" "$@"
}
declare -A tcg_options=([tcg]=,thread=multi [kvm]=)

make_images() {
    mkdir -p "$cache" "$repository/.build-vm"
    exec {lock}>"$cache/lock"
    flock "$lock"
    kernel=$cache/kernel/vmlinuz
    [[ -e $kernel ]] || make_kernel
    initramfs=$cache/initramfs-$( (echo "${modules[@]}" && declare -f make_initramfs && cat scripts/vm/boot.sh) | md5sum | cut -c1-8)
    [[ -e $initramfs ]] || make_initramfs
    root=$cache/root-$( (echo "${root_packages[@]}" && declare -f make_root) | md5sum | cut -c1-8).ext4
    [[ -e $root ]] || make_root
    find_accelerator
    exec {lock}>&-
}
