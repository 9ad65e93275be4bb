"""Add-ons that upstream does not support on a version that the upgrade comes through, or not at all any more."""

from collections.abc import Iterator

from kubepreflight.finding import NOTE, WARNING, Finding, Phase, finding
from kubepreflight.knowledge.compatibility import Cause, Verdict
from kubepreflight.rule import rule
from kubepreflight.semantics.addon_instances import AddonInstance, AddonInstances
from kubepreflight.semantics.addon_outlook import (
    Prospect,
    ended,
    evidence,
    first_fit,
    prospects,
    release_name,
    show,
    way_out,
)
from kubepreflight.upgrade import Upgrade


@rule(severity=WARNING, area="compatibility", phase="control-plane-upgrade")
def addon_unsupported(addons: AddonInstances, upgrade: Upgrade) -> Iterator[Finding]:
    """An add-on is outside the range that upstream supports, or its own support has ended.

    Why: upstream tries a release on some versions of Kubernetes, and mends it for these. Outside of them, in both
    directions, it may work, but nobody has promised it, and nobody mends it.

    What happens: nothing, or a fault that shows late: a field that is dropped, an API that is refused, a sidecar that
    is not injected. It is a note where the upgrade itself brings the cluster into the range.

    When it stays silent: upstream says that the release fails (addon-incompatible tells that) or only names what it
    tested; it names no upper end; the image stands for several releases, and some are supported; the data is older
    than the target and the release fitted all that it knows (addon-unknown tells that); a CRD is left over; a
    manifest is not named by the kustomization in its folder.

    How to see it yourself: kubectl get deployments,daemonsets,statefulsets -A -o wide shows the images; the page that
    the finding refers to says what they are made for.

    References:
        https://kubernetes.io/releases/version-skew-policy/
        https://kubernetes.io/docs/concepts/cluster-administration/addons/

    """
    for instance in addons.all:
        outlook = list(prospects(instance, upgrade))
        outside = next((one for one in outlook if one.judgment.verdict is Verdict.UNSUPPORTED), None)
        if outside is not None:
            yield _outside(outside, upgrade)
        elif all(one.judgment.verdict is not Verdict.INCOMPATIBLE for one in outlook):
            yield from _ended(instance, upgrade)


def _outside(prospect: Prospect, upgrade: Upgrade) -> Finding:
    instance, hop, day = prospect.instance, prospect.hop, upgrade.start.date()
    name, reason = release_name(instance), prospect.judgment.reason
    early = prospect.judgment.cause is Cause.BELOW_MINIMUM
    fit = first_fit(instance, upgrade) if early else None
    end = ended(instance, day)
    over = f" Upstream ended its support on {end}." if end else ""
    remedy = way_out(instance, hop, day, newer=not early)
    if fit is not None:
        message = f"{name} is too new for this cluster until the hop {fit} is done: {reason}."
        advice = "Go on with the upgrade" if instance.runs else "Do not apply it before that hop is done"
        remedy = f"{advice}: {fit.end} is in its range.\n{show(instance)}"
    elif prospect.already:
        message = f"{name} is outside its range today already, and stays so: {reason}."
    elif prospect.before:
        message = f"{name} is outside its range on {hop.end}: {reason}."
    else:
        message = f"{name} leaves its range with the hop {hop}: {reason}."
    return finding(
        instance.subject,
        message + over,
        places=instance.places,
        evidence=evidence(prospect),
        remedy=remedy,
        severity=NOTE if fit is not None and not end else WARNING,
        hop=hop,
        references=[prospect.judgment.source],
    )


def _ended(instance: AddonInstance, upgrade: Upgrade) -> Iterator[Finding]:
    end = ended(instance, upgrade.start.date())
    if end is not None:
        yield finding(
            instance.subject,
            f"Upstream ended its support of {release_name(instance)} on {end}: faults that the upgrade brings to light "
            "are not mended.",
            places=instance.places,
            evidence={"image": instance.image, "support ended": str(end)},
            remedy=way_out(instance, upgrade.first_hop, upgrade.start.date()),
            phase=Phase.BEFORE,
            references=[instance.addon.source],
        )
