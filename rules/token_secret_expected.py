"""Workloads that name Secrets which Kubernetes used to generate."""

from collections.abc import Iterator

from kubepreflight.finding import WARNING, Finding, Hop, finding
from kubepreflight.knowledge.generated_tokens import GeneratedTokens
from kubepreflight.objects import Api, Desired, KubernetesObject, Planned
from kubepreflight.rule import rule
from kubepreflight.semantics.kubectl import in_namespace
from kubepreflight.semantics.pod_templates import NamedReference, PodTemplates
from kubepreflight.semantics.several import listed
from kubepreflight.upgrade import Upgrade


class ServiceAccount(KubernetesObject):
    """A ServiceAccount, and the Secrets that it names."""

    api = Api("", "ServiceAccount", "serviceaccounts")
    secrets: list[NamedReference] | None = None


@rule(severity=WARNING, area="apis", phase="after")
def token_secret_expected(
    templates: PodTemplates,
    tokens: GeneratedTokens,
    upgrade: Upgrade,
    accounts: Planned[ServiceAccount] | None,
    written: Desired[ServiceAccount] | None = None,
) -> Iterator[Finding]:
    """A workload names a token Secret that Kubernetes generated, and generates no more.

    Why: until 1.23 each ServiceAccount got a Secret with a token that does not end, by a name that nobody can foretell
    (NAME-token-x7k2q). Pods never had to name it, but some do, to hand the token on or to have it under another path.

    What happens: from 1.24 on no such Secret is generated. Those that there are stay and work, so that nothing breaks
    with the upgrade. But where the Secret is missing it does not come: in a namespace or a cluster made anew, after a
    restore without it, or when somebody deletes it to renew it. Pods then wait for it for ever (MountVolume.SetUp
    failed: secret not found, or CreateContainerConfigError). Controller-managers of 1.30 and later mark those that
    nothing used for a year, and that no pod names, invalid, and delete them later: that may meet a CronJob that has no
    pods in between.

    When it stays silent: the name does not end as generated ones do, or there is no ServiceAccount of that name in the
    namespace, so that somebody made it; the upgrade does not lead from below 1.24 to 1.24. Secrets are not read: names
    alone are looked at, in templates of Deployments, DaemonSets, StatefulSets, Jobs and CronJobs and in manifests of
    pods. Scripts that read a ServiceAccount's `secrets` cannot be seen.

    How to see it yourself: kubectl get deployments,daemonsets,statefulsets,cronjobs --all-namespaces -o yaml |
    grep -E 'token-[a-z0-9]{5}$'

    References:
        https://kubernetes.io/docs/concepts/configuration/secret/#serviceaccount-token-secrets
        https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/
        https://github.com/kubernetes/kubernetes/pull/108309

    """
    hop = upgrade.hop_that_brings(tokens.none_since)
    if hop is None:
        return
    known = {(one.namespace, one.name) for one in accounts or ()}
    are_known = any(one.metadata.uid for one in accounts or ())
    for template in templates.all:
        namespace = template.subject.namespace
        expected = {name: account for name in template.spec.secrets if (account := tokens.account(name))}
        found = {name: one for name, one in expected.items() if not are_known or (namespace, one) in known}
        if found:
            here = "The one that there is stays" if len(found) == 1 else "Those that there are stay"
            yield finding(
                template.subject,
                f"It takes {_told(found)}. {_from(hop)} {here}, but where it is missing, after a restore or in a "
                "namespace made anew, it does not come, and the pods wait for it for ever.",
                remedy=_remedy(found, namespace),
                evidence={"secrets": sorted(found)},
                hop=hop,
            )
    for one in written or ():
        found = {each.name: one.name for each in one.secrets or () if each.name and tokens.account(each.name)}
        if found:
            yield finding(
                one,
                f"It names {_told(found)}. {_from(hop)} Where this manifest is applied anew, nothing is behind the "
                "name.",
                remedy=_remedy(found, one.namespace),
                evidence={"secrets": sorted(found)},
                hop=hop,
            )


def _told(found: dict[str, str]) -> str:
    return listed(f"the Secret {name}, generated for the ServiceAccount {one}" for name, one in found.items())


def _from(hop: Hop) -> str:
    return f"From {hop.end} on none is generated any more."


def _remedy(found: dict[str, str], namespace: str) -> str:
    account = next(iter(found.values()))
    inside = in_namespace(namespace)
    return (
        "Let the pods use the token that is mounted for them, or a projected volume with a serviceAccountToken. Where "
        "it must be a Secret, make one by a name of your own, and name that:\n"
        f"kubectl{inside} apply -f - <<'END'\n"
        "apiVersion: v1\n"
        "kind: Secret\n"
        "type: kubernetes.io/service-account-token\n"
        f"metadata: {{name: {account}-own-token, annotations: {{kubernetes.io/service-account.name: {account}}}}}\n"
        "END"
    )
