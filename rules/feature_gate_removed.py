"""Feature gates that the target no longer knows."""

from collections.abc import Iterator, Sequence

from kubepreflight.finding import BLOCKER, Finding, Gap
from kubepreflight.rule import rule
from kubepreflight.semantics.gate_fates import GateFate, GateFates
from kubepreflight.semantics.gate_words import on_or_off, refused
from kubepreflight.semantics.setting import KUBEADM


@rule(severity=BLOCKER, area="configuration", phase="control-plane-upgrade")
def feature_gate_removed(fates: GateFates) -> Iterator[Finding | Gap]:
    """A feature gate is set that the target no longer knows.

    Why: a gate goes some releases after its feature is there for good, or was given up. A program of Kubernetes does
    not start with a gate that it does not know, even if that is set to what is so anyhow.

    What happens: the new API server, controller-manager or scheduler ends with `unrecognized feature gate: …`; kubeadm
    waits for it in vain, and goes back. A kubelet ends with the same, or with a panic when the gate stands in its
    configuration file, and its node stays NotReady; the pods of kube-proxy crash. kubeadm up to 1.27 stops at a gate of
    its own in kubeadm-config that it does not know; later ones say so and go on, but refuse a file with one. What was
    only seen in files, or in static pods while kubeadm-config is not known, is a warning; so is what today's program
    refuses, too, where it is not seen what that is told.

    When it stays silent: the gate is known on the way to the target, or today's program refuses it already, unless it
    is seen that it runs without it, in static pods and in the nodes' config.yaml (the upgrade then brings it); it
    stands in a static pod alone, which kubeadm renders anew from kubeadm-config; it stands in a node's config.yaml
    alone, which kubeadm writes anew from kubelet-config. AllAlpha and AllBeta never go. A gate that no version is known
    to have is a gap. A gate that is locked to another value on the way is feature-gate-locked's. Of kube-proxy only its
    ConfigMap is read. A kubelet is judged by the version that it runs. etcd's own gates are not looked at: etcd 3.7 has
    all of 3.6.

    How to see it yourself: kubectl -n kube-system get configmap kubeadm-config kubelet-config kube-proxy -o yaml | grep
    -E -A3 -i 'feature-?gates', and on each node: grep -r feature-gates /var/lib/kubelet/*.env /etc/default /etc/systemd

    References:
        https://kubernetes.io/docs/reference/command-line-tools-reference/feature-gates-removed/
        https://kubernetes.io/docs/reference/command-line-tools-reference/feature-gates/

    """
    yield from fates.gaps
    for together in fates.by_gate(locked=False):
        yield refused(together, ("do not know it", "does not know it"), _error(together), _afterwards(together))


def _error(together: Sequence[GateFate]) -> str:
    """That of a program that ends with it goes before kubeadm's."""
    return min(together, key=lambda one: (one.setting.component == KUBEADM, one.setting.place.where.rank)).error


def _afterwards(together: Sequence[GateFate]) -> str:
    against = [one for one in together if one.today and one.today.default is not one.setting.switch]
    today = next((one.today for one in against), None)
    if today is None:
        return "Nothing changes without it: it says what is so by default."
    return (
        f"It is set against its default. Without it the feature is {on_or_off(today.default)}, as after the hop, or "
        "gone if it was given up: try that before."
    )
