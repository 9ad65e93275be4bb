"""What upstream's release notes ask to look at before an upgrade, as far as no other rule does."""

from collections.abc import Iterator

from kubepreflight.finding import WARNING, Finding, Gap
from kubepreflight.knowledge.upgrade_notes import UpgradeNotes
from kubepreflight.rule import rule
from kubepreflight.semantics.note_findings import findings_of
from kubepreflight.semantics.settings import Settings
from kubepreflight.semantics.upgrade_signs import UpgradeSigns
from kubepreflight.upgrade import Upgrade


@rule(severity=WARNING, area="apis", phase="control-plane-upgrade")
def urgent_upgrade_note(
    notes: UpgradeNotes, signs: UpgradeSigns, upgrade: Upgrade, settings: Settings | None = None
) -> Iterator[Finding | Gap]:
    """Upstream's release notes ask for something before this upgrade.

    Why: each minor comes with notes that one must read before the upgrade, and they are long. Here those are looked
    at that show in this cluster, and are no other rule's matter. Each has a name of its own, under which it is
    reported.

    What happens: what the note says. A warning where something stops working without a word: flexVolumes without their
    drivers' folder, alerts on metrics that have another name, permissions that no longer suffice, claims whose state
    has another name, eventRecordQPS 0. A note where something is only deprecated, or passed over.

    When it stays silent: no hop of the plan comes to the note's minor; or nothing of what it is about is there, or will
    be once the manifests are applied: a manifest counts in place of what it replaces. A permission that is missing from
    one role may come from another; that is not followed. Dashboards, lists of allowed registries, and whatever is
    neither in the cluster nor in manifests are not looked at; the table `urgent-notes` says of every urgent note since
    1.24 which rule looks at it, and why none does.

    How to see it yourself: https://github.com/kubernetes/kubernetes/tree/master/CHANGELOG, "Urgent Upgrade Notes"

    References:
        https://github.com/kubernetes/kubernetes/tree/master/CHANGELOG
        https://kubernetes.io/docs/reference/using-api/deprecation-policy/

    """
    yield from findings_of(notes.notes, signs, settings, upgrade)
