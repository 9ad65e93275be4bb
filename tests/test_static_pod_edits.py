"""What an upgrade changes in static pods that somebody edited, and nothing in those that kubeadm rendered."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from kubepreflight.finding import Hop, Subject
from kubepreflight.knowledge.static_pods import StaticPodRendering
from kubepreflight.semantics.kubeadm_config import KubeadmConfig
from kubepreflight.semantics.kubeadm_config_lines import argument_lines, image_lines, variable_lines, volume_lines
from kubepreflight.semantics.setting import STATIC_COMPONENTS
from kubepreflight.semantics.static_pod_edits import edits
from kubepreflight.semantics.static_pods import NodePod
from kubepreflight.static_pod import StaticPodSpec
from kubepreflight.version import Minor

MANIFESTS = Path(__file__).parent / "data/real-cp1/files/etc/kubernetes/manifests"
TABLE = StaticPodRendering.provide()
HOP = Hop(Minor(1, 36), Minor(1, 37))
HEAD = """
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
kubernetesVersion: v1.36.3
imageRepository: registry.k8s.io
clusterName: kubernetes
etcd: {local: {dataDir: /var/lib/etcd}}
networking: {dnsDomain: cluster.local, podSubnet: 10.244.0.0/16, serviceSubnet: 10.96.0.0/12}
"""


def manifest(component: str) -> dict[str, Any]:
    spec: dict[str, Any] = yaml.safe_load((MANIFESTS / f"{component}.yaml").read_text())["spec"]
    return spec


def found(
    spec: dict[str, Any], component: str = "kube-apiserver", more: str = "", hop: Hop = HOP
) -> dict[tuple[str, str], tuple[tuple[str, ...], tuple[str, ...], bool]]:
    """What each edit is about, and its two sides."""
    decoded = msgspec.convert(spec, StaticPodSpec)
    pod = NodePod(node="cp1", name=component, spec=decoded, place=Subject(node="cp1"))
    config = KubeadmConfig.parse(HEAD + more)
    return {
        (one.setting, one.name): (one.running, one.rendered, one.configured)
        for one in edits(pod, decoded, config, TABLE, hop)
    }


@pytest.mark.parametrize("component", STATIC_COMPONENTS)
def test_what_a_real_kubeadm_rendered_is_no_edit(component: str) -> None:
    assert found(manifest(component), component) == {}


@pytest.mark.parametrize("minor", range(15, 37))
@pytest.mark.parametrize("component", STATIC_COMPONENTS)
def test_what_the_kubeadm_of_any_minor_renders_is_no_edit_for_the_next(component: str, minor: int) -> None:
    hop = Hop(Minor(1, minor), Minor(1, minor + 1))
    config = {
        "certificatesDir": "/etc/kubernetes/pki",
        "clusterName": "kubernetes",
        "etcd.local.dataDir": "/var/lib/etcd",
    }
    networking = {"dnsDomain": "cluster.local", "podSubnet": "10.244.0.0/16", "serviceSubnet": "10.96.0.0/12"}
    known = config | {f"networking.{key}": value for key, value in networking.items()}
    flags: dict[str, str] = {}
    volumes: dict[str, str] = {}
    for row in TABLE.rows:
        if row.component == component and row.covers(hop.start) and row.when not in ("external etcd", "external CA"):
            value = row.value
            for name, text in known.items():
                value = value.replace(f"{{{name}}}", text)
            if "{etcd" not in value and "{controllerManager" not in value:
                (flags if row.setting == "flag" else volumes)[row.name] = value
    spec = {
        "containers": [
            {
                "name": component,
                "image": f"registry.k8s.io/{component}:v1.{minor}.1",
                "command": [component, *(f"--{name}={value}" for name, value in flags.items())],
                "volumeMounts": [{"name": name, "mountPath": path} for name, path in volumes.items()],
            }
        ],
        "volumes": [{"name": name, "hostPath": {"path": path}} for name, path in volumes.items()],
    }
    assert found(spec, component, hop=hop) == {}


Change = Callable[[dict[str, Any]], object]


def add(*words: str) -> Change:
    return lambda spec: spec["containers"][0]["command"].extend(words)


def swap(old: str, new: str) -> Change:
    def change(spec: dict[str, Any]) -> None:
        command = spec["containers"][0]["command"]
        command[:] = [new if word.startswith(f"--{old}=") else word for word in command]

    return change


def drop(flag: str) -> Change:
    def change(spec: dict[str, Any]) -> None:
        command = spec["containers"][0]["command"]
        command[:] = [word for word in command if not word.startswith(f"--{flag}=")]

    return change


def volume(source: dict[str, Any], path: str = "/audit") -> Change:
    def change(spec: dict[str, Any]) -> None:
        spec["volumes"].append({"name": "audit", **source})
        spec["containers"][0]["volumeMounts"].append({"name": "audit", "mountPath": path})

    return change


def environment(name: str) -> Change:
    return lambda spec: spec["containers"][0].update(env=[{"name": name, "value": "secret"}])


def image(reference: str) -> Change:
    return lambda spec: spec["containers"][0].update(image=reference)


def sidecar(spec: dict[str, Any]) -> None:
    spec["containers"].append({"name": "sidecar", "image": "a/b:1"})


def shell(spec: dict[str, Any]) -> None:
    spec["containers"][0]["command"] = ["sh", "-c", "TOKEN=secret exec kube-apiserver --v=4"]


API_SERVER = "registry.k8s.io/kube-apiserver"
AUDIT = "audit-log-path"
IN_CONFIG = "apiServer: {extraArgs: [{name: audit-log-path, value: /a.log}]}\n"
VOLUME_IN_CONFIG = "apiServer: {extraVolumes: [{name: audit, hostPath: /var/audit, mountPath: /audit}]}\n"
WHERE = {"hostPath": {"path": "/var/audit"}}
NODE_RESTRICTION = "NodeRestriction"
ADMISSION = "enable-admission-plugins"


@pytest.mark.parametrize(
    ("change", "more", "edit"),
    [
        pytest.param(add("--audit-log-path=/a.log"), "", ("flag", AUDIT, ("/a.log",), (), False), id="a flag"),
        pytest.param(add("--audit-log-path", "/a.log"), "", ("flag", AUDIT, ("/a.log",), (), False), id="apart"),
        pytest.param(add("--audit-log-path=/a.log"), IN_CONFIG, None, id="a flag that is configured"),
        pytest.param(add("--audit_log_path=/a.log"), IN_CONFIG, None, id="with underscores"),
        pytest.param(
            add("--audit-log-path=/b.log"), IN_CONFIG, ("flag", AUDIT, ("/b.log",), ("/a.log",), True), id="other value"
        ),
        pytest.param(add(), IN_CONFIG, ("flag", AUDIT, (), ("/a.log",), True), id="configured and not rolled out"),
        pytest.param(
            swap(ADMISSION, "--enable-admission-plugins=NodeRestriction,AlwaysPullImages"),
            "",
            ("flag", ADMISSION, ("NodeRestriction,AlwaysPullImages",), (NODE_RESTRICTION,), False),
            id="another value than kubeadm's",
        ),
        pytest.param(
            swap("authorization-mode", "--authorization-mode=RBAC,Node"), "", None, id="the order of a list is no edit"
        ),
        pytest.param(swap("allow-privileged", "--allow-privileged"), "", None, id="a bare flag is a true one"),
        pytest.param(
            drop("kubelet-preferred-address-types"),
            "",
            ("flag", "kubelet-preferred-address-types", (), ("InternalIP,ExternalIP,Hostname",), False),
            id="a flag of kubeadm's taken out",
        ),
        pytest.param(drop("advertise-address"), "", None, id="one whose value nobody can tell"),
        pytest.param(drop("authorization-mode"), "", None, id="one that kubeadm renders only sometimes"),
        pytest.param(add("--insecure-port=0"), "", None, id="what an older kubeadm rendered"),
        pytest.param(
            add("--v=2", "--v=4"),
            "apiServer: {extraArgs: [{name: v, value: '2'}, {name: v, value: '4'}]}\n",
            None,
            id="a flag that stands twice on both sides",
        ),
        pytest.param(
            swap(ADMISSION, "--enable-admission-plugins=NodeRestriction,PodSecurity"),
            "apiServer: {extraArgs: [{name: enable-admission-plugins, value: ',PodSecurity', mergeMethod: append}]}\n",
            None,
            id="a value that is joined to kubeadm's",
        ),
        pytest.param(volume(WHERE), "", ("volume", "audit", ("/var/audit at /audit",), (), False), id="a mount"),
        pytest.param(volume(WHERE), VOLUME_IN_CONFIG, None, id="a mount that is configured"),
        pytest.param(
            volume(WHERE, "/elsewhere"),
            VOLUME_IN_CONFIG,
            ("volume", "audit", ("/var/audit at /elsewhere",), ("/var/audit at /audit",), True),
            id="a mount that is configured otherwise",
        ),
        pytest.param(
            volume({"emptyDir": {}}), "", ("volume", "audit", ("emptyDir at /audit",), (), False), id="no hostPath"
        ),
        pytest.param(
            environment("GODEBUG"), "", ("environment variable", "GODEBUG", ("",), (), False), id="a variable"
        ),
        pytest.param(
            environment("GODEBUG"),
            "apiServer: {extraEnvs: [{name: GODEBUG, value: x}]}\n",
            None,
            id="a variable that is configured",
        ),
        pytest.param(environment("HTTPS_PROXY"), "", None, id="kubeadm takes proxies from its shell"),
        pytest.param(sidecar, "", ("container", "sidecar", ("a/b:1",), (), False), id="a sidecar"),
        pytest.param(
            image(f"{API_SERVER}:patched"),
            "",
            (
                "image",
                "",
                ("registry.k8s.io/kube-apiserver:patched",),
                ("registry.k8s.io/kube-apiserver:VERSION",),
                False,
            ),
            id="a tag that is no version",
        ),
        pytest.param(image("registry.k8s.io/kube-apiserver:v1.36.2"), "", None, id="another version"),
        pytest.param(image("mirror.example/kube-apiserver:v1.36.3"), "", None, id="another rule compares the place"),
        pytest.param(
            shell,
            "",
            ("command", "", ("sh …",), ("kube-apiserver …",), False),
            id="a shell around it",
        ),
    ],
)
def test_an_edit(change: Change, more: str, edit: tuple[Any, ...] | None) -> None:
    spec = manifest("kube-apiserver")
    change(spec)
    expected = {edit[:2]: edit[2:]} if edit else {}
    assert found(spec, more=more) == expected


@pytest.mark.parametrize(
    ("reference", "more", "rendered"),
    [
        ("registry.k8s.io/etcd:3.6.8-0", "", None),
        ("k8s.gcr.io/etcd:3.5.1-0", "", None),
        ("mirror.example/etcd:3.6.8-0", "", "registry.k8s.io/etcd:VERSION"),
        ("registry.k8s.io/etcd:3.6.8-custom", "", "registry.k8s.io/etcd:VERSION"),
        ("registry.k8s.io/etcd:3.6.8-0", "imageTag: 3.6.9-0", "registry.k8s.io/etcd:3.6.9-0"),
        ("mirror.example/etcd:3.6.8-0", "imageRepository: mirror.example", None),
    ],
)
def test_the_image_of_etcd(reference: str, more: str, rendered: str | None) -> None:
    spec = manifest("etcd")
    image(reference)(spec)
    text = f"etcd: {{local: {{dataDir: /var/lib/etcd, {more}}}}}\n"
    expected = {} if rendered is None else {("image", ""): ((reference,), (rendered,), False)}
    decoded = found(spec, "etcd", text) if more else found(spec, "etcd")
    assert decoded == expected


def test_an_etcd_of_its_own_has_its_own_addresses() -> None:
    files = "caFile: /e/ca, certFile: /e/c, keyFile: /e/k"
    external = f"etcd: {{external: {{endpoints: ['https://a:2379', 'https://b:2379'], {files}}}}}\n"
    spec = manifest("kube-apiserver")
    for flag, value in {"servers": "https://a:2379,https://b:2379", "cafile": "/e/ca", "certfile": "/e/c"}.items():
        swap(f"etcd-{flag}", f"--etcd-{flag}={value}")(spec)
    swap("etcd-keyfile", "--etcd-keyfile=/elsewhere")(spec)
    assert found(spec, more=external) == {("flag", "etcd-keyfile"): (("/elsewhere",), ("/e/k",), False)}


def lines(version: str) -> str:
    config = KubeadmConfig.parse(HEAD.replace("v1beta4", version))
    return argument_lines(config, ("etcd", "local"), "listen-metrics-urls", ["http://0.0.0.0:2381"])


def test_what_to_write_has_the_shape_of_the_clusters_version() -> None:
    assert yaml.safe_load(lines("v1beta3")) == {
        "etcd": {"local": {"extraArgs": {"listen-metrics-urls": "http://0.0.0.0:2381"}}}
    }
    assert yaml.safe_load(lines("v1beta4")) == {
        "etcd": {"local": {"extraArgs": [{"name": "listen-metrics-urls", "value": "http://0.0.0.0:2381"}]}}
    }


def test_what_to_write_can_be_read_back() -> None:
    hostile = 'x: "y"\n# }'
    config = KubeadmConfig.parse(HEAD)
    argument = yaml.safe_load(argument_lines(config, ("apiServer",), "v", [hostile, "2"]))
    assert argument == {"apiServer": {"extraArgs": [{"name": "v", "value": hostile}, {"name": "v", "value": "2"}]}}
    mounted = yaml.safe_load(volume_lines(("apiServer",), "audit", ["/var/audit at /audit"]))
    expected = {"name": "audit", "hostPath": "/var/audit", "mountPath": "/audit"}
    assert mounted == {"apiServer": {"extraVolumes": [expected]}}
    assert yaml.safe_load(image_lines(("etcd", "local"), "a.example/b/etcd:3.6.8-0")) == {
        "etcd": {"local": {"imageRepository": "a.example/b", "imageTag": "3.6.8-0"}}
    }
    assert variable_lines(KubeadmConfig.parse(HEAD.replace("v1beta4", "v1beta3")), ("apiServer",), "GODEBUG") == ""
