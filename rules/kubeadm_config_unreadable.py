"""kubeadm's own configuration, as the kubeadm of a hop cannot read it."""

from collections.abc import Iterator

import msgspec

from kubepreflight.finding import BLOCKER, WARNING, Finding, Gap, HasSubject, Hop, cannot_check, finding
from kubepreflight.knowledge.component_config import ComponentConfig, ConfigKind
from kubepreflight.objects import Planned
from kubepreflight.rule import rule
from kubepreflight.semantics.kubeadm_config import ARGUMENTS_AS_MAP, EDIT, READABLE, KubeadmConfigMap, mapping_in
from kubepreflight.semantics.kubeadm_config_types import wrong_types
from kubepreflight.semantics.several import common_subject, listed
from kubepreflight.snapshot import ManifestHeader, ManifestHeaders
from kubepreflight.upgrade import Upgrade
from kubepreflight.version import Minor
from kubepreflight.visible import visible

KIND = "ClusterConfiguration"
SAVE = f"kubectl -n kube-system get configmap kubeadm-config -o jsonpath='{{.data.{KIND}}}' > old.yaml"
UPLOAD = "kubeadm init phase upload-config kubeadm --config {}"


@rule(severity=BLOCKER, area="versions", phase="control-plane-upgrade")
def kubeadm_config_unreadable(
    config_maps: Planned[KubeadmConfigMap],
    table: ComponentConfig,
    upgrade: Upgrade,
    headers: ManifestHeaders | None = None,
) -> Iterator[Finding | Gap]:
    """A configuration of kubeadm's is written so that the kubeadm of a hop cannot read it.

    Why: kubeadm reads the ConfigMap kubeadm-config before it does anything, and knows two versions of it at most.
    Each `kubeadm upgrade apply` writes it anew in the newest version it knows, so that with one hop after the other
    the next kubeadm always reads it. A ConfigMap that was restored from a backup or comes from Git, and one of a
    cluster whose last minors were not upgraded by kubeadm, is as old as it is. And who edits it by hand easily writes
    value: false without quotes, or extraArgs in the shape of another version.

    What happens: `kubeadm upgrade` ends at once with `no kind "ClusterConfiguration" is registered for version
    "…"`, or `json: cannot unmarshal bool into Go struct field … of type string`, and nothing is changed: a blocker. A
    file for `kubeadm init` or `join` is refused with `your configuration
    file uses an old API spec`: no node can be added with it after the hop, which is a warning, for the upgrade does
    not read it.

    When it stays silent: the kubeadm of the first hop reads the ConfigMap, and the kubeadm of every hop the files;
    a file that today's kubeadm does not read already. Files that lie on the nodes are not collected. Below the version
    only the types in extraArgs and featureGates of the ConfigMap are looked at.

    How to see it yourself: kubectl -n kube-system get configmap kubeadm-config -o yaml | grep apiVersion, and with
    the next kubeadm: kubeadm config validate --config FILE

    References:
        https://kubernetes.io/docs/reference/setup-tools/kubeadm/kubeadm-config/#cmd-config-migrate
        https://kubernetes.io/docs/reference/config-api/kubeadm-config.v1beta4/

    """
    for config_map in config_maps:
        yield from _in_cluster(config_map, table, upgrade)
    files: dict[ConfigKind, list[ManifestHeader]] = {}
    for header in headers.all if headers else ():
        row = table.find(header.api_version, header.kind)
        if row is not None and row.program == "kubeadm":
            files.setdefault(row, []).append(header)
    for row, there in files.items():
        hop = upgrade.hop_that_brings(row.removed) if row.removed else None
        if hop is not None:
            yield _of_files(row, there, hop, table)


def _in_cluster(config_map: KubeadmConfigMap, table: ComponentConfig, upgrade: Upgrade) -> Iterator[Finding | Gap]:
    try:
        document = mapping_in((config_map.data or {}).get(KIND, ""))
    except ValueError as error:
        yield cannot_check("kubeadm-config", f"the {KIND} cannot be read: {error}", how=SAVE, asked=True)
        return
    version = str(document.get("apiVersion"))
    row = table.find(version, KIND)
    hop = upgrade.first_hop
    if row is None and version not in READABLE:
        reason = f"the {KIND} is in {visible(version)[:60]}, which no kubeadm is known to read"
        yield cannot_check("kubeadm-config", reason, how=EDIT, asked=True)
    if row is not None and row.read_by(hop.end) and (wrong := list(wrong_types(document))):
        yield finding(
            config_map,
            f"kubeadm cannot decode the ConfigMap kubeadm-config, in which {listed(wrong)}: its `kubeadm upgrade` ends "
            "(`json: cannot unmarshal …`) before it changes anything.",
            remedy=f"{_right(version)}\n{EDIT}",
            field=f"{KIND} types",
            evidence={"version": version, "wrong": wrong[:50]},
            hop=hop,
        )
    if row is not None and not row.read_by(hop.end):
        yield finding(
            config_map,
            f"The ConfigMap kubeadm-config is written in {version}, which kubeadm {hop.end} cannot read: its `kubeadm "
            "upgrade` ends before it changes anything.",
            remedy=_migrate(row, hop.end, table) if row.removed else _too_new(row),
            field=KIND,
            evidence={"version": version},
            hop=hop,
        )


def _of_files(row: ConfigKind, there: list[ManifestHeader], hop: Hop, table: ComponentConfig) -> Finding:
    subjects: list[HasSubject] = [msgspec.structs.replace(one.subject, line=one.origin.line) for one in there]
    files = listed(one.origin.file for one in there)
    return finding(
        common_subject(subjects, row.api_version),
        f"{files} is a {row.kind} in {row.api_version}, which kubeadm {hop.end} cannot read: `kubeadm init` and "
        "`kubeadm join` refuse it, and no node can be added with it after the hop.",
        remedy="\n".join(
            f"kubeadm config migrate --old-config FILE --new-config NEW    # {_which(step)}, to {_version(step)}"
            for step in _steps(row, hop.end, table)
        ),
        places=subjects,
        severity=WARNING,
        phase="after",
        hop=hop,
    )


def _migrate(row: ConfigKind, end: Minor, table: ComponentConfig) -> str:
    lines = ["On a control-plane node, with the kubeadm that is named, which need not be the installed one:", SAVE]
    old, which = "old.yaml", ""
    for step in _steps(row, end, table):
        new, which = f"{_version(step)}.yaml", _which(step)
        lines.append(f"kubeadm config migrate --old-config {old} --new-config {new}    # {which}")
        old = new
    return "\n".join([*lines, f"{UPLOAD.format(old)}    # {which}"])


def _right(version: str) -> str:
    shape = (
        'extraArgs: {profiling: "false"}'
        if version in ARGUMENTS_AS_MAP
        else 'extraArgs: [{name: profiling, value: "false"}]'
    )
    return f"In {version} flags are written as {shape}, values in quotes; feature gates without quotes. Correct it:"


def _too_new(row: ConfigKind) -> str:
    return (
        f"Write it down as kubeadm of the running minor does; {row.api_version} came with {row.since}. No kubeadm goes "
        f"back:\n{SAVE}\n{UPLOAD.format('CORRECTED')}"
    )


def _steps(row: ConfigKind, end: Minor, table: ComponentConfig) -> Iterator[ConfigKind]:
    """The versions on the way to one that kubeadm `end` reads, each with its replacement."""
    following: ConfigKind | None = row
    while following is not None and following.replacement and following.removed and not following.read_by(end):
        yield following
        following = table.find(following.replacement_version, following.replacement_kind)


def _which(step: ConfigKind) -> str:
    assert step.removed is not None
    last = step.removed.plus(-1)
    return f"kubeadm {step.replacement_since} to {last}" if step.replacement_since != last else f"kubeadm {last}"


def _version(step: ConfigKind) -> str:
    return step.replacement_version.rpartition("/")[2]
