"""Host archives of anything at all: whatever they hold, reading them raises nothing."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kubepreflight.sources.host.archive import read_host

NAMES = st.sampled_from(
    [
        *(
            "host.json",
            "private-keys.txt",
            "unreadable.txt",
            "commands/dpkg-query/stdout",
            "commands/dpkg-query/status",
        ),
        *(
            "commands/rpm-qa/stdout",
            "commands/rpm-qa/status",
            "commands/uname/stdout",
            "commands/kubelet-version/stdout",
        ),
        *("files/etc/kubernetes/admin.conf", "files/etc/kubernetes/manifests/a.yaml", "files/etc/kubernetes/pki/a.crt"),
        *("files/var/lib/kubelet/config.yaml", "files/var/lib/kubelet/kubeadm-flags.env", "files/etc/os-release"),
        *("files/etc/apt/sources.list", "files/etc/apt/sources.list.d/a.sources", "files/etc/yum.repos.d/a.repo"),
        *("files/usr/lib/systemd/system/kubelet.service", "files/etc/systemd/system/kubelet.service.d/1.conf"),
        *("files/proc/7/cmdline", "files/etc/default/kubelet", "files/etc/containerd/config.toml", "files/e"),
        *("files/etc/crio/crio.conf", "files/etc/docker/daemon.json", "commands/systemctl-show/stdout"),
        *("commands/crictl-info/stdout", "commands/crictl-images/stdout", "commands/crictl-images/status"),
        *("commands/processes/stdout", "commands/containerd-config/stdout", "commands/kubeadm-patches/stdout"),
        *("files/etc/dnf/versionlock.toml", "files/etc/dnf/plugins/versionlock.list", "files/etc/dnf/dnf.conf"),
    ]
)
CONTENTS = st.one_of(
    st.binary(max_size=60),
    st.text("[]{}:=-\"'\\\n\t #&*!|>ab0/", max_size=60).map(str.encode),
    st.sampled_from([b"0", b"a: &x [*x]", b"users: 7\nclusters: {}\n", b"[main]\nexclude", b"kind: Pod\nspec: []\n"]),
    st.sampled_from(
        [
            b'[Service]\nExecStart=/kubelet --config=/e --config-dir=/ $A\nEnvironment=A="x\n',
            b"[Service]\nExecStart=/kubelet $KUBELET_EXTRA_ARGS\nEnvironmentFile=/e\n",
            b"containerRuntimeEndpoint: unix:///run/crio/crio.sock\n",
            b"containerRuntimeEndpoint: /run/cri-dockerd.sock\nstaticPodPath: [1]\n",
            b"imports = ['/e', 7]\nversion = 'x'\n[plugins.cri]\ncontainerd = [1]\n",
            b'{"config": {"containerd": [], "sandboxImage": 7}, "images": [{"repoTags": "x"}], "exec-opts": [1]}',
            b"kubelet\n--config\n",
        ]
    ),
)


@given(st.dictionaries(NAMES, CONTENTS, max_size=6))
def test_no_archive_raises(members: dict[str, bytes]) -> None:
    assert read_host(members, "x", "given").file == "x"
