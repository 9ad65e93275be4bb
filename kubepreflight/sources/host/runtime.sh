# shellcheck shell=sh
# The container runtime's settings, and the version that each program gives of itself.

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
