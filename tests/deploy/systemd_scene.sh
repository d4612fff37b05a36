#!/bin/bash
# systemd as process 1 over this machine's own root, of which nothing changes: an overlay in memory, namespaces and a control group
# of its own, no network but loopback, no unit but those that are installed. For one test alone:
#
#   systemd_scene.sh DIRECTORY GROUP   mounts it in DIRECTORY and becomes systemd, in control group GROUP (cgroup2); start it with
#                                      unshare --pid --mount --net --uts --ipc --fork --kill-child
#
# /proc/sys is read-only there, so that systemd cannot set anything of the machine's.
set -euo pipefail
directory=$1
root=$directory/root

mount --make-rprivate /
if [ -z "${SYSTEMD_SCENE_GROUPED:-}" ]; then
    mkdir "$directory/cgroup"
    mount -t cgroup2 cgroup2 "$directory/cgroup"
    mkdir "$directory/cgroup/$2"
    echo $$ >"$directory/cgroup/$2/cgroup.procs"
    umount "$directory/cgroup"
    SYSTEMD_SCENE_GROUPED=1 exec unshare --cgroup -- "$0" "$@"
fi

mkdir "$root" "$directory/upper" "$directory/work"
mount -t overlay -o "lowerdir=/,upperdir=$directory/upper,workdir=$directory/work" overlay "$root"
mount -t proc proc "$root/proc"
mount --bind "$root/proc/sys" "$root/proc/sys"
mount -o remount,bind,ro "$root/proc/sys"
[ ! -e "$root/proc/sysrq-trigger" ] || mount --bind /dev/null "$root/proc/sysrq-trigger"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for node in null zero full random urandom tty; do
    cp -a "/dev/$node" "$root/dev/$node"
done
mkdir "$root/dev/shm" "$root/dev/pts" "$root/run/scene"
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
ip link set lo up

# Nothing starts that nobody asked for.
rm -rf "$root"/usr/lib/systemd/system/*.wants/* "$root"/etc/systemd/system/* "$root"/usr/lib/systemd/system-generators/*
rm -f "$root/usr/sbin/policy-rc.d"
printf '[Unit]\nDescription=Nothing\nDefaultDependencies=no\n' >"$root/etc/systemd/system/scene.target"

mkdir "$root/run/scene/before"
cd "$root"
pivot_root . run/scene/before
# shellcheck disable=SC2016
exec chroot . /bin/sh -c 'umount -l /run/scene/before
exec env -i container=other PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --system --unit=scene.target \
    --log-target=null --show-status=0'
