"""Defaults that the target changes, and that this cluster relies on."""

from collections.abc import Iterator

from kubepreflight.finding import BLOCKER, Finding, Gap
from kubepreflight.knowledge.default_changes import DefaultChanges
from kubepreflight.rule import rule
from kubepreflight.semantics.default_signs import DefaultSigns
from kubepreflight.semantics.note_findings import findings_of
from kubepreflight.semantics.settings import Settings
from kubepreflight.upgrade import Upgrade


@rule(severity=BLOCKER, area="configuration", phase="node-upgrade")
def default_changes(
    changes: DefaultChanges, signs: DefaultSigns, upgrade: Upgrade, settings: Settings | None = None
) -> Iterator[Finding | Gap]:
    """The upgrade changes a default that something in this cluster relies on.

    Why: each minor switches features on or off that nobody in the cluster has set. Most of that goes unnoticed;
    here are those of which it shows in the cluster that something relies on the old way. Each has a name of its
    own, under which it is reported.

    What happens: gitRepo volumes (1.33) are refused, and a pod with one does not start again: a blocker. Clients
    that speak WebSocket need create on pods/exec (1.35), old audit logs are deleted where nothing says how many to keep
    (1.36), and pods with different SELinux labels no longer share a volume of a driver with seLinuxMount on one node
    (1.37): warnings. What takes the kubelet's credentials from the
    node may ask for its own node only (1.32), and maxUnavailable of StatefulSets counts (1.37): notes.

    When it stays silent: no hop of the plan changes the default; nothing of what it is about is there, or will be once
    the manifests are applied (a manifest counts in place of what it replaces); a role may get everything (`*`) and
    names no stream; or the gate is set: then the rules about gates speak of it. Defaults of which another rule tells
    (control groups, static pods, addresses) are its matter. What relies on a default without showing in any object is
    not seen; the head of the table `default-changes` names what was looked at and left out.

    How to see it yourself: https://kubernetes.io/docs/reference/command-line-tools-reference/feature-gates/ beside
    kubectl get --raw /metrics | grep kubernetes_feature_enabled

    References:
        https://kubernetes.io/docs/reference/command-line-tools-reference/feature-gates/
        https://github.com/kubernetes/kubernetes/tree/master/CHANGELOG

    """
    yield from findings_of(changes.notes, signs, settings, upgrade)
