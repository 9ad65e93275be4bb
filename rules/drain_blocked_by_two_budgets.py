"""Pods that two budgets cover, which no drain evicts."""

from collections.abc import Iterator
from shlex import quote

from kubepreflight.finding import BLOCKER, WARNING, Finding, Gap, finding
from kubepreflight.rule import rule
from kubepreflight.semantics.eviction import Budgets
from kubepreflight.semantics.kubectl import in_namespace
from kubepreflight.semantics.overlaps import Overlap
from kubepreflight.semantics.several import listed


@rule(severity=BLOCKER, area="drain", phase="node-upgrade")
def drain_blocked_by_two_budgets(budgets: Budgets) -> Iterator[Finding | Gap]:
    """Two PodDisruptionBudgets cover the same pods, and the eviction API evicts none of those.

    Why: a chart brings a budget, somebody adds another one for the same label, and nothing says a word: each of them
    has room. But the eviction API can only ask one budget. For a pod that more than one covers it answers with an
    error, however much room they have.

    What happens: `kubectl drain` ends with `This pod has more than one PodDisruptionBudget, which the eviction
    subresource does not support.` It does not try again, as it does for a budget without room. The node stays cordoned,
    and the pod runs on. It is a warning where only manifests say so that may be meant for several namespaces or
    clusters: they name no namespace, or what they add to the cluster's own budgets lies in several folders, or the
    kustomization beside them leaves it out.

    When it stays silent: one budget at most covers each pod that a drain would evict, and each template in the
    manifests. Nor do budgets meet to which the kustomizations beside them give different namespaces. Pods that have
    ended, have not begun, or are going already are evicted without asking a budget. Parts of budgets that an overlay
    lays over others (without a selector of their own) count for none.

    How to see it yourself: kubectl get poddisruptionbudgets --all-namespaces -o wide, and compare the selectors;
    kubectl drain NODE --ignore-daemonsets --dry-run=server

    References:
        https://kubernetes.io/docs/tasks/run-application/configure-pdb/
        https://kubernetes.io/docs/concepts/scheduling-eviction/api-eviction/#how-api-initiated-eviction-works

    """
    for overlap in budgets.overlaps:
        yield _finding(overlap)


def _finding(overlap: Overlap) -> Finding:
    first, *others = overlap.budgets
    names = [one.name for one in overlap.budgets]
    namespace = in_namespace(overlap.namespace)
    files = sorted({one.subject.file for one in overlap.budgets if one.subject.file})
    what = "the same pods" if overlap.pods else "the pods of one template"
    from_files = f"\nTake it out of {listed(files)}, too." if files else ""
    look = f"kubectl{namespace} get poddisruptionbudget {' '.join(map(quote, names))} -o yaml"
    if overlap.is_certain:
        cover, lead = "cover", "See what each of them wants, and who brought it:"
    else:
        cover = "would cover"
        what += ", should their manifests come to one namespace of one cluster"
        lead = "See whether they do. If not, all is well; else see what each of them wants, once they are applied:"
    return finding(
        first,
        f"The PodDisruptionBudgets {listed(names)} {cover} {what}. The eviction API evicts no pod that more than one "
        "budget covers, whatever room they have: kubectl drain ends with an error there.",
        remedy=f"{lead}\n{look}\n"
        f"Keep one, or change the selectors until no pod is covered twice:\n"
        f"kubectl{namespace} delete poddisruptionbudget NAME{from_files}",
        field=" ".join(one.name for one in others),
        places=overlap.pods or overlap.templates,
        evidence={"budgets": names, "pods": len(overlap.pods)} if overlap.pods else {"budgets": names},
        severity=BLOCKER if overlap.is_certain else WARNING,
    )
