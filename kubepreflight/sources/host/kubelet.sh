# shellcheck shell=sh
# The kubelet's settings, its unit, and the static pods that it runs.

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
