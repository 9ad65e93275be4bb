"""Trust that ends: the `caBundle` of webhooks, APIServices and conversions."""

from collections.abc import Iterator
from datetime import timedelta

from kubepreflight.finding import BLOCKER, NOTE, WARNING, Finding, Severity, finding
from kubepreflight.host import Certificate
from kubepreflight.knowledge.self_renewing import self_renewing
from kubepreflight.rule import rule
from kubepreflight.semantics.bundles import Bundle
from kubepreflight.semantics.kubelet_certificates import share_of_life
from kubepreflight.semantics.moments import against_start, duration, exact, moment
from kubepreflight.semantics.several import listed
from kubepreflight.semantics.trust_bundles import Trust, TrustBundles
from kubepreflight.upgrade import Upgrade

LATE = 0.9
"""What is renewed at all is renewed before this share of its life."""


@rule(severity=BLOCKER, area="certificates", phase="control-plane-upgrade")
def trust_bundle_expires(bundles: TrustBundles, upgrade: Upgrade) -> Iterator[Finding]:
    """A caBundle ends in the window, or is none.

    Why: the API server calls webhooks, aggregated APIs and conversions over TLS, and verifies them by the certificates
    in their caBundle. Whoever installed the add-on put them there, often for a year, and often nothing renews them.

    What happens: the API server refuses the connection (x509: certificate has expired). With a webhook whose
    failurePolicy is Fail, every request that it should see is refused: kubeadm's own, the pods that a drain evicts and
    that must start elsewhere. An APIService that cannot be reached breaks discovery and the deletion of namespaces.
    With Ignore, what the webhook should check or add is missing, which is a warning.

    When it stays silent: the caBundle is empty (the API server then trusts the system's authorities), or skipped; all
    of its certificates end after the window; some have ended and others are valid, which is what a rotation leaves. A
    certificate with less than 90 % of its life behind it lives so short that something must be renewing it: a note.
    So is one that its add-on is known to renew by itself, and later (Kyverno), until that is due; then it is a warning
    until its end, for a renewal may be late and some releases renew in the last days only.

    How to see it yourself: kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations -o yaml

    References:
        https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/
        https://kubernetes.io/docs/tasks/extend-kubernetes/configure-aggregation-layer/
        https://cert-manager.io/docs/concepts/ca-injector/
        https://github.com/kyverno/kyverno/blob/v1.17.0/pkg/tls/renewer.go

    """
    same: dict[tuple[str, str], list[Trust]] = {}
    decoded: dict[str, Bundle] = {}
    for one in bundles.found:
        bundle = decoded.setdefault(one.bundle, Bundle.decode(one.bundle))
        same.setdefault((bundle.key, bundle.problem), []).append(one)
    for group in same.values():
        bundle = decoded[group[0].bundle]
        if bundle.problem:
            yield from (_unreadable(one, bundle.problem) for one in group)
        elif ending := bundle.ending(upgrade.end):
            yield from _ends(group, bundle, ending, upgrade)


def _unreadable(one: Trust, problem: str) -> Finding:
    return finding(
        one.subject,
        f"The caBundle of {one.subject} cannot be read: {problem}. The API server trusts nobody there, so "
        f"{one.what_fails}.",
        remedy=REMEDY.format(called=one.called),
        severity=BLOCKER if one.must_work else WARNING,
        phase="before",
    )


def _ends(group: list[Trust], bundle: Bundle, ending: tuple[Certificate, ...], upgrade: Upgrade) -> Iterator[Finding]:
    whole = len(ending) == len(bundle.certificates)
    if not whole and all(one.not_after <= upgrade.start for one in ending):
        return
    # All must have ended before nothing is trusted; of several that end, the first one may be the one that counts.
    decisive = (max if whole else min)((one for one in ending if one.not_after > upgrade.start or whole), key=_end)
    group = sorted(group, key=lambda one: (not one.must_work, str(one.subject)))
    severity = _severity(group[0], decisive, upgrade, whole=whole)
    yield finding(
        group[0].subject,
        f"The caBundle of {listed(one.subject for one in group)} {'ends' if whole else 'ends in part'} at "
        f"{moment(decisive.not_after)}, {against_start(decisive.not_after, upgrade.start)} ({decisive.subject}). "
        + _consequence(group[0], decisive, severity, whole=whole),
        remedy=REMEDY.format(called=listed(dict.fromkeys(one.called for one in group))),
        places=[one.subject for one in group],
        evidence={"ends": sorted(f"{one.subject} {exact(one.not_after)}" for one in bundle.certificates)},
        severity=severity,
        phase="before" if decisive.not_after <= upgrade.start else None,
    )


def _consequence(worst: Trust, decisive: Certificate, severity: Severity, *, whole: bool) -> str:
    known = self_renewing(decisive)
    renewed = f"{known.name} renews it by itself, {known.when}: see that it does." if known else ""
    if severity is NOTE:
        return renewed or f"It lives {duration(decisive.not_after - decisive.not_before)} only, {SO_IT_IS_RENEWED}"
    return f"{THEN if whole else IN_PART} {worst.what_fails}. {renewed}".rstrip()


def _severity(worst: Trust, decisive: Certificate, upgrade: Upgrade, *, whole: bool) -> Severity:
    known, left = self_renewing(decisive), decisive.not_after - upgrade.start
    if known and left > timedelta(days=known.days):
        return NOTE
    if known and left > timedelta():
        return WARNING
    if share_of_life(decisive, upgrade.start) < LATE:
        return NOTE
    return BLOCKER if worst.must_work and whole else WARNING


def _end(one: Certificate) -> float:
    return one.not_after.timestamp()


THEN, IN_PART = "Then", "If the server's certificate was signed by that part, then"
SO_IT_IS_RENEWED = "so something renews it: see that it does."
REMEDY = (
    "Renew the certificate of {called}, and put its authority into the caBundle. With cert-manager, see whether its "
    "Certificate is ready, and whether cainjector runs; else run the add-on's own installer again.\n"
    "kubectl get certificates --all-namespaces\n"
    "kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations,apiservices"
)
