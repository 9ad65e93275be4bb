"""Static pods of the control plane that are not what kubeadm would render."""

from collections.abc import Iterator, Sequence

import msgspec

from kubepreflight.finding import NOTE, WARNING, Finding, Gap, cannot_check, finding
from kubepreflight.knowledge.names import Names
from kubepreflight.knowledge.static_pods import StaticPodRendering
from kubepreflight.objects import Desired
from kubepreflight.rule import rule
from kubepreflight.semantics.kubeadm_config import EDIT, KubeadmConfig
from kubepreflight.semantics.kubeadm_config_lines import argument_lines, image_lines, variable_lines, volume_lines
from kubepreflight.semantics.refused_settings import RefusedSetting, RefusedSettings, without
from kubepreflight.semantics.setting import STATIC_COMPONENTS
from kubepreflight.semantics.several import grouped, listed
from kubepreflight.semantics.static_pod_edits import Edit, are_same, edits
from kubepreflight.semantics.static_pods import StaticPods, undecoded
from kubepreflight.semantics.upgrade_configuration import UpgradeConfiguration
from kubepreflight.upgrade import Upgrade
from kubepreflight.visible import visible

COLLECT = "kubepreflight collect --ssh NODE,… --to hosts/"
LONGEST = 200
"""So much of a value is shown in a sentence."""


@rule(severity=WARNING, area="control-plane", phase="control-plane-upgrade")
def static_pod_edited_by_hand(
    *,
    config: KubeadmConfig,
    static_pods: StaticPods,
    rendering: StaticPodRendering,
    upgrade: Upgrade,
    names: Names,
    configurations: Desired[UpgradeConfiguration] | None = None,
    refused: RefusedSettings | None = None,
) -> Iterator[Finding | Gap]:
    """A static pod has flags, mounts or an image that kubeadm would not render.

    Why: `kubeadm upgrade` writes the manifests of etcd, the API server, the controller-manager and the scheduler anew,
    from the ConfigMap kubeadm-config and from nothing else. What somebody changed in /etc/kubernetes/manifests by hand
    is not in it.

    What happens: with the upgrade, the flag, the mount, the sidecar is gone: no audit log, no OIDC login, no metrics,
    no encryption at rest. An API server whose encryption configuration is gone cannot read what was encrypted. The
    other way round, what was written into kubeadm-config and never rolled out comes into force on the day of the
    upgrade. kubeadm keeps the old manifests in /etc/kubernetes/tmp. Some of it must go: a flag, a value of one, a
    feature gate, admission plugin or version in --runtime-config that the target refuses harms nobody, unless somebody
    writes it into kubeadm-config or keeps a patch with it: then the new program does not start.

    When it stays silent: each flag, volume, environment variable, container and image is one that kubeadm-config has,
    or that kubeadm of any version renders by itself. Proxy variables are passed over: kubeadm takes them from the shell
    that it runs in. The values of other variables, resources, probes, security contexts and DNS settings are not
    compared. Patches lie on the nodes and cannot be seen: where an UpgradeConfiguration names their directory, all of
    this is a note. Where the images of Kubernetes come from is told by kubeadm-config-disagrees.

    How to see it yourself: kubeadm upgrade diff VERSION on a control-plane node, with the new kubeadm

    References:
        https://kubernetes.io/docs/tasks/administer-cluster/kubeadm/kubeadm-reconfigure/
        https://kubernetes.io/docs/setup/production-environment/tools/kubeadm/control-plane-flags/
        https://kubernetes.io/docs/reference/config-api/kubeadm-config.v1beta4/

    """
    yield from static_pods.gaps
    patches = next((one for one in configurations or () if one.patches_directory), None)
    if patches is not None:
        yield cannot_check(
            "patches",
            f"{patches.patches_directory} lies on the nodes: what its patches keep of these settings is not seen",
            subject=str(patches.subject),
            how="on each control-plane node: kubeadm upgrade diff",
        )
    pods = static_pods.of(*STATIC_COMPONENTS)
    if not pods:
        yield cannot_check("static pods", "no static pod of the control plane is visible", how=COLLECT)
    causes: dict[tuple[str, str, str], list[Edit]] = {}
    for pod in pods:
        if pod.spec is None:
            yield undecoded(pod)
            continue
        try:
            found = edits(pod, pod.spec, config, rendering, upgrade.first_hop)
        except ValueError as error:
            yield cannot_check("kubeadm-config", str(error), how=EDIT, asked=True)
            continue
        for one in found:
            causes.setdefault((one.component, one.setting, one.name), []).append(one)
    flag = names.patches_flag(upgrade.first_hop.end)
    for together in causes.values():
        fatal = _fatal(together, refused)
        yield _about(together, fatal, config, flag, patched=patches is not None)


def _fatal(together: Sequence[Edit], refused: RefusedSettings | None) -> list[RefusedSetting]:
    """What the next programs refuse of a setting that runs."""
    first = together[0]
    runs = first.setting == "flag" and any(one.running for one in together)
    return refused.of(first.component, first.name) if refused and runs else []


def _about(
    together: Sequence[Edit], fatal: Sequence[RefusedSetting], config: KubeadmConfig, flag: str, *, patched: bool
) -> Finding:
    first = together[0]
    running: dict[object, list[object]] = {}
    for one in together:
        running.setdefault(_with(one), []).append(one.pod.node)
    return finding(
        config,
        " ".join([f"{first.component} runs {grouped(running)}. {_what_happens(first)}", *map(_refuses, fatal)]),
        remedy=_remedy(together, fatal, config, flag),
        field=f"{first.component} {_shown(first)}",
        places=[one.pod.place for one in together],
        evidence={"running": [_with(one) for one in together], "rendered": list(first.rendered)},
        severity=NOTE if patched and not fatal else None,
    )


def _what_happens(one: Edit) -> str:
    rendered = _values(one, one.rendered)
    if one.configured:
        return f"kubeadm-config says {rendered}: the upgrade writes the manifest anew, and brings that into force."
    if one.rendered:
        return (
            f"kubeadm-config does not say so, and kubeadm by itself renders {rendered}: the upgrade writes the "
            "manifest anew, and sets it back."
        )
    return "kubeadm-config does not have it: the upgrade writes the manifest anew from there, and it is gone."


def _refuses(one: RefusedSetting) -> str:
    return f"{one.component} of {one.hop.end} does not start with {one.called} (`{visible(one.error)}`)."


def _with(one: Edit) -> str:
    return f"with {_values(one, one.running)}" if one.running else f"without {_shown(one)}"


def _values(one: Edit, values: Sequence[str]) -> str:
    if one.setting == "environment variable":
        return _shown(one)
    if one.setting == "flag":
        return " ".join(_short(f"--{one.name}={value}" if value else f"--{one.name}") for value in values)
    return f"{_shown(one)} ({', '.join(map(_short, values))})"


def _shown(one: Edit) -> str:
    """What a setting is called in sentences and in the finding's field."""
    if one.setting == "flag":
        return f"--{visible(one.name)}"
    return f"{one.setting} {visible(one.name)}".rstrip()


def _short(value: str) -> str:
    return visible(value if len(value) <= LONGEST else f"{value[:LONGEST]}…")


def _remedy(together: Sequence[Edit], fatal: Sequence[RefusedSetting], config: KubeadmConfig, flag: str) -> str:
    first = next((one for one in together if one.running), together[0])
    if not fatal:
        return _carry_over(together, first, config, flag)
    hop = min(one.hop for one in fatal)
    what = listed(one.called for one in fatal)
    stop = (
        f"Do not carry {what} over the hop {hop}, neither in kubeadm-config nor in a patch: "
        "look into the patches that you give to kubeadm."
    )
    stop = "\n".join([stop, *dict.fromkeys(one.advice for one in fatal if one.advice)])
    rest = without(fatal, first.running)
    if not rest or are_same(rest, first.rendered):
        return stop
    kept = msgspec.structs.replace(first, running=rest)
    return f"{stop}\nWhat may be carried over:\n{_carry_over(together, kept, config, flag)}"


def _carry_over(together: Sequence[Edit], first: Edit, config: KubeadmConfig, flag: str) -> str:
    lines = _lines(first, config)
    if first.configured:
        keep = "set what runs now" if first.running else "take it out before the upgrade"
        return f"When kubeadm-config is what is meant, leave it. When not, {keep}:\n{EDIT}\n{lines}"
    if not first.running:
        return f"kubeadm always renders it. When it must stay away, a patch has to take it out:\n{_patch(flag)}"
    if first.setting == "image":
        return (
            f"When another image than kubeadm's is meant:\n{lines or _patch(flag)}\nIts version must be the target's."
        )
    if not lines and not flag:
        return "kubeadm-config cannot have that, and this kubeadm takes no patches: write it into the manifest again."
    if not lines:
        return f"kubeadm-config cannot have that. A patch can, given on each control-plane node:\n{_patch(flag)}"
    apart = ""
    if len({one.running for one in together}) > 1:
        apart = "\nThat is for all nodes alike; what is meant for one node only needs a patch."
    return (
        "Write it into the ClusterConfiguration before the upgrade, beside what is there already:\n"
        f"{EDIT}\n{lines}{apart}\nWhen a patch made it, give kubeadm the same patches again instead:\n{_patch(flag)}"
    )


def _patch(flag: str) -> str:
    if not flag:
        return "(This kubeadm takes no patches: change the manifest again after each node's upgrade.)"
    return f"kubeadm upgrade apply VERSION {flag} DIRECTORY"


def _lines(one: Edit, config: KubeadmConfig) -> str:
    at, values = STATIC_COMPONENTS[one.component], one.running or one.rendered
    match one.setting:
        case "flag":
            return argument_lines(config, at, one.name, values)
        case "environment variable":
            return variable_lines(config, at, one.name)
        case "volume" if one.component != "etcd" and all(value.startswith("/") for value in values):
            return volume_lines(at, one.name, values)
        case "image" if one.component == "etcd":
            return image_lines(at, values[0])
    return ""
