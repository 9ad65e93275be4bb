"""Feature gates set to a value that the target has locked away."""

from collections.abc import Iterator

from kubepreflight.finding import BLOCKER, Finding, Gap
from kubepreflight.rule import rule
from kubepreflight.semantics.gate_fates import GateFates
from kubepreflight.semantics.gate_words import on_or_off, refused


@rule(severity=BLOCKER, area="configuration", phase="control-plane-upgrade")
def feature_gate_locked(fates: GateFates) -> Iterator[Finding | Gap]:
    """A feature gate is set to a value that the target does not take any more.

    Why: when a feature is there for good, its gate is locked; it can still be set, but only to what it is locked to.

    What happens: a program that finds another value does not start: `cannot set feature gate … to false, feature is
    locked to true`. kubeadm waits for a new static pod in vain, and goes back; a kubelet's node stays NotReady; the
    pods of kube-proxy crash. What was only seen in files, or in static pods while kubeadm-config is not known, is a
    warning; so is what today's program refuses, too, where it is not seen what that is told.

    When it stays silent: the gate is not locked on the way to the target, or to the value that it has, or not in the
    version that --emulated-version names; today's program refuses it already, unless it is seen that it runs without
    it. Where gates are looked for, and where not, feature-gate-removed tells.

    How to see it yourself: kubectl -n kube-system get configmap kubeadm-config kubelet-config kube-proxy -o yaml | grep
    -E -A3 -i 'feature-?gates'

    References:
        https://kubernetes.io/docs/reference/command-line-tools-reference/feature-gates/
        https://kubernetes.io/docs/reference/command-line-tools-reference/feature-gates/#feature-stages

    """
    yield from fates.gaps
    for together in fates.by_gate(locked=True):
        locked = bool(together[0].locked)
        to = str(locked).lower()
        yield refused(
            together,
            (f"have it locked to {to}", f"has it locked to {to}"),
            together[0].error,
            f"The feature is {on_or_off(locked)} for good from then on: try that before.",
        )
