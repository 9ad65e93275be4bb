"""Command-line flags that go right after the target."""

from collections.abc import Iterator, Sequence

from kubepreflight.finding import NOTE, Finding, Gap, finding
from kubepreflight.knowledge.flags import Flag
from kubepreflight.rule import rule
from kubepreflight.semantics.flag_fates import FlagFates
from kubepreflight.semantics.setting import Setting
from kubepreflight.semantics.setting_words import edits, stands, subject_of


@rule(severity=NOTE, area="configuration", phase="after")
def flag_deprecated(fates: FlagFates) -> Iterator[Finding | Gap]:
    """A flag is set that goes with the minor after the target.

    Why: a flag that is taken out while there is time costs nothing; the upgrade after this one would end with it.

    What happens: in this upgrade nothing. With the next one the program does not start.

    When it stays silent: the flag stays longer, or nobody knows when it goes: deprecation alone is no reason to speak;
    or kubeadm takes it out itself, in this upgrade or the next one (--pod-infra-container-image with 1.35).
    What goes on the way to the target is flag-removed's, which also says where flags are looked for. Removals are known
    up to the newest minor that is known: where that is the target, nothing is said.

    How to see it yourself: journalctl --unit kubelet --grep 'has been deprecated', and kubectl -n kube-system logs of
    the static pods, whose first lines say the same

    References:
        https://kubernetes.io/docs/reference/using-api/deprecation-policy/#deprecating-a-flag-or-cli
        https://kubernetes.io/docs/reference/command-line-tools-reference/

    """
    yield from fates.gaps
    groups: dict[Flag, list[Setting]] = {}
    for setting, flag in fates.next:
        groups.setdefault(flag, []).append(setting)
    for flag, settings in groups.items():
        yield _about(flag, settings)


def _about(flag: Flag, settings: Sequence[Setting]) -> Finding:
    name = f"--{flag.name}"
    said = f" {flag.component} says: {flag.last_message}" if flag.last_message else ""
    return finding(
        subject_of(settings, f"{flag.component} {name}"),
        f"The flag {name} of {flag.component} is set in {stands(settings)}. It goes with {flag.removed}, right after "
        f"this upgrade.{said}",
        remedy=edits(settings, name),
        places=[one.place.subject for one in settings],
    )
