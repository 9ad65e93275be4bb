# shellcheck shell=sh
# The system itself: what it is, its kernel and how it was booted, its clock, its addresses, its memory and disks.

take_system() {
    run uname uname -a
    run date date -u +%Y-%m-%dT%H:%M:%SZ
    run hostname uname -n
    run ip-address ip -o addr show
    take cut_nothing /etc/os-release || take cut_nothing /usr/lib/os-release
    take cut_nothing /etc/hostname
    take cut_nothing /etc/machine-id
    take_clock
    take_kernel
    take_memory
    take_reboot
}

# What a time service says of the clock: it is asked over the node's own sockets, without names, and changes nothing.
take_clock() {
    run timedatectl timedatectl status
    run chronyc chronyc -n -c tracking
    run ntpq ntpq -n -c rv
    run adjtimex busybox adjtimex
    # It is there from the first time on that systemd-timesyncd had an answer since the boot.
    run timesyncd ls -l "$ROOT/run/systemd/timesync/synchronized"
}

# The running kernel: what it was told at boot and built with, as far as Kubernetes depends on it, and its modules.
KERNEL_WORDS='(systemd\.(unified_cgroup_hierarchy|legacy_systemd_cgroup_controller)|cgroup_(no_v1|disable|enable)|swapaccount|systemd\.swap|systemd\.zram|zram|noswap)'
KERNEL_BUILT='(NAMESPACES|(NET|PID|IPC|UTS|USER)_NS|CPUSETS|MEMCG|INET|EXT4_FS|PROC_FS|FAIR_GROUP_SCHED|CFS_BANDWIDTH'
KERNEL_BUILT="$KERNEL_BUILT"'|CGROUPS|CGROUP_[A-Z]+|OVERLAY(FS)?_FS|SECCOMP(_FILTER)?|BRIDGE_NETFILTER|NF_(CONNTRACK|TABLES)|IP_VS|SWAP'
KERNEL_BUILT="$KERNEL_BUILT"'|NETFILTER_XT_(TARGET_REDIRECT|MATCH_COMMENT)|IP_NF_TARGET_REDIRECT|AUFS_FS|BLK_DEV_DM)'
KERNEL_SETTINGS="net/ipv4/ip_forward net/ipv6/conf/all/forwarding net/bridge/bridge-nf-call-iptables net/bridge/bridge-nf-call-ip6tables
    vm/overcommit_memory vm/panic_on_oom kernel/panic kernel/panic_on_oops fs/inotify/max_user_instances fs/inotify/max_user_watches"
take_kernel() {
    run uptime cat /proc/uptime
    # Only these words: what else stands there may be a password of an installer.
    run boot-options sh -c "tr ' ' '\n' </proc/cmdline | grep -E '^$KERNEL_WORDS(=[A-Za-z0-9_,]*)?\$'"
    run cgroup-filesystem stat -f -c %t /sys/fs/cgroup
    run cgroup-controllers cat /sys/fs/cgroup/cgroup.controllers
    run cgroup-subsystems cat /proc/cgroups
    running=$(uname -r)
    # Where kubeadm looks for it, in its order; the first that is there counts.
    for built in /proc/config.gz "$ROOT/boot/config-$running" "$ROOT/usr/src/linux-$running/.config" "$ROOT/usr/src/linux/.config" \
        "$ROOT/usr/lib/modules/$running/config" "$ROOT/usr/lib/ostree-boot/config-$running" "$ROOT/usr/lib/kernel/config-$running" \
        "$ROOT/usr/src/linux-headers-$running/.config" "$ROOT/lib/modules/$running/build/.config"; do
        [ -f "$built" ] || continue
        case $built in *.gz) reader='gzip -dc' ;; *) reader='cat' ;; esac
        run kernel-config sh -c "$reader \"\$0\" | grep -E '^CONFIG_$KERNEL_BUILT='" "$built"
        break
    done
    [ -d "$ARCHIVE/commands/kernel-config" ] || run kernel-config sh -c 'echo "no configuration of the running kernel is on the disk" >&2; exit 2'
    run modules sh -c 'cut -d " " -f 1 /proc/modules'
    # shellcheck disable=SC2016,SC2086  # the inner shell expands, and a list it is
    run sysctl sh -c 'cd /proc/sys && for name; do printf "%s=" "$name"; cat "$name" || echo; done' sh $KERNEL_SETTINGS
}

take_memory() {
    run io-pressure cat /proc/pressure/io
    run meminfo grep -E '^(MemTotal|MemAvailable|SwapTotal|SwapFree):' /proc/meminfo
    run swaps cat /proc/swaps
    take cut_fstab /etc/fstab
    take cut_nothing /etc/systemd/zram-generator.conf || take cut_nothing /usr/lib/systemd/zram-generator.conf
    run swap-units find "$ROOT/etc/systemd/system" -maxdepth 1 '(' -name '*.swap' -o -name swap.target ')' -exec ls -ld '{}' ';'
}
# Only the lines about swap: others may hold a password of a network's file system.
# shellcheck disable=SC2016  # awk's dollars
cut_fstab() { limited awk '$1 !~ /^#/ && $3 == "swap"' "$1"; }

# What waits for a reboot: Debian's own marks; and the kernels on the disk and what was installed since the start.
take_reboot() {
    take cut_nothing /run/reboot-required
    take cut_nothing /run/reboot-required.pkgs
    # shellcheck disable=SC2016  # the inner shell's own dollars
    run kernels sh -c 'for path in "$0"/boot/vmlinuz-* "$0"/lib/modules/*; do [ ! -e "$path" ] || printf "%s\n" "${path#"$0"}"; done' "$ROOT"
    run boot-time grep '^btime ' /proc/stat
    for directory in /usr/lib/sysimage/rpm /var/lib/rpm; do
        for database in rpmdb.sqlite Packages.db Packages; do
            [ -f "$ROOT$directory/$database" ] || continue
            run rpm-installed-at rpm --root "${ROOT:-/}" --dbpath "$directory" -q --qf '%{NAME}\t%{INSTALLTIME}\n' \
                kernel kernel-core kernel-rt glibc linux-firmware systemd dbus dbus-broker dbus-daemon microcode_ctl
            break 2
        done
    done
}

# Room on the file systems that an upgrade fills. Each is asked by itself and beside the others: one that hangs, because
# a server is gone, costs nothing but its own answer. The path that was asked, a tab, and df's line.
DISKS="/ /usr /var /var/lib/kubelet /var/lib/containerd /var/lib/containers /var/lib/docker /var/cache
    /etc/kubernetes /etc/kubernetes/tmp /boot /tmp"
take_disks() {
    etcd_data=$(etcd_directory)
    images=$(sed -n 's/^root[ ]*=[ ]*["'\'']\(\/[^"'\'' ]*\).*/\1/p' "$ARCHIVE/files/etc/containerd/config.toml" 2>/dev/null | tail -n 1)
    # shellcheck disable=SC2016  # the inner shell's
    each='root=$1; option=$2; shift 2
        for path; do
            ( if [ -d "$root$path" ] && line=$(df -P "$option" "$root$path" | tail -n 1); then printf "%s\t%s\n" "$path" "$line"; fi ) &
        done
        wait'
    for option in k i; do
        name=disk-space
        [ "$option" = k ] || name=disk-inodes
        # shellcheck disable=SC2086  # a list it is
        run "$name" sh -c "$each" sh "$ROOT" "-$option" $DISKS "$etcd_data" ${images:+"$images"}
    done
    [ ! -d "$ROOT$etcd_data" ] || run etcd-size du -sk "$ROOT$etcd_data"
}
