"""The cluster's own authorities near their end."""

from collections.abc import Iterator
from datetime import timedelta

from kubepreflight.finding import BLOCKER, WARNING, Finding, Gap, Severity, Subject, finding
from kubepreflight.knowledge.certificates import CertificateInventory, KnownCertificate
from kubepreflight.rule import rule
from kubepreflight.semantics.authorities import Authorities, Authority
from kubepreflight.semantics.certificate_timeline import HostCertificate
from kubepreflight.semantics.certificate_words import names
from kubepreflight.semantics.moments import against_start, exact, moment
from kubepreflight.upgrade import Upgrade

YEAR = timedelta(days=365)


@rule(severity=BLOCKER, area="certificates", phase="control-plane-upgrade")
def certificate_authority_expires(
    authorities: Authorities, inventory: CertificateInventory, upgrade: Upgrade
) -> Iterator[Finding | Gap]:
    """A certificate authority of the cluster ends in the window, within a year, or before what it signed.

    Why: kubeadm makes the authorities for ten years and never renews them, and no command of its does. A cluster that
    has lived that long, or whose authorities were made shorter, has one day on which nothing in it trusts anything.

    What happens: when the cluster's authority ends, API servers, kubelets and every kubeconfig are refused at once;
    etcd's stops the whole API, the front proxy's stops aggregated APIs such as metrics. `kubeadm upgrade` refuses to
    begin. A certificate that outlives its authority is worth nothing from the authority's end on.

    When it stays silent: the authority ends more than a year after the planned start and after all that it signed. Of
    several certificates with the same name in one bundle, as a rotation leaves them, the one that ends last counts.
    etcd's authority can only be seen on the nodes.

    How to see it yourself: kubeadm certs check-expiration

    References:
        https://kubernetes.io/docs/tasks/tls/manual-rotation-of-ca-certificates/
        https://kubernetes.io/docs/tasks/administer-cluster/kubeadm/kubeadm-certs/

    """
    yield from authorities.gaps
    found: dict[tuple[str, str], list[Authority]] = {}
    for one in authorities.seen:
        found.setdefault((one.name, one.certificate.sha256), []).append(one)
    for (name, _), places in found.items():
        end = places[0].certificate.not_after
        outlived = [one for one in authorities.signed_by(places[0].certificate) if one.ends > end]
        if end <= upgrade.end:
            yield _about(inventory.get(name), places, outlived, upgrade, BLOCKER)
        elif end <= upgrade.start + YEAR or outlived:
            yield _about(inventory.get(name), places, outlived, upgrade, WARNING)


def _about(
    known: KnownCertificate,
    places: list[Authority],
    outlived: list[HostCertificate],
    upgrade: Upgrade,
    severity: Severity,
) -> Finding:
    certificate = places[0].certificate
    end = f"{moment(certificate.not_after)}, {against_start(certificate.not_after, upgrade.start)}"
    sentences = [f"{known.name}, {known.title} ({certificate.subject}), ends at {end}."]
    if outlived:
        sentences.append(f"What it signed for longer ends with it: {names(outlived)}.")
    return finding(
        Subject(kind="CertificateAuthority", name=known.name),
        " ".join([*sentences, known.consequence]),
        remedy=f"{REMEDY}\nopenssl x509 -noout -subject -enddate -in {known.path}",
        places=[one.place for one in places],
        evidence={"ends": exact(certificate.not_after), "sha256": certificate.sha256},
        severity=severity,
        phase="after" if severity is WARNING else None,
    )


REMEDY = (
    "Make a new authority, let everything trust both for a while, renew what the old one signed, then take the old one "
    "away: step by step in the first reference. It takes hours and restarts everything, so do it on a day of its own, "
    "before the upgrade and not during it. Begin with a look at what each node has:"
)
