#!/bin/busybox sh
# /init of the guest's initramfs: loads the disk drivers and hands over to scripts/vm/guest.sh.
/bin/busybox mount -t devtmpfs none /dev
/bin/busybox mount -t proc none /proc
if /bin/busybox grep -qw probe /proc/cmdline; then
    echo alive >/dev/console
    /bin/busybox reboot -f
fi
set -e
while read -r module; do
    /bin/busybox insmod /lib/"$module".ko
done </lib/order
for disk in vda vdb; do
    tries=0
    until [ -e /dev/$disk ]; do
        tries=$((tries + 1))
        [ $tries -lt 100 ] # Ends init, and so the guest.
        /bin/busybox usleep 20000
    done
done
/bin/busybox mount -t ext4 /dev/vda /root
/bin/busybox mkdir -p /root/payload
/bin/busybox mount -t ext4 /dev/vdb /root/payload
/bin/busybox umount /proc
/bin/busybox mount --move /dev /root/dev
exec /bin/busybox switch_root /root /bin/bash /payload/guest.sh
