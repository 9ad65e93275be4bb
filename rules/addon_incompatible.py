"""Add-ons of which upstream says that they fail on a version that the upgrade comes through."""

from collections.abc import Iterator

from kubepreflight.finding import BLOCKER, WARNING, Finding, finding
from kubepreflight.knowledge.compatibility import Verdict
from kubepreflight.rule import rule
from kubepreflight.semantics.addon_instances import AddonInstances
from kubepreflight.semantics.addon_outlook import Prospect, evidence, notes, prospects, release_name, way_out
from kubepreflight.upgrade import Upgrade


@rule(severity=BLOCKER, area="compatibility", phase="control-plane-upgrade")
def addon_incompatible(addons: AddonInstances, upgrade: Upgrade) -> Iterator[Finding]:
    """Upstream says that an add-on does not work on a version that the upgrade comes through.

    Why: what is built on Kubernetes uses its APIs, and old releases use APIs that go. Where upstream itself says that
    a release fails on a version, it has been tried.

    What happens: the API servers come up with the new version, and the add-on stops working, wholly or in part, with
    all that relies on it; going back means a restore of etcd. It is only a warning where the cluster runs a version
    on which it should fail already: the upgrade changes nothing there, and whether it works you can see.

    When it stays silent: upstream does not support or has not tried the combination, but does not say that it fails;
    only the shipped manifests fail, which removed-api tells where they are in use; the image stands for several
    releases, and not all of them fail; a CRD is left over from an add-on that no longer runs; a manifest is not named
    by the kustomization in its folder. Only add-ons that kubepreflight has a matrix of are seen.

    How to see it yourself: kubectl get deployments,daemonsets,statefulsets -A -o wide shows the images; the page that
    the finding refers to says what they are made for.

    References:
        https://kubernetes.io/docs/reference/using-api/deprecation-guide/
        https://kubernetes.io/docs/concepts/cluster-administration/addons/

    """
    for instance in addons.all:
        for prospect in prospects(instance, upgrade):
            if prospect.judgment.verdict is Verdict.INCOMPATIBLE:
                yield finding(
                    instance.subject,
                    _message(prospect),
                    places=instance.places,
                    evidence=evidence(prospect),
                    remedy=way_out(instance, prospect.hop, upgrade.start.date()),
                    severity=WARNING if prospect.already else BLOCKER,
                    hop=prospect.hop,
                    references=[prospect.judgment.source],
                )


def _message(prospect: Prospect) -> str:
    instance, hop = prospect.instance, prospect.hop
    name, said = release_name(instance), " ".join((f"{prospect.judgment.reason}.", *notes(instance)))
    if prospect.already:
        return (
            f"{name} should not work today: {said} The upgrade does not change that; see whether it does work, and do "
            "not count on it."
        )
    runs = "stops working" if instance.runs else "will not work"
    return f"{name} {runs} after the hop {hop}: {said}"
