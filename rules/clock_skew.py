"""Nodes whose clocks are apart, or that nothing keeps right."""

from collections.abc import Iterator
from datetime import timedelta

from kubepreflight.finding import BLOCKER, NOTE, WARNING, Finding, Gap, finding
from kubepreflight.host import Host, Missing
from kubepreflight.knowledge.nodes import ClockTolerance, NodeNeeds
from kubepreflight.rule import rule
from kubepreflight.semantics.clocks import Off, clocks_off
from kubepreflight.semantics.moments import duration
from kubepreflight.semantics.several import common_subject, listed

SET_IT = (
    "On each of them, as root; let one service keep the clock, and see that it does:\n"
    "timedatectl set-ntp true   # or: systemctl enable --now chronyd\n"
    "timedatectl status         # System clock synchronized: yes\n"
    "A clock that is far off is better set while the node is drained:\n"
    "  chronyc makestep"
)


@rule(severity=BLOCKER, area="nodes", phase="before")
def clock_skew(hosts: list[Host], needs: NodeNeeds) -> Iterator[Finding | Gap]:
    """The clock of a node is wrong, or nothing keeps it right.

    Why: certificates and tokens have a beginning. What one node issues is not valid yet on another whose clock is
    behind. Service account tokens are taken up to a minute before their time; certificates that the cluster signs are
    dated five minutes back.

    What happens: an upgrade moves every pod and restarts every kubelet and API server, so that new tokens and
    certificates are made all the time. Beyond a minute, pods that were just started are refused (401) by the API server
    of another node; beyond five (a blocker), a kubelet cannot use the certificate that it was just given. Times in logs
    no longer tell what came first.

    When it stays silent: the clocks agree within a minute, and every node's own time service or kernel says that its
    clock is synchronized. The clocks are compared by when `kubepreflight collect` asked and had its answer, so a slow
    login blurs them by as much; an archive that was carried here by hand tells nothing of that. With one or two nodes
    it is the clock of the collecting machine that they are held against: a warning at most. Where nothing keeps a clock
    that was seen to be right, which may be the hypervisor's doing, it is a note.

    How to see it yourself: timedatectl status, or chronyc tracking, on each node

    References:
        https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/
        https://www.freedesktop.org/software/systemd/man/latest/timedatectl.html

    """
    off = clocks_off(hosts, needs.clock.tokens)
    wrong = [one for one in off if one.reference == "the other nodes" and abs(one.seconds) > needs.clock.certificates]
    for severity, same in ((BLOCKER, wrong), (WARNING, [one for one in off if one not in wrong])):
        if same:
            yield finding(
                common_subject([one.host for one in same], "clock off" if severity is WARNING else "clock far off"),
                _says(same, needs.clock),
                remedy=SET_IT,
                places=[one.host for one in same],
                severity=severity,
            )
    unkept: dict[bool, list[Host]] = {}
    for host in hosts:
        clock = host.machine.clock
        measured = _is_known(clock.ahead, needs.clock) and all(one.host is not host for one in off)
        if isinstance(clock.synchronized, Missing):
            if not measured:
                yield host.cannot_check("clock", clock.synchronized)
        elif not clock.synchronized:
            unkept.setdefault(measured, []).append(host)
    for measured, several in sorted(unkept.items()):
        yield _unkept(several, measured=measured)


def _is_known(ahead: tuple[float, float] | Missing, tolerance: ClockTolerance) -> bool:
    return not isinstance(ahead, Missing) and ahead[1] - ahead[0] <= tolerance.tokens


def _says(off: list[Off], tolerance: ClockTolerance) -> str:
    told = listed(
        f"{one.host.name} is {duration(timedelta(seconds=one.seconds))} {'ahead of' if one.seconds > 0 else 'behind'} "
        f"{one.reference}"
        for one in off
    )
    far = any(abs(one.seconds) > tolerance.certificates for one in off)
    return (
        f"Clocks are apart: {told}. What one node issues, another takes for not valid yet: service account tokens"
        + (", and the certificates that the cluster signs for kubelets." if far else ".")
    )


def _unkept(hosts: list[Host], *, measured: bool) -> Finding:
    names, alone = listed(host.name for host in hosts), len(hosts) == 1
    it = ("it was", "it was", "it is") if alone else ("they were", "they were", "they are")
    return finding(
        common_subject(hosts, "clock not synchronized"),
        f"Nothing keeps the {'clock' if alone else 'clocks'} of {names} right, by the word of the system there. "
        + (f"When {it[0]} looked at, {it[1]} right." if measured else f"How far off {it[2]} could not be seen."),
        remedy=SET_IT,
        places=hosts,
        evidence={"told by": [f"{host.name}: {host.machine.clock.told_by}" for host in hosts]},
        severity=NOTE if measured else WARNING,
    )
