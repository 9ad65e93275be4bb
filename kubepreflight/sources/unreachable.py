"""Why an API server cannot be reached or does not let in, in words, and what to do about it."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from kubepreflight.semantics.credential import ScanCredential

_DECORATION = re.compile(r"\[(?:SSL|X509)[A-Z0-9_: ]*\] ?|\s*\(_ssl\.c:\d+\)|_ssl\.c:\d+: |\[Errno -?\d+\] ", re.ASCII)
_ANONYMOUS = "system:anonymous"
_TLS = {
    9: "Is this machine's clock right?",
    10: "The API server's own certificate has ended. On a control-plane node: kubeadm certs check-expiration",
    18: "Is the kubeconfig's certificate authority that of this cluster, as in its /etc/kubernetes/pki/ca.crt?",
    62: "Reach it by a name or address that its certificate has, or set tls-server-name in the kubeconfig.",
}
_SAME = {19: 18, 20: 18, 21: 18, 64: 62}
"""OpenSSL's X509_V_ERR codes (x509_vfy.h), and those that call for the same."""


def plain_reason(error: BaseException) -> str:
    """The innermost cause of a connection error, without the addresses of Python objects and the like around it."""
    inner = innermost(error)
    text = str(inner).rpartition(">: ")[2] or type(inner).__name__
    return _DECORATION.sub("", text).strip().rstrip(".") or type(inner).__name__


def innermost(error: BaseException) -> BaseException:
    """The first of a chain of errors."""
    seen = {id(error)}
    while (inner := error.__cause__ or error.__context__ or getattr(error, "reason", None)) is not None:
        if not isinstance(inner, BaseException) or id(inner) in seen:
            break
        seen.add(id(inner))
        error = inner
    return error


def next_step(status: int, right: str, group: str = "") -> str:
    """What to do when the API server did not give something: what it takes is the `right` to it (`list` of pods)."""
    return {
        0: "is the API server still there? kubectl get --raw '/readyz?verbose', then scan again",
        401: "have the credentials expired? Renew them and scan again",
        403: f"allow {right}: kubepreflight rbac prints the ClusterRole that a scan needs",
        429: "the API server is busy: scan again later",
        503: f"is what serves it down? kubectl get apiservices | grep {group or 'False'}",
        504: "kubectl get --raw '/readyz?verbose' says what the API server waits for; often it is etcd",
    }.get(status, "scan again; if it stays, the API server's log says why")


def advice(status: int, error: BaseException, credential: ScanCredential, as_user: str = "") -> str:
    """What to do when the server's first answer is this HTTP status (0 for none), in one or two sentences."""
    if status == 0:
        code = getattr(innermost(error), "verify_code", 0)
        return _TLS.get(_SAME.get(code, code), "Is it running, and is this machine allowed to reach it?")
    if status == 401:
        return _ended(credential) or "It does not accept these credentials; have they expired?"
    if status == 403:
        return _forbidden(str(error), credential.context, as_user)
    if status == 429:
        return "It is busy: scan again later."
    return "kubectl get --raw '/readyz?verbose' says what it waits for." if status >= 500 else ""


def _forbidden(said: str, context: str, as_user: str) -> str:
    if as_user:
        return f"Without --as it may work: not everybody may act as {as_user}."
    if _ANONYMOUS in said:
        return f"It was shown no credentials: see the user of the context {context} in the kubeconfig."
    return "These credentials may not even read /version and /apis."


def _ended(credential: ScanCredential) -> str:
    ends = [one.not_after for one in credential.certificates if not one.is_authority]
    if not ends or min(ends) > datetime.now(UTC):
        return ""
    return (
        f"The client certificate of the context {credential.context} ended at {min(ends):%Y-%m-%d %H:%M} UTC: take a "
        "fresh /etc/kubernetes/admin.conf from a control-plane node, or renew it there: kubeadm certs renew admin.conf"
    )
