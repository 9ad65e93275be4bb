# shellcheck shell=sh
# Which machine this is, and whose Kubernetes it runs.

take_identity() {
    # What each distribution that is not kubeadm's leaves on the disk; ls says which of them are there.
    # shellcheck disable=SC2016  # the inner shell's own $1
    run distributions sh -c 'cd "$1" && ls -d etc/rancher/k3s var/lib/rancher/k3s etc/rancher/rke2 var/lib/rancher/rke2 \
        var/snap/microk8s etc/k0s var/lib/k0s' sh "${ROOT:-/}"
}
