# shellcheck shell=sh
# The container runtime: its settings, what it says of itself, and the version that each program gives of itself.

# What the runtime says over the socket that the kubelet uses. Questions only: nothing is pulled, no container is touched.
ask_runtime() {
    endpoint=$({ cat "$WORK/told"; sed -n 's/^containerRuntimeEndpoint:/--container-runtime-endpoint /p' "$ARCHIVE/files/var/lib/kubelet/config.yaml"; } 2>/dev/null |
        sed -n "s/.*--container-runtime-endpoint[= ][ \"']*\(unix:\/\/\)\{0,1\}\(\/[^\"' ]*\).*/\2/p" | tail -n 1)
    for socket in $endpoint /run/containerd/containerd.sock /run/crio/crio.sock /run/cri-dockerd.sock; do
        [ ! -S "$socket" ] || break
    done
    [ -S "$socket" ] || return 0
    endpoint=unix://$socket
    set -- crictl --runtime-endpoint "$endpoint" --image-endpoint "$endpoint" --timeout 5s --debug=false
    run crictl-version "$@" version
    # One that does not answer is asked once.
    [ "$(cat "$ARCHIVE/commands/crictl-version/status" 2>/dev/null)" = 0 ] || return 0
    run_cut cut_info crictl-info "$@" info
    run crictl-runtime-config "$@" runtime-config
    run crictl-images "$@" images -o json
    case $socket in *docker*) run docker-info docker info --format '{{.CgroupDriver}}' ;; esac
}
# containerd's whole settings, the imported files among them, as the program itself puts them together.
dump_containerd() {
    config=''
    while read -r process name; do
        [ "$name" != containerd ] || config=$(tr '\n' ' ' <"$ARCHIVE/files/proc/$process/cmdline" | sed -n -e 's/.* --config[= ]\(\/[^ ]*\).*/\1/p' -e 's/.* -c[= ]\(\/[^ ]*\).*/\1/p')
    done <"$WORK/processes"
    config=${config:-/etc/containerd/config.toml}
    take cut_toml "$config"
    [ ! -f "$config" ] || run_cut cut_toml containerd-config containerd --config "$config" config dump
}

take_runtime() {
    take cut_toml /etc/containerd/config.toml
    take_all cut_toml /etc/containerd/conf.d '*.toml'
    take cut_toml /etc/crio/crio.conf
    for directory in /usr/share/crio/crio.conf.d /usr/lib/crio/crio.conf.d /etc/crio/crio.conf.d; do take_all cut_toml "$directory" '*'; done
    take cut_json /etc/docker/daemon.json
    take_all cut_json /etc/cni/net.d '*.conf' '*.conflist' '*.json'
    [ ! -d "$ROOT/opt/cni/bin" ] || run cni-plugins ls "$ROOT/opt/cni/bin"
    # What answers here is not the runtime of a disk that is only mounted.
    [ -n "$ROOT" ] || { ask_runtime; dump_containerd; }
    version kubelet-version kubelet --version
    version kubeadm-version kubeadm version -o short
    version kubectl-version kubectl version --client -o json
    version containerd-version containerd --version
    version crio-version crio --version
    version docker-version docker --version
    version cri-dockerd-version cri-dockerd --version
    version runc-version runc --version
}
