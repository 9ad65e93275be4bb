"""An etcd with an even number of members."""

from collections.abc import Iterator

from kubepreflight.finding import NOTE, WARNING, Finding, Subject, finding
from kubepreflight.rule import rule
from kubepreflight.semantics.etcd_members import EtcdMembers
from kubepreflight.semantics.several import listed


@rule(severity=WARNING, area="control-plane", phase="control-plane-upgrade")
def even_etcd_members(members: EtcdMembers) -> Iterator[Finding]:
    """The number of etcd's members is even.

    Why: etcd works while more than half of its members do. Two members bear the loss of none, four the loss of one,
    as three do: the even member adds a part that can break, and no safety. The upgrade takes every member away once,
    but for those of an etcd that is not kubeadm's: that it does not touch, and of that it is a note.

    What happens: with two members, etcd and with it the API stops each time kubeadm restarts one of them, and when one
    does not come back, only a snapshot helps. With four, no other member may fail while one is being restarted.

    When it stays silent: the number is odd. One member alone is told by single-control-plane. Where etcd runs apart
    from the cluster and only one address is known, or no pod of it is visible, it is not checked. A member that etcd
    still knows though its node is gone is told by etcd-unhealthy, where host facts show it.

    How to see it yourself: kubectl -n kube-system exec etcd-NODE -- etcdctl --endpoints https://127.0.0.1:2379
    --cacert /etc/kubernetes/pki/etcd/ca.crt --cert /etc/kubernetes/pki/etcd/server.crt
    --key /etc/kubernetes/pki/etcd/server.key member list

    References:
        https://etcd.io/docs/latest/faq/#why-an-odd-number-of-cluster-members
        https://kubernetes.io/docs/setup/production-environment/tools/kubeadm/ha-topology/

    """
    count = len(members.names)
    if count % 2:
        return
    quorum = count // 2 + 1
    if members.is_external:
        spare = count - quorum
        others = f"only {spare} may fail" if spare else "none may fail"
        text = (
            f"{quorum} of them must be up, so {others}: no more than with one member less. The upgrade restarts none "
            "of them, since kubeadm leaves an external etcd alone; whoever runs it should know."
        )
    elif count == quorum:
        text = (
            "All of them must be up: the API stops each time kubeadm restarts etcd on one of the nodes, and when one "
            "member does not come back, etcd can only be restored from a snapshot."
        )
    else:
        spare = count - quorum - 1
        others = f"only {spare} other" if spare else "no other"
        text = (
            f"{quorum} of them must be up, so while kubeadm restarts one, {others} may fail: no more than with one "
            "member less."
        )
    yield finding(
        Subject(kind="Etcd", field="members"),
        f"etcd has {count} members: {listed(members.names)}. {text}",
        remedy=_remedy(members),
        places=members.places,
        evidence={"members": members.names},
        severity=NOTE if members.is_external else WARNING,
        phase="after" if members.is_external else None,
    )


def _remedy(members: EtcdMembers) -> str:
    if members.is_external:
        return (
            "Have whoever runs it add a member, or take one out:\n"
            "etcdctl member list\netcdctl member remove MEMBER_ID\n"
            "And take its address out of --etcd-servers and kubeadm-config."
        )
    return (
        "Join one more control-plane node before the upgrade. On a control-plane node:\n"
        "kubeadm init phase upload-certs --upload-certs\nkubeadm token create --print-join-command\n"
        "On the new node, with what the two commands printed:\n"
        "kubeadm join ADDRESS --token TOKEN --discovery-token-ca-cert-hash HASH --control-plane --certificate-key KEY\n"
        "Take a snapshot of etcd in any case."
    )
