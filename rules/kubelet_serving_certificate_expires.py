"""The certificates with which kubelets serve."""

from collections.abc import Iterable, Iterator
from shlex import quote

from kubepreflight.finding import NOTE, WARNING, Finding, Gap, Subject, finding
from kubepreflight.host import Certificate, Host, Missing
from kubepreflight.rule import rule
from kubepreflight.semantics.certificate_timeline import CertificateTimeline, HostCertificate
from kubepreflight.semantics.certificate_words import evidence
from kubepreflight.semantics.kubelet_certificates import configured_serving
from kubepreflight.semantics.kubelet_words import KubeletConfigMap
from kubepreflight.semantics.moments import against_start, exact, moment, span
from kubepreflight.semantics.renewal import Renewer
from kubepreflight.semantics.served import ServedCertificates, Shown
from kubepreflight.semantics.several import listed
from kubepreflight.upgrade import Upgrade

VERIFIES = "kubelet-certificate-authority"


@rule(severity=WARNING, area="certificates", phase="node-upgrade")
def kubelet_serving_certificate_expires(
    timeline: CertificateTimeline,
    upgrade: Upgrade,
    config: KubeletConfigMap,
    hosts: list[Host] | None,
    served: ServedCertificates | None = None,
) -> Iterator[Finding | Gap]:
    """A kubelet's serving certificate ends, and nothing renews it.

    Why: unless it is told otherwise, a kubelet signs its serving certificate itself, for one year, and makes a new one
    only when the file is gone. A kubelet with serverTLSBootstrap has it signed by the cluster, but somebody has to
    approve each request: Kubernetes itself never does.

    What happens: whoever verifies the kubelet's certificate is refused from then on: `kubectl logs` and `exec` when the
    API server has --kubelet-certificate-authority, metrics-server without --kubelet-insecure-tls. Most clusters verify
    it nowhere and notice nothing: there a self-signed one that ends is only a note.

    Of a node whose disk nobody looked at, that counts which its kubelet shows in a handshake, where those are asked for
    (`--opt-in served-certificates`).

    When it stays silent: the certificate ends after the window; a signed one is younger than 90 % of its life, before
    which the kubelet asks for a new one by itself.

    How to see it yourself: openssl x509 -noout -dates -in /var/lib/kubelet/pki/kubelet.crt

    References:
        https://kubernetes.io/docs/tasks/administer-cluster/kubeadm/kubeadm-certs/#kubelet-serving-certs
        https://kubernetes.io/docs/reference/access-authn-authz/kubelet-tls-bootstrapping/#certificate-rotation

    """
    yield from timeline.gaps
    known = hosts or []
    serving = [one for one in timeline.certificates if one.is_serving_kubelets]
    signed = [one for one in serving if one.known and one.known.managed_by == "kubelet"]
    configured = {host.name for host in known if configured_serving(host)}
    not_used = configured | {one.node for one in signed}
    self_signed = [one for one in serving if one.renewer is Renewer.NOBODY and one.node not in not_used]
    verified = any(_verifies(host) for host in known)
    yield from _self_signed([one for one in self_signed if one.ends <= upgrade.end], upgrade, config, verified=verified)
    for one in signed:
        if one.renewer is Renewer.ROTATION_STUCK and one.node not in configured:
            yield _waits_for_approval(one, upgrade)
    for host in known:
        for certificate in _configured(host):
            if certificate.not_after <= upgrade.end:
                yield _made_by_somebody(host, certificate, upgrade)
    looked_at = {host.name for host in known if not isinstance(host.certificates, Missing)}
    for shown in served.shown if served else ():
        ends_in_window = shown.certificate.not_after <= upgrade.end
        if shown.server == "kubelet" and shown.node not in looked_at and ends_in_window:
            yield _shows(shown, upgrade, verified=verified)


def _verifies(host: Host) -> bool:
    pods = () if isinstance(host.static_pods, Missing) else host.static_pods
    return any(pod.flag(VERIFIES) for pod in pods)


def _self_signed(
    ending: list[HostCertificate], upgrade: Upgrade, config: KubeletConfigMap, *, verified: bool
) -> Iterable[Finding]:
    if ending:
        nodes = listed(one.node for one in ending)
        yield finding(
            config.at("serverTLSBootstrap"),
            _serve(nodes, ending, upgrade, verified=verified),
            remedy=f"On {'' if len(ending) == 1 else 'each of '}{nodes}, as root; the kubelet makes a new one for a "
            "year:\n"
            "rm /var/lib/kubelet/pki/kubelet.crt /var/lib/kubelet/pki/kubelet.key\n"
            "systemctl restart kubelet\n"
            "For good, let the cluster sign them: serverTLSBootstrap: true here and in /var/lib/kubelet/config.yaml on "
            f"each node, and somebody who approves the requests:\n{config.edit}",
            places=[one.place for one in ending],
            evidence=evidence(ending),
            severity=WARNING if verified else NOTE,
        )


def _serve(nodes: str, ending: list[HostCertificate], upgrade: Upgrade, *, verified: bool) -> str:
    ends = [one.ends for one in ending]
    when = f"{span(ends)}, {against_start(min(ends), upgrade.start)}"
    who = f"here the API servers do (--{VERIFIES})" if verified else "metrics-server, for example, may"
    if len(ending) == 1:
        return (
            f"The kubelet of {nodes} serves with a certificate that it signed itself and never renews: it ends {when}. "
            f"Only clients that verify it notice: {who}."
        )
    return (
        f"The kubelets of {nodes} serve with certificates that they signed themselves and never renew: these end "
        f"{when}. Only clients that verify them notice: {who}."
    )


def _waits_for_approval(one: HostCertificate, upgrade: Upgrade) -> Finding:
    return finding(
        Subject(kind="Node", name=one.node, node=one.node),
        f"The kubelet of {one.node} asks for its serving certificate to be signed, and the one it has is past 90 % of "
        f"its life: nobody approves the request. It ends at {moment(one.ends)}, "
        f"{against_start(one.ends, upgrade.start)}; then `kubectl logs` and `exec` may fail on this node.",
        remedy="See which requests wait, look at each, approve it:\n"
        "kubectl get certificatesigningrequests --field-selector spec.signerName=kubernetes.io/kubelet-serving\n"
        "kubectl certificate approve NAME",
        field="kubelet serving certificate",
        place=one.place,
        evidence=evidence([one]),
    )


def _shows(shown: Shown, upgrade: Upgrade, *, verified: bool) -> Finding:
    ends = shown.certificate.not_after
    return finding(
        Subject(kind="Node", name=shown.node, node=shown.node),
        f"The kubelet of {shown.node} shows a serving certificate of {shown.certificate.issuer} that ends at "
        f"{moment(ends)}, {against_start(ends, upgrade.start)}. Nobody looked at the disk there, so what renews it is "
        "not known; nothing renews one that a kubelet signed itself.",
        remedy=f"Look there:\nkubepreflight collect --ssh {quote(shown.node)}",
        field="kubelet serving certificate",
        place=shown.place,
        evidence={"ends": exact(ends)},
        severity=WARNING if verified else NOTE,
    )


def _configured(host: Host) -> Iterable[Certificate]:
    path = configured_serving(host)
    if path and not isinstance(host.certificates, Missing):
        yield from [one for one in host.certificates if one.path == path and not one.is_authority][:1]


def _made_by_somebody(host: Host, certificate: Certificate, upgrade: Upgrade) -> Finding:
    return finding(
        host,
        f"The kubelet of {host.name} serves with {certificate.path}, which somebody put there and nothing renews: it "
        f"ends at {moment(certificate.not_after)}, {against_start(certificate.not_after, upgrade.start)}.",
        remedy=f"Have whoever made it make a new one, put it in its place, and then on {host.name}:\n"
        "systemctl restart kubelet",
        field="kubelet serving certificate",
        place=host.at(certificate.path),
        evidence={"ends": exact(certificate.not_after)},
    )
