"""Pods that two budgets cover, which no drain evicts."""

from collections.abc import Iterator
from shlex import quote

from kubepreflight.finding import BLOCKER, Finding, Gap, finding
from kubepreflight.rule import rule
from kubepreflight.semantics.eviction import Budgets, Overlap
from kubepreflight.semantics.kubectl import in_namespace
from kubepreflight.semantics.several import listed


@rule(severity=BLOCKER, area="drain", phase="node-upgrade")
def drain_blocked_by_two_budgets(budgets: Budgets) -> Iterator[Finding | Gap]:
    """Two PodDisruptionBudgets cover the same pods, and the eviction API evicts none of those.

    Why: a chart brings a budget, somebody adds another one for the same label, and nothing says a word: each of them
    has room. But the eviction API can only ask one budget. For a pod that more than one covers it answers with an
    error, however much room they have.

    What happens: `kubectl drain` ends with `This pod has more than one PodDisruptionBudget, which the eviction
    subresource does not support.` It does not try again, as it does for a budget without room. The node stays cordoned,
    and the pod runs on.

    When it stays silent: one budget at most covers each pod that a drain would evict, and each template in the
    manifests. Pods that have ended, have not begun, or are going already are evicted without asking a budget. Parts of
    budgets that an overlay lays over others (without a selector of their own) count for none.

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
    namespace = in_namespace(first.namespace)
    files = sorted({one.subject.file for one in overlap.budgets if one.subject.file})
    what = "the same pods" if overlap.pods else "the pods of one template"
    from_files = f"\nTake it out of {listed(files)}, too." if files else ""
    return finding(
        first,
        f"The PodDisruptionBudgets {listed(names)} cover {what}. The eviction API evicts no pod that more than one "
        "budget covers, whatever room they have: kubectl drain ends with an error there.",
        remedy=f"See what each of them wants, and who brought it:\n"
        f"kubectl{namespace} get poddisruptionbudget {' '.join(map(quote, names))} -o yaml\n"
        f"Keep one, or change the selectors until no pod is covered twice:\n"
        f"kubectl{namespace} delete poddisruptionbudget NAME{from_files}",
        field=" ".join(one.name for one in others),
        places=overlap.pods or overlap.templates,
        evidence={"budgets": names, "pods": len(overlap.pods)} if overlap.pods else {"budgets": names},
    )
