"""Add-ons of which it cannot be said whether they fit."""

from collections.abc import Iterator

from kubepreflight.finding import NOTE, Finding, finding
from kubepreflight.knowledge.compatibility import Verdict
from kubepreflight.rule import rule
from kubepreflight.semantics.addon_instances import AddonInstances
from kubepreflight.semantics.addon_outlook import evidence, prospects, release_name, show
from kubepreflight.upgrade import Upgrade


@rule(severity=NOTE, area="compatibility", phase="before")
def addon_unknown(addons: AddonInstances, upgrade: Upgrade) -> Iterator[Finding]:
    """An add-on is there, and whether it fits the target is not known.

    Why: its image tells no release (a digest, `latest`, a tag of somebody's own), or a release that is not in the
    matrix, or the matrix is older than the target. That nothing is known is no sign that it fits.

    What happens: nothing, as far as anybody knows. Look before the upgrade, not after.

    When it stays silent: the add-on is known to fit, not to fit, or not to have been tested, on the way to the
    target; only a CRD of it is left; a manifest is not named by the kustomization in its folder. Add-ons that
    kubepreflight has no matrix of are not seen at all.

    How to see it yourself: kubectl get deployments,daemonsets,statefulsets -A -o wide shows the images; the add-on's
    own documentation says which Kubernetes it is made for.

    References:
        https://kubernetes.io/docs/concepts/cluster-administration/addons/
        https://kubernetes.io/docs/concepts/containers/images/

    """
    for instance in addons.all:
        for prospect in prospects(instance, upgrade):
            if prospect.judgment.verdict is Verdict.UNKNOWN:
                name, target = release_name(instance), prospect.hop.end
                yield finding(
                    instance.subject,
                    f"Whether {name} works on Kubernetes {target} is not known: {prospect.judgment.reason}.",
                    places=instance.places,
                    evidence=evidence(prospect),
                    remedy=f"See what its documentation says of {target}: {instance.addon.homepage}\n{show(instance)}",
                    hop=prospect.hop,
                    references=[prospect.judgment.source],
                )
