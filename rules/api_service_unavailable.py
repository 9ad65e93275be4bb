"""Aggregated APIs that do not answer."""

from collections.abc import Iterator
from shlex import quote

from kubepreflight.finding import WARNING, Finding, Gap, cannot_check, finding
from kubepreflight.rule import rule
from kubepreflight.semantics.backends import Backends, ServiceReference
from kubepreflight.semantics.extensions import ApiService
from kubepreflight.semantics.several import listed

METRICS = ("metrics.k8s.io", "custom.metrics.k8s.io", "external.metrics.k8s.io")
"""What HorizontalPodAutoscalers ask."""
LONGEST = 300
"""Characters of the API server's own words; a certificate's error may have thousands."""


@rule(severity=WARNING, area="apis", phase="before")
def api_service_unavailable(services: list[ApiService], backends: Backends | None = None) -> Iterator[Finding | Gap]:
    """An aggregated API does not answer.

    Why: an APIService hands a group of the API to somebody else: metrics-server, an adapter of metrics, a service
    catalog. When that one does not answer, the API server cannot tell what the group holds, and whoever must know
    everything that there is does not get to the end.

    What happens: a namespace that is deleted stays Terminating (NamespaceDeletionDiscoveryFailure), for the namespace
    controller cannot know that nothing is left in it. Clients that ask for the complete list of APIs fail or complain:
    `helm` ("unable to retrieve the complete list of server APIs"), `kubectl get all`, operators as they start. Without
    metrics.k8s.io HorizontalPodAutoscalers do not scale. It is a warning and no blocker, since all that fails does so
    today already, and neither kubeadm nor `kubectl drain` asks for such a group: with an APIService unavailable a drain
    got through, and the garbage collector went on (tried with 1.37). But what is broken before an upgrade is taken for
    its fault after it, and add-ons that are to be upgraded along with it will not be.

    When it stays silent: the API server's own groups; APIServices that the API server finds Available. Where it has not
    judged one yet, the Service and its endpoints are looked at instead.

    How to see it yourself: kubectl get apiservices, and look for False under AVAILABLE

    References:
        https://kubernetes.io/docs/concepts/extend-kubernetes/api-extension/apiserver-aggregation/
        https://kubernetes.io/docs/tasks/extend-kubernetes/configure-aggregation-layer/
        https://github.com/kubernetes/kubernetes/issues/60807

    """
    failing: dict[tuple[ServiceReference, str], list[ApiService]] = {}
    for one in services:
        called = one.spec.service
        if called is None:
            continue
        why = _why(one, called, backends)
        if why is None:
            yield cannot_check(
                "APIService",
                "the API server has not said whether it answers",
                subject=str(one.subject),
                how=f"kubectl get apiservice {quote(one.name)}",
            )
        elif why:
            failing.setdefault((called, why), []).append(one)
    for (called, why), found in failing.items():
        yield _fails(called, why, found)


def _why(one: ApiService, called: ServiceReference, backends: Backends | None) -> str | None:
    condition = one.available
    if condition is None or condition.status not in ("True", "False"):
        return backends.behind(called).absence if backends else None
    if condition.status == "True":
        return ""
    words = " ".join((condition.message or "").split()).replace(one.name, "it")
    return f"{condition.reason or 'Available is False'}: {words[:LONGEST]}".rstrip(": ")


def _fails(called: ServiceReference, why: str, found: list[ApiService]) -> Finding:
    names = [one.name for one in found]
    does = "does" if len(found) == 1 else "do"
    blind = any((one.spec.group or one.name.partition(".")[2]) in METRICS for one in found)
    return finding(
        found[0],
        f"{listed(names)} {does} not answer ({why}). Namespaces that are deleted stay Terminating, and clients that "
        "ask for the complete list of APIs, as Helm does, fail or complain."
        + (" HorizontalPodAutoscalers that go by it do not scale." if blind else ""),
        remedy="Bring back who answers, before the upgrade:\n"
        f"kubectl describe apiservice {quote(names[0])}\n"
        f"kubectl -n {quote(called.namespace)} get services,endpointslices,deployments,pods\n"
        "Or, when its add-on is gone for good (what lay behind it can then not be asked for any more):\n"
        f"kubectl delete apiservice {' '.join(map(quote, names))}",
        places=found,
        evidence={"service": str(called)},
    )
