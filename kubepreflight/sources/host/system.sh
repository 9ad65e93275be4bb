# shellcheck shell=sh
# The system itself: what it is, its kernel, its clock, its addresses.

take_system() {
    run uname uname -a
    run date date -u +%Y-%m-%dT%H:%M:%SZ
    run hostname uname -n
    run ip-address ip -o addr show
    take cut_nothing /etc/os-release || take cut_nothing /usr/lib/os-release
    take cut_nothing /etc/hostname
    take cut_nothing /etc/machine-id
}
