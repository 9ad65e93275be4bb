#!/bin/sh
# Collects what kubepreflight needs to know of one node, as one tar on standard output or in a file.
#
#   sudo sh collect.sh > node.tar            ssh node sudo -n sh -s < collect.sh > node.tar
#
# POSIX sh and what every node has. It changes nothing (a scratch directory in memory or /tmp comes and goes), takes no
# lock, uses no network but the node's own addresses. Each command ends within --seconds, the whole within --deadline, the archive stays below 5 MB.
# Private keys, tokens, passwords and environment values never leave the node: cut.sh takes them out here.
# `kubepreflight collect --print-script` prints it in one piece with its parts. Run as root for full sight; what
# could not be seen is said.
#
# In the archive: host.json; files/ as they lie on the node (secrets apart); commands/NAME/{command,stdout,stderr,status},
# status 127 for what is not installed and 124 for what was cut off; private-keys.txt, a word and a path on each line:
# `present` a key, `looked` a directory with all its keys listed, `absent` a directory that is not there, `unreadable`
# one that could not be searched; unreadable.txt, a path, a tab and why it is not among the files.
set -u
LC_ALL=C
PATH="$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/opt/bin"
export LC_ALL PATH
umask 077

# shellcheck source=cut.sh
. "$(dirname "$0")/cut.sh" # part
# shellcheck source=stage.sh
. "$(dirname "$0")/stage.sh" # part
# shellcheck source=etcd.sh
. "$(dirname "$0")/etcd.sh" # part

usage() {
    cat >&2 <<'USAGE'
usage: sh collect.sh [--output FILE] [--root DIR] [--seconds N] [--deadline N]
  --output FILE   write the tar there, not to standard output
  --root DIR      take files, packages and programs from the system below DIR (a mounted disk, the host in a container);
                  what only the running system can tell, the kernel and the addresses, still comes from here;
                  etcd is then not asked
  --seconds N     cut off a command after N seconds (10)
  --deadline N    end after about N seconds with what there is, marked as not complete (120)
USAGE
    exit 2
}
key_line() {
    printf '%s %s\n' "$1" "$2" >>"$ARCHIVE/private-keys.txt"
    TOTAL=$((TOTAL + ${#1} + ${#2} + 2))
}

# What a file holds, in one word: key, both, certificate, kubeconfig, other (of what is armoured), nothing.
content_of() {
    limited awk '
        /-----BEGIN .*PRIVATE KEY-----/ { key = 1 }
        /-----BEGIN (X509 |TRUSTED )?CERTIFICATE-----/ { certificate = 1 }
        /^["\047]?kind["\047]?:[ ]*["\047]?Config["\047]?[ \t\r]*$/ || /"kind"[ ]*:[ ]*"Config"/ { config = 1 }
        /^(clusters|users|contexts):/ { parts++ }
        /-----BEGIN / { other = 1 }
        END {
            if (config || parts >= 2) print "kubeconfig"
            else if (key) print(certificate ? "both" : "key")
            else print(certificate ? "certificate" : other ? "other" : "nothing")
        }
    ' "$1" 2>/dev/null
}

# take_trust DIR: every certificate and kubeconfig below it, and the names of its keys.
take_trust() {
    # kubeadm's backups, etcd's data among them, lie in tmp
    list "$1" -name tmp -type d -prune -o
    case $? in 0) trust_word=looked ;; 1) trust_word=absent ;; *) trust_word=unreadable ;; esac
    cp "$WORK/list" "$WORK/trust"
    while IFS= read -r path; do
        in_time || return
        take_trusted "$path"
    done <"$WORK/trust"
    key_line "$trust_word" "$1"
}
take_trusted() {
    source=$(resolve "$1") || return
    case $1 in *.key) [ ! -e "$source" ] || key_line present "$1"; return ;; esac
    if [ -d "$source" ]; then
        unreadable "$1" "a link to a directory, which is not followed below --root"
        trust_word=unreadable
        return
    fi
    trust_name=other
    case $1 in *.crt | *.cer | *.der | *.pem) trust_name=certificate ;; *.conf | *.kubeconfig) trust_name=kubeconfig ;; esac
    if [ ! -r "$source" ] || [ ! -f "$source" ] || [ "$(size_of "$source")" -gt "$FILE_LIMIT" ]; then
        # A pem may be a key; `take` says why it does not come.
        case $1 in *.pem) trust_word=unreadable ;; esac
        [ "$trust_name" = other ] || take cut_pem "$1"
        return
    fi
    # kubeadm's own are kubeconfigs whatever they look like.
    case ${1#/etc/kubernetes/} in
        admin.conf | super-admin.conf | controller-manager.conf | scheduler.conf | kubelet.conf) take cut_kubeconfig "$1"; return ;;
    esac
    case $(content_of "$source") in
        key)
            key_line present "$1"
            case $1 in *.crt | *.cer) unreadable "$1" "a private key, and no certificate" ;; esac
            ;;
        both) key_line present "$1"; take cut_pem "$1" ;;
        certificate) take cut_pem "$1" ;;
        kubeconfig) take cut_kubeconfig "$1" ;;
        nothing) [ "$trust_name" != certificate ] || take cut_der "$1" ;;
        *) case $1 in *.crt) take cut_der "$1" ;; esac ;;
    esac
}

# kubeadm's certificatesDir, where the API server's flags tell that it lies elsewhere.
take_trust_elsewhere() {
    server=$ARCHIVE/files/etc/kubernetes/manifests/kube-apiserver.yaml
    directory=$(sed -n 's|^[ -]*--client-ca-file=\(/.*\)/ca\.crt$|\1|p' "$server" 2>/dev/null | head -n 1)
    case $directory/ in
        / | */../* | /etc/kubernetes/* | /proc/* | /sys/* | /dev/* | /etc/ssl/certs/* | /etc/pki/* | /usr/share/*) ;;
        *) take_trust "$directory" ;;
    esac
}

# Certificates and keys that flags and settings name, wherever they lie.
take_named() {
    find "$ARCHIVE/files" -type f \( -name '*.yaml' -o -name '*.conf' -o -name '*.env' -o -name kubelet \) -exec awk '
        { while (match($0, /[A-Za-z-]*([cC][eE][rR][tT]|[cC][aA]-?[fF]ile|[kK]ey)[A-Za-z-]*["\047]?(=|:[ ]*)["\047]?\/[^ \t"\047,]+/)) {
            s = substr($0, RSTART, RLENGTH); $0 = substr($0, RSTART + RLENGTH)
            path = substr(s, index(s, "/")); sub(/["\047]?[=:].*/, "", s)
            print(tolower(s) ~ /key/ ? "key" : "certificate", path) } }' {} + 2>/dev/null | sort -u >"$WORK/named"
    while read -r kind path; do
        # What the distribution trusts is not the cluster's.
        case $path in */../* | /proc/* | /sys/* | /dev/* | /etc/ssl/certs/* | /etc/pki/* | /usr/share/*) continue ;; esac
        source=$(resolve "$path") || continue
        case $kind in
            certificate) take cut_pem "$path" ;;
            key)
                if grep -qxF "present $path" "$ARCHIVE/private-keys.txt" || [ ! -f "$source" ]; then continue; fi
                case $(content_of "$source") in key | both) key_line present "$path" ;; esac
                ;;
        esac
    done <"$WORK/named"
}

take_system() {
    run uname uname -a
    run date date -u +%Y-%m-%dT%H:%M:%SZ
    run hostname uname -n
    run ip-address ip -o addr show
    take cut_nothing /etc/os-release || take cut_nothing /usr/lib/os-release
    take cut_nothing /etc/hostname
    take cut_nothing /etc/machine-id
}

PACKAGES="kubeadm kubelet kubectl kubernetes-cni cri-tools containerd containerd.io cri-o cri-o-runc cri-dockerd
    docker-ce docker-ce-cli docker.io moby-engine moby-containerd runc moby-runc crun conntrack socat ebtables"
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

take_kubelet() {
    take cut_kubelet /var/lib/kubelet/config.yaml
    take cut_kubelet /var/lib/kubelet/instance-config.yaml
    for path in /var/lib/kubelet/kubeadm-flags.env /etc/default/kubelet /etc/sysconfig/kubelet; do take cut_environment "$path"; done
    for directory in /etc/systemd/system /run/systemd/system /usr/local/lib/systemd/system /usr/lib/systemd/system /lib/systemd/system; do
        if [ -L "$ROOT${directory%%/systemd*}" ]; then continue; fi
        for unit in kubelet cri-docker; do
            take cut_unit "$directory/$unit.service"
            take_all cut_unit "$directory/$unit.service.d" '*.conf'
        done
    done
    manifests=$(sed -n 's/^staticPodPath:[ ]*["'\'']\{0,1\}\(\/[^"'\'' ]*[^"'\'' \/]\).*/\1/p' "$ARCHIVE/files/var/lib/kubelet/config.yaml" 2>/dev/null | head -n 1)
    # The kubelet runs every file there whose name begins with no dot, whatever it ends with.
    take_all cut_pod /etc/kubernetes/manifests '*'
    case ${manifests:-/etc/kubernetes/manifests} in /etc/kubernetes/manifests | */..*) ;; *) take_all cut_pod "$manifests" '*' ;; esac
}

take_runtime() {
    take cut_toml /etc/containerd/config.toml
    take_all cut_toml /etc/containerd/conf.d '*.toml'
    take cut_toml /etc/crio/crio.conf
    take_all cut_toml /etc/crio/crio.conf.d '*'
    take cut_json /etc/docker/daemon.json
    version kubelet-version kubelet --version
    version kubeadm-version kubeadm version -o short
    version kubectl-version kubectl version --client -o json
    version containerd-version containerd --version
    version crio-version crio --version
    version docker-version docker --version
    version cri-dockerd-version cri-dockerd --version
    version runc-version runc --version
}

main() {
    while [ $# -gt 0 ]; do
        [ $# -gt 1 ] || usage
        case $1 in
            --output) OUTPUT=$2 ;;
            --root) ROOT=${2%/} ;;
            --seconds) SECONDS_EACH=$2 ;;
            --deadline) DEADLINE=$2 ;;
            *) usage ;;
        esac
        shift 2
    done
    case $SECONDS_EACH$DEADLINE in *[!0-9]*) usage ;; esac
    case $OUTPUT in '' | /*) ;; *) OUTPUT=$PWD/$OUTPUT ;; esac
    [ -z "$ROOT" ] || ROOT=$(cd "$ROOT" && pwd -P) || fail "no such directory: $ROOT"
    if [ -z "$OUTPUT" ] && [ -t 1 ]; then fail "the archive goes to standard output: send it into a file, or give --output FILE"; fi
    prepare
    take_system
    take_kubelet
    take_trust /etc/kubernetes
    take_trust /var/lib/kubelet/pki
    take_trust_elsewhere
    take_named
    take_packages
    take_runtime
    take_etcd
    finish
}
# One line, so that a script that arrived in part does nothing.
main "$@"
