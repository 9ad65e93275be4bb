"""TLS handshakes with the control plane's own servers, to see which certificates they show.

Nothing is sent but the handshake, and nothing verified: whether a certificate is good is for rules to say. etcd asks
for a client's certificate, but since TLS 1.3 it shows its own first.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import NamedTuple
from urllib.parse import urlsplit

from kubepreflight.finding import Gap
from kubepreflight.host import last_flag
from kubepreflight.objects import Node, Pod
from kubepreflight.progress import SILENT, Progress
from kubepreflight.semantics.certificates import parse_certificates
from kubepreflight.semantics.served import OPT_IN, Handshakes, Server, Shown
from kubepreflight.snapshot import Collector

SECONDS = 2.0
"""For the connection, and for each step of the handshake."""
ALL_SECONDS = 10.0
SIDE_BY_SIDE = 16
MOST_NODES = 25
"""More control-plane nodes than this is no cluster of kubeadm's; a list from the API must not make a port scan."""
KUBELET_PORT, SERVER_PORT = 10250, 6443


class Target(NamedTuple):
    """One server of a node."""

    node: str
    server: Server
    host: str
    port: int

    @property
    def address(self) -> str:
        """As people write it."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def read_handshakes(collector: Collector, progress: Progress = SILENT) -> None:
    """Ask every server of the control plane that the collector's nodes and pods tell of, if that was opted in to."""
    if OPT_IN in collector.opted_in:
        with progress.step("handshakes"):
            collector.give(shake_hands(targets(collector.seen(Node), collector.seen(Pod))))


def targets(nodes: Sequence[Node], pods: Sequence[Pod]) -> tuple[Target, ...]:
    """The servers on the control-plane nodes' own addresses, by the flags of their static pods."""
    found: list[Target] = []
    for node in sorted((one for one in nodes if one.is_control_plane), key=lambda one: one.name)[:MOST_NODES]:
        host = _internal_address(node)
        if host:
            found.append(Target(node.name, "kubelet", host, KUBELET_PORT))
            found += (Target(node.name, server, host, port) for server, port in _ports(node, pods))
    return tuple(dict.fromkeys(found))


def _internal_address(node: Node) -> str:
    for one in node.status.addresses or ():
        if one.type == "InternalIP":
            try:
                return str(ipaddress.ip_address(one.address))
            except ValueError:
                continue
    return ""


def _ports(node: Node, pods: Sequence[Pod]) -> Iterator[tuple[Server, int]]:
    for pod in pods:
        if pod.namespace != "kube-system" or pod.spec.node_name != node.name or not pod.is_mirror:
            continue
        words = [word for one in pod.spec.containers or () for word in (*(one.command or ()), *(one.args or ()))]
        match pod.labels.get("component"):
            case "kube-apiserver":
                port = last_flag(words, "secure-port") or str(SERVER_PORT)
                yield from (("kube-apiserver", int(port)) for _ in [0] if _is_port(port))
            case "etcd":
                yield from (("etcd", port) for port in _of_urls(last_flag(words, "advertise-client-urls")))
                yield from (("etcd-peer", port) for port in _of_urls(last_flag(words, "initial-advertise-peer-urls")))


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdigit() and 0 < int(text[:6]) < 1 << 16


def _of_urls(urls: str | None) -> Iterator[int]:
    for url in (urls or "").split(","):
        try:
            parts = urlsplit(url)
            if parts.scheme == "https" and parts.port:
                yield parts.port
        except ValueError:
            continue


def shake_hands(asked: Sequence[Target]) -> Handshakes:
    """What each of them shows, within ALL_SECONDS; for each node one gap for those that showed nothing."""
    if not asked:
        return Handshakes(gaps=(_gap("", "no control-plane node with an address is known"),))
    context = _context()
    pool = ThreadPoolExecutor(SIDE_BY_SIDE, thread_name_prefix="handshake")
    futures = {one: pool.submit(_certificate, one, context) for one in asked}
    wait(futures.values(), ALL_SECONDS)
    pool.shutdown(wait=False, cancel_futures=True)
    shown: list[Shown] = []
    failures: dict[str, list[str]] = {}
    for one, future in futures.items():
        der, problem = _outcome(future)
        certificates, problems = parse_certificates(der, one.address) if der else ((), (problem,))
        if certificates:
            it = Shown(node=one.node, server=one.server, address=one.address, certificate=certificates[0])
            shown.append(it)
        else:
            failures.setdefault(one.node, []).append(f"{one.server} at {one.address}: {problems[0]}")
    return Handshakes(tuple(shown), tuple(_gap(node, "; ".join(said)) for node, said in failures.items()))


def _gap(node: str, reason: str) -> Gap:
    how = "scan from where the control-plane nodes can be reached, as from one of them; or without the opt-in"
    return Gap(input="served certificates", subject=node, reason=reason, how=how, asked=True)


def _outcome(future: Future[bytes]) -> tuple[bytes, str]:
    if not future.done() or future.cancelled():
        return b"", f"no answer within {ALL_SECONDS:.0f} s"
    error = future.exception()
    if error is None:
        return future.result(), ""
    if isinstance(error, TimeoutError):
        return b"", f"no answer within {SECONDS:.0f} s"
    return b"", (getattr(error, "reason", None) or getattr(error, "strerror", None) or str(error))[:200]


def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def _certificate(target: Target, context: ssl.SSLContext) -> bytes:
    """The certificate that it shows, as DER. Without a server name: clients that connect to an address send none."""
    with (
        socket.create_connection((target.host, target.port), timeout=SECONDS) as plain,
        context.wrap_socket(plain) as secure,
    ):
        return secure.getpeercert(binary_form=True) or b""
