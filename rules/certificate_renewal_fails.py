"""Certificates that kubeadm cannot renew, and over which the upgrade falls back."""

from collections.abc import Iterator, Sequence

from kubepreflight.finding import BLOCKER, Finding, Gap, finding
from kubepreflight.host import Host, Missing
from kubepreflight.rule import rule
from kubepreflight.semantics.certificate_timeline import CertificateTimeline
from kubepreflight.semantics.certificate_words import SAVE_CLUSTER_CONFIGURATION, by_external_authority
from kubepreflight.semantics.kubeadm_config import CERTIFICATES_DIRECTORY, KubeadmConfig
from kubepreflight.semantics.renewal_failures import Fault, RenewalFailure, renewal_failures


@rule(severity=BLOCKER, area="certificates", phase="control-plane-upgrade")
def certificate_renewal_fails(
    timeline: CertificateTimeline, config: KubeadmConfig | None = None
) -> Iterator[Finding | Gap]:
    """A certificate that the upgrade renews is absent or broken, and the upgrade falls back over it.

    Why: when `kubeadm upgrade` replaces a component it first renews the component's certificates, and takes each one's
    names from the old file. One that nothing uses any more, or that somebody deleted, is not missed until then. Where
    an authority's key is not on the node, kubeadm renews nothing, but first wants to see that all that this authority
    signed is whole, keys included.

    What happens: `kubeadm upgrade` stops with "failed to renew certificates for component", puts the old manifests
    back, and the node stays at its old version, in the middle of the window. `kubeadm certs check-expiration` and
    `kubeadm certs renew all` only say MISSING! of a certificate that is absent; the upgrade's --dry-run renews none.

    When it stays silent: every certificate that this upgrade renews can be read; the file belongs to what is not
    renewed (switched off, an etcd that is not kubeadm's, a node that is at the target already); super-admin.conf is
    absent, as it is on most nodes. That a file is absent is only said where all of /etc/kubernetes was looked through.

    How to see it yourself: kubeadm certs check-expiration

    References:
        https://kubernetes.io/docs/tasks/administer-cluster/kubeadm/kubeadm-certs/#automatic-certificate-renewal
        https://kubernetes.io/docs/reference/setup-tools/kubeadm/kubeadm-init-phase/

    """
    yield from timeline.gaps
    directory = config.certificates_directory if config else CERTIFICATES_DIRECTORY
    for around in timeline.circumstances:
        found = list(renewal_failures(around, timeline.plan, directory))
        for one in found:
            if isinstance(one, Missing):
                yield around.host.cannot_check("certificates", one)
        failures = [one for one in found if isinstance(one, RenewalFailure)]
        if failures:
            yield _about(around.host, failures, timeline.plan.request_command)


def _about(host: Host, failures: Sequence[RenewalFailure], request_command: str) -> Finding:
    components = {one.renewed_with for failure in failures for one in failure.renews}
    first = next((one for one in IN_TURN if one in components), None)
    when = f"when it replaces {first}" if first else "at its end"
    files = "; ".join(f"{one.path} {one.fault}" for one in failures)
    return finding(
        host,
        f"kubeadm cannot renew the certificates of {host.name}: {files}. {_again(failures)}The upgrade of this node "
        f"stops {when}, and puts the old manifests back.",
        remedy="\n".join(dict.fromkeys(line for one in failures for line in _remedy(one, host, request_command))),
        field="renewal of certificates",
        places=[host.at(one.path) for one in failures],
        evidence={"files": [f"{one.path} {one.fault}" for one in failures]},
    )


IN_TURN = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")
"""As kubeadm replaces them."""


def _again(failures: Sequence[RenewalFailure]) -> str:
    """Why it matters what kubeadm would not even renew."""
    if not any(one.external for one in failures):
        return ""
    return "As the authority's key is not on the node, kubeadm wants all that it signed to be whole. "


def _remedy(failure: RenewalFailure, host: Host, request_command: str) -> Iterator[str]:
    known = failure.known
    yield f"On {host.name}, as root:"
    if known.kind == "authority":
        yield "Every control-plane node has the same: copy it from another one."
        yield f"scp OTHER:{failure.path} {failure.path}"
    elif failure.external:
        yield by_external_authority(request_command)
    else:
        yield SAVE_CLUSTER_CONFIGURATION
        kubeconfig = known.kind == "kubeconfig"
        if not kubeconfig:
            # kubeadm makes a pair anew only where neither of its files is there.
            yield f"mv {failure.path.removesuffix('.crt')}.* /root/"
        elif failure.fault is not Fault.ABSENT:
            yield f"mv {failure.path} /root/"
        what = f"kubeconfig {known.name.removesuffix('.conf')}" if kubeconfig else f"certs {known.name}"
        yield f"kubeadm init phase {what} --config /root/kubeadm.yaml"
