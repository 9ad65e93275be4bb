"""How a kubelet comes by its certificates, as its configuration and flags on a host tell."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from kubepreflight.host import Certificate, Host, Missing

ROTATES = "rotate-certificates"
KUBELET_CONF = "/etc/kubernetes/kubelet.conf"
CLOCKS_APART = timedelta(hours=2)
"""So far ahead a node's clock may be, as one that takes its local time for UTC."""
_BEGINNING = datetime.min.replace(tzinfo=UTC)


def rotates_client(host: Host) -> bool | Missing:
    """Whether the kubelet renews its client certificate by itself: it must be told to, and kubeadm tells it."""
    flags, config = host.kubelet.given, host.kubelet.config
    if ROTATES in flags:
        return flags[ROTATES].lower() not in ("false", "f", "0")
    return config if isinstance(config, Missing) else config.get("rotateCertificates") is True


def configured_serving(host: Host) -> str:
    """The path of a serving certificate that somebody put there for the kubelet; empty for its own, or unknown."""
    config = host.kubelet.config
    field = "" if isinstance(config, Missing) else config.get("tlsCertFile", "")
    return host.kubelet.given.get("tls-cert-file", "") or (field if isinstance(field, str) else "")


def share_of_life(certificate: Certificate, moment: datetime) -> float:
    """How much of its life a certificate has behind it: 0 at its beginning, 1 at its end, more after it."""
    life = certificate.not_after - certificate.not_before
    passed = moment - certificate.not_before
    return passed / life if life.total_seconds() > 0 else 1.0


def seen(host: Host, start: datetime) -> datetime:
    """The moment for which a host's facts hold: when they were collected, or `start` where that is not known.

    Of a clock that may be wrong the benefit of the doubt goes to the kubelet.
    """
    if host.collected_at is None:
        return start
    # A clock at the beginning of time leaves nothing to take away.
    return min(max(host.collected_at, _BEGINNING + CLOCKS_APART) - CLOCKS_APART, start)
