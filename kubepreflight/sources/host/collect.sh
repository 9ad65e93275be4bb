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
# shellcheck source=trust.sh
. "$(dirname "$0")/trust.sh" # part
# shellcheck source=system.sh
. "$(dirname "$0")/system.sh" # part
# shellcheck source=identity.sh
. "$(dirname "$0")/identity.sh" # part
# shellcheck source=packages.sh
. "$(dirname "$0")/packages.sh" # part
# shellcheck source=upgrades.sh
. "$(dirname "$0")/upgrades.sh" # part
# shellcheck source=repositories.sh
. "$(dirname "$0")/repositories.sh" # part
# shellcheck source=kubelet.sh
. "$(dirname "$0")/kubelet.sh" # part
# shellcheck source=runtime.sh
. "$(dirname "$0")/runtime.sh" # part
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
    take_identity
    take_kubelet
    take_trust /etc/kubernetes
    take_trust /var/lib/kubelet/pki
    take_trust_elsewhere
    take_named
    take_packages
    take_upgrades
    take_repositories
    take_runtime
    take_disks
    take_etcd
    finish
}
# One line, so that a script that arrived in part does nothing.
main "$@"
