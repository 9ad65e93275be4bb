#!/bin/sh
# The first steps of a node: a root of its own, in which /usr, /etc, /var and /opt are copy-on-write views of the
# machine's, and then its first process, which reaps orphans. Nothing that a node writes reaches the machine.
#
#   unshare --mount --uts --ipc --pid --net --fork sh boot.sh FOLDER NAME PROGRAMS PAUSE
#
# FOLDER holds files/ (copied over the root), cgroups (a line each: type, options, name), containerd/ and kubelet/ (on
# disk; all else lives in memory) and gets `pid`, the first process's number as the machine counts, once all is there.
set -eu
folder=$1 name=$2 programs=$3 pause=$4
read -r pid _ </proc/self/stat
exec 3>"$folder/pid"

mount --make-rprivate /
hostname "$name"
ip link set lo up
root=$folder/root
mount -t tmpfs -o mode=755 node "$root"
cd "$root"
mkdir proc sys dev run root home srv mnt .old .fresh .changes .work
mkdir -m 1777 tmp

for part in bin sbin lib lib32 lib64 libx32 usr etc var opt; do
    if [ -L "/$part" ]; then
        cp -P "/$part" "$part"
    elif [ -d "/$part" ]; then
        mkdir "$part" ".changes/$part" ".work/$part"
        mount -t overlay -o "lowerdir=/$part,upperdir=.changes/$part,workdir=.work/$part" "$part" "$part"
    fi
done

# What a machine that is itself a node has there is no concern of the lab's nodes.
for part in etc/kubernetes etc/cni etc/containerd var/lib/etcd var/lib/cni var/log var/tmp; do
    mkdir -p "$part" ".fresh/$part"
    mount --bind ".fresh/$part" "$part"
done
chmod 1777 var/tmp
for part in containerd kubelet; do
    mkdir -p "var/lib/$part"
    mount --bind "$folder/$part" "var/lib/$part"
done
mkdir -p opt/kubernetes
mount --bind "$programs" opt/kubernetes
mount -o remount,bind,ro opt/kubernetes

mount -t proc proc proc
mount -t sysfs sysfs sys
mount --rbind /dev dev
while read -r type options group; do
    if [ "$group" = . ]; then
        mount -t "$type" cgroup sys/fs/cgroup
        continue
    fi
    grep -q " $root/sys/fs/cgroup tmpfs " /proc/self/mounts || mount -t tmpfs -o mode=755 cgroup sys/fs/cgroup
    mkdir "sys/fs/cgroup/$group"
    mount -t "$type" -o "$options" cgroup "sys/fs/cgroup/$group"
done <"$folder/cgroups"

rm -f etc/resolv.conf etc/hosts etc/hostname etc/machine-id
cp -R "$folder/files/." .

pivot_root . .old
cd /
umount -l /.old
rmdir /.old
mount --make-rshared /
echo 1 >/proc/sys/net/ipv4/ip_forward
echo 1 >/proc/sys/net/bridge/bridge-nf-call-iptables 2>/dev/null || true
echo "$pid" >&3
exec 3>&-
exec "/opt/kubernetes/$pause"
