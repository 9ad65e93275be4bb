# shellcheck shell=sh
# Packages, what holds them, and where they come from. Nothing is installed, no lock is taken, no list fetched.

PACKAGES="kubeadm kubelet kubectl kubernetes-cni cri-tools containerd containerd.io cri-o cri-o-runc cri-dockerd
    docker-ce docker-ce-cli docker.io moby-engine moby-containerd runc moby-runc crun conntrack socat ebtables
    unattended-upgrades dnf-automatic dnf5-plugin-automatic yum-cron"
take_packages() {
    # shellcheck disable=SC2016  # dpkg's own ${…}
    format='${Package}\t${Version}\t${db:Status-Want}\t${db:Status-Eflag}\t${db:Status-Status}\n'
    # shellcheck disable=SC2086  # a list it is
    if [ -z "$ROOT" ] || [ -d "$ROOT/var/lib/dpkg" ]; then
        run dpkg-query dpkg-query --admindir="$ROOT/var/lib/dpkg" -W -f="$format" $PACKAGES
    fi
    if [ -z "$ROOT" ]; then
        # apt would else write its caches anew, which is a change
        run apt-mark-showhold apt-mark -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= showhold
    fi
    # Where rpm finds no database it would make one.
    for directory in /usr/lib/sysimage/rpm /var/lib/rpm; do
        for database in rpmdb.sqlite Packages.db Packages; do
            [ -f "$ROOT$directory/$database" ] || continue
            # shellcheck disable=SC2086
            run rpm-qa rpm --root "${ROOT:-/}" --dbpath "$directory" -qa --qf '%{NAME}\t%{VERSION}-%{RELEASE}\t%{ARCH}\n' $PACKAGES
            run rpm-keys rpm --root "${ROOT:-/}" --dbpath "$directory" -q gpg-pubkey --qf '%{DESCRIPTION}\n'
            break 2
        done
    done
    take cut_lines /etc/apt/sources.list
    take_all cut_lines /etc/apt/sources.list.d '*.list' '*.sources'
    take cut_lines /etc/apt/preferences
    take_all cut_lines /etc/apt/preferences.d '*'
    take_all cut_lines /etc/yum.repos.d '*.repo'
    for path in /etc/yum.conf /etc/dnf/dnf.conf /etc/dnf/plugins/versionlock.conf /etc/dnf/plugins/versionlock.list \
        /etc/yum/pluginconf.d/versionlock.conf /etc/yum/pluginconf.d/versionlock.list /etc/dnf/versionlock.toml; do
        take cut_lines "$path"
    done
}
