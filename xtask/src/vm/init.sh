#!/bin/busybox sh
# The first program of a test's guest: sets the machine up, runs what /vm/steps lists, says on the
# console how each ended, and turns the machine off. Lines with @@ are read by `cargo xtask vm-test`.
/bin/busybox mkdir -p /bin /proc /sys /dev /tmp /run
/bin/busybox --install -s /bin
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/tmp
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev 2>/dev/null
mkdir -p /dev/pts
mount -t devpts devpts /dev/pts
mount -t cgroup2 cgroup /sys/fs/cgroup
ip link set lo up
. /vm/environment
echo "@@kernel $(uname -r)"
while read -r name command; do
    echo "@@begin $name"
    eval "$command" </dev/null 2>&1
    echo "@@end $name $?"
done </vm/steps
echo "@@done"
poweroff -f
