"""Command-line flags that the target no longer knows."""

from collections.abc import Iterator, Sequence

from kubepreflight.finding import BLOCKER, Finding, Gap, finding
from kubepreflight.knowledge.flags import Flag
from kubepreflight.rule import rule
from kubepreflight.semantics.flag_fates import FlagFate, FlagFates
from kubepreflight.semantics.setting_words import (
    consequences,
    edits,
    first_refused,
    only_files,
    phase_of,
    severity_of,
    stands,
    subject_of,
)


@rule(severity=BLOCKER, area="configuration", phase="control-plane-upgrade")
def flag_removed(fates: FlagFates) -> Iterator[Finding | Gap]:
    """A flag is set that the target no longer knows.

    Why: flags go some releases after they were deprecated; nobody looks at those that somebody once wrote. kubeadm
    gives them on as they are.

    What happens: the program ends at once with `unknown flag: …`. kubeadm waits for a new static pod in vain, and goes
    back. A kubelet's node stays NotReady from the moment at which it is upgraded. What was only seen in files, or in
    static pods while kubeadm-config is not known, is a warning; so is what today's program refuses, too, where it is
    not seen what that is told.

    When it stays silent: the flag is known on the way to the target, or today's program refuses it already, unless it
    is seen that it runs without it; it stands in a static pod alone, which kubeadm renders anew from kubeadm-config
    (static-pod-edited-by-hand tells that it goes, and must not be carried over); kubeadm itself takes it out of
    kubeadm-flags.env on the way (--pod-infra-container-image with 1.35, --container-runtime with 1.26). A flag that no
    version is known to have is a gap; of etcd only those are known that went with 3.6 and 3.7, and nothing is said of
    an etcd whose image is pinned. A kubelet is judged by the version that it runs. kube-proxy's flags, and patches for
    kubeadm, are not read.

    How to see it yourself: kubectl -n kube-system get configmap kubeadm-config -o yaml | grep -A20 extraArgs, on each
    node: systemctl cat kubelet; cat /var/lib/kubelet/kubeadm-flags.env /etc/default/kubelet, and the new program with
    that flag and --version

    References:
        https://kubernetes.io/docs/reference/command-line-tools-reference/
        https://kubernetes.io/docs/setup/production-environment/tools/kubeadm/control-plane-flags/
        https://kubernetes.io/docs/setup/production-environment/tools/kubeadm/kubelet-integration/

    """
    yield from fates.gaps
    for together in fates.by_flag():
        yield _about(together)


def _about(together: Sequence[FlagFate]) -> Finding:
    settings = [one.setting for one in together]
    first, hop = together[0], together[0].hop
    name, program = f"--{first.flag.name}", first.flag.component
    refusing = first_refused(first.flag.removed, hop) if first.flag.removed else str(hop.end)
    return finding(
        subject_of(settings, f"{program} {name}"),
        f"The flag {name} of {program} is set in {stands(settings)}; {program} of Kubernetes {refusing} does not know "
        f"it (`{first.error}`). {consequences(settings, hop, refusing)}{only_files(settings)}",
        remedy=f"{_instead(first.flag)}{edits(settings, name)}",
        places=[one.place.subject for one in settings],
        severity=severity_of(settings),
        phase=phase_of(settings),
        hop=hop,
    )


def _instead(flag: Flag) -> str:
    since = f" since {flag.deprecated}" if flag.deprecated else ""
    return f"What {flag.component} says of it{since}: {flag.last_message}\n" if flag.last_message else ""
