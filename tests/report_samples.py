"""Reports as scans make them: of a small cluster in trouble, a healthy one, a very large one, a hostile one."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from kubepreflight.finding import Evidence, Gap, Phase, Severity, Subject
from kubepreflight.report import (
    SCHEMA,
    CertificateRow,
    Cluster,
    CoverageStatus,
    KnowledgeRecord,
    NodeRow,
    Report,
    ReportFinding,
    ReportHop,
    ReportUpgrade,
    ReportWaiver,
    RuleCoverage,
    SourceRecord,
    Tool,
    Verdict,
)

START = datetime(2020, 3, 2, 8, tzinfo=UTC)
CONTROL_PLANES = ("cp1", "cp2", "cp3")
WORKERS = ("w1", "w2", "w3", "gpu1")
HOP = ReportHop(start="1.15", end="1.16")

_LEAVES = (
    "admin.conf",
    "apiserver",
    "apiserver-etcd-client",
    "apiserver-kubelet-client",
    "controller-manager.conf",
    "etcd-healthcheck-client",
    "etcd-peer",
    "etcd-server",
    "front-proxy-client",
    "scheduler.conf",
)
_AUTHORITIES = ("ca", "etcd-ca", "front-proxy-ca")


def make_finding(
    rule: str,
    subject: Subject,
    message: str,
    remedy: str,
    *,
    severity: Severity = Severity.BLOCKER,
    area: str = "drain",
    phase: Phase = Phase.NODE_UPGRADE,
    places: tuple[Subject, ...] = (),
    evidence: dict[str, Evidence] | None = None,
    references: tuple[str, ...] = ("https://kubernetes.io/docs/tasks/administer-cluster/kubeadm/kubeadm-upgrade/",),
    waiver: ReportWaiver | None = None,
    fingerprint: str = "",
    hop: ReportHop | None = HOP,
) -> ReportFinding:
    shown = places or (subject,)
    return ReportFinding(
        rule=rule,
        severity=severity,
        area=area,
        phase=phase,
        hop=hop,
        subject=subject,
        places=shown,
        count=len(shown),
        message=message,
        evidence=evidence or {},
        remedy=remedy,
        references=references,
        fingerprint=fingerprint or hash_of(rule, str(subject)),
        waiver=waiver,
    )


def hash_of(*parts: str) -> str:
    """16 hex digits that are the same in every run."""
    text = "\0".join(parts).encode("utf-8", "surrogatepass")
    return hashlib.sha256(text).hexdigest()[:16]


def make_report(
    findings: tuple[ReportFinding, ...] = (),
    *,
    verdict: Verdict = Verdict.NO_GO,
    summary: str = "",
    coverage: tuple[RuleCoverage, ...] = (),
    gaps: tuple[Gap, ...] = (),
    nodes: tuple[NodeRow, ...] = (),
    certificates: tuple[CertificateRow, ...] = (),
    name: str = "home-cluster",
    upgrade: ReportUpgrade | None = None,
    sources: tuple[SourceRecord, ...] = (),
) -> Report:
    plan = ReportUpgrade(
        start="1.15.12", to="1.16", hops=(HOP,), planned_start=START, planned_end=START + timedelta(days=14)
    )
    return Report(
        schema=SCHEMA,
        cluster=Cluster(
            name=name,
            id="0b7a2c1e-6d55-4d7e-9c02-5a1f6f3f8d11",
            server="https://k8s.home.example:6443",
            version="v1.15.12",
            nodes=len(nodes),
        ),
        upgrade=upgrade or plan,
        verdict=verdict,
        summary=summary or f"{len(findings)} findings",
        findings=findings,
        coverage=coverage,
        gaps=gaps,
        sources=sources,
        knowledge=(
            KnowledgeRecord(table="API lifecycle", start="1.8", end="1.37", date="2026-11-20"),
            KnowledgeRecord(table="version skew", start="1.14", end="1.37", date="2026-11-18"),
            KnowledgeRecord(table="addons/kubeflow", start="1.11", end="1.34", date="2026-10-02"),
        ),
        tool=Tool(name="kubepreflight", version="0.1.0"),
        created=START - timedelta(days=1, hours=3),
        nodes=nodes,
        certificates=certificates,
    )


def home_cluster() -> Report:
    """The small cluster in trouble: everything that a report can show, once."""
    findings = tuple(_home_findings())
    return make_report(
        findings,
        summary="4 blockers, 3 warnings, 3 notes; manifests not looked at; nodes: w3 not looked at",
        coverage=tuple(_home_coverage(findings)),
        gaps=(
            Gap(
                input="Deployment",
                subject="Deployment kubeflow/centraldashboard (dump/deployments.yaml:412)",
                reason="cannot be decoded: Expected `int | null`, got `str` - at `$.spec.replicas`",
                how="mend it, or leave it out with --exclude",
                asked=True,
            ),
            Gap(
                input="Deployment",
                subject="Deployment kubeflow/minio (dump/deployments.yaml:997)",
                reason="cannot be decoded: Expected `object`, got `array` - at `$.spec.template`",
                how="mend it, or leave it out with --exclude",
                asked=True,
            ),
        ),
        nodes=tuple(_home_nodes()),
        certificates=tuple(_home_certificates()),
        sources=(
            SourceRecord(kind="dump", name="examples/home-cluster/dump", detail="41 files, 1,204 objects"),
            SourceRecord(kind="host", name="examples/home-cluster/hosts.tar", detail="6 nodes"),
            SourceRecord(
                kind="configuration", name="examples/home-cluster/kubepreflight.toml", detail="target, date, window"
            ),
        ),
    )


def _home_findings() -> Iterator[ReportFinding]:
    yield make_finding(
        "certificate-expires-in-window",
        Subject(kind="Node", name="cp2", node="cp2", field="apiserver"),
        "10 certificates of cp2 end on 2020-03-03 at 02:13 UTC, between the upgrade of cp1 and that of cp2. From then "
        "on the API server of cp2 refuses every connection, and its etcd member leaves the cluster.",
        "Renew them on cp2 before the work begins, then restart the four static pods:\n"
        "    kubeadm alpha certs renew all\n"
        "    crictl ps -q --label tier=control-plane | xargs -r crictl stop\n"
        "and look again with `kubeadm alpha certs check-expiration`.",
        area="certificates",
        phase=Phase.CONTROL_PLANE_UPGRADE,
        places=tuple(Subject(node="cp2", file=f"/etc/kubernetes/pki/{name}.crt", field=name) for name in _LEAVES),
        evidence={
            "ends": "2020-03-03T02:13:00Z",
            "planned": "2020-03-02T08:00:00Z to 2020-03-16T08:00:00Z",
            "renewed by the upgrade": False,
        },
        references=("https://kubernetes.io/docs/tasks/administer-cluster/kubeadm/kubeadm-certs/",),
    )
    yield make_finding(
        "certificate-expires-in-window",
        Subject(kind="Node", name="cp3", node="cp3", field="apiserver"),
        "10 certificates of cp3 end on 2020-03-03 at 02:14 UTC, between the upgrade of cp1 and that of cp3.",
        "Renew them on cp3 before the work begins: kubeadm alpha certs renew all",
        area="certificates",
        phase=Phase.CONTROL_PLANE_UPGRADE,
        places=tuple(Subject(node="cp3", file=f"/etc/kubernetes/pki/{name}.crt", field=name) for name in _LEAVES),
        evidence={"ends": "2020-03-03T02:14:00Z"},
    )
    yield make_finding(
        "drain-blocked-by-budget",
        Subject(api_version="policy/v1beta1", kind="PodDisruptionBudget", namespace="istio-system", name="istio-pilot"),
        "The budget asks for 1 available pod of istio-pilot and there is 1: no eviction is ever allowed, and "
        "`kubectl drain w2` waits without end.",
        "Give it a second replica while the nodes are upgraded:\n"
        "    kubectl -n istio-system scale deployment istio-pilot --replicas=2",
        places=(Subject(kind="Pod", namespace="istio-system", name="istio-pilot-7d9f8c6b5-x2kqz", node="w2"),),
        evidence={"minAvailable": 1, "disruptionsAllowed": 0, "currentHealthy": 1, "expectedPods": 1},
        references=("https://kubernetes.io/docs/tasks/run-application/configure-pdb/",),
    )
    yield make_finding(
        "drain-stops-at-bare-pod",
        Subject(api_version="v1", kind="Pod", namespace="default", name="debug", node="w1"),
        "No controller owns this pod: drain refuses to touch the node, and with `--force` the pod is gone for good.",
        "Delete it if nobody needs it, else make a Deployment of it: kubectl -n default delete pod debug",
        evidence={"node": "w1", "created": "2019-11-07T15:22:09Z", "owner": "none"},
    )
    yield make_finding(
        "package-not-held",
        Subject(kind="Node", name="w2", node="w2", field="kubelet"),
        "kubelet is not held on w2: the next `apt-get upgrade` moves it to 1.17.4, above the API server, "
        "and the node's pods no longer start.",
        "apt-mark hold kubelet kubeadm kubectl",
        severity=Severity.WARNING,
        area="packages",
        phase=Phase.BEFORE,
        evidence={"installed": "1.15.12-00", "candidate": "1.17.4-00", "held": ["kubeadm", "kubectl"]},
    )
    yield make_finding(
        "addon-unsupported",
        Subject(api_version="apps/v1", kind="Deployment", namespace="kubeflow", name="centraldashboard"),
        "Kubeflow 0.7.0 is tested by its makers on Kubernetes 1.11 to 1.15. On 1.16 its profile controller and its "
        "notebook controller ask for API versions that are gone.",
        "Move Kubeflow to 1.0 first; it runs on 1.15 and on 1.16.",
        severity=Severity.WARNING,
        area="compatibility",
        phase=Phase.AFTER,
        places=tuple(
            Subject(kind="Deployment", namespace="kubeflow", name=name)
            for name in ("centraldashboard", "jupyter-web-app", "notebook-controller", "profiles", "katib-ui", "minio")
        ),
        evidence={"version": "0.7.0", "supported": ["1.11", "1.12", "1.13", "1.14", "1.15"], "image": "v0.7.0"},
        references=("https://www.kubeflow.org/docs/started/k8s/overview/",),
    )
    yield make_finding(
        "drain-stops-at-local-storage",
        Subject(api_version="apps/v1", kind="StatefulSet", namespace="monitoring", name="prometheus"),
        "Its pods keep data in emptyDir: drain stops at them, and with `--delete-local-data` the last two hours of "
        "measurements are lost.",
        "Accept the loss by draining with `--delete-local-data`, or give it a claim.",
        severity=Severity.WARNING,
        places=tuple(Subject(kind="Pod", namespace="monitoring", name=f"prometheus-{n}", node="w3") for n in range(2)),
        evidence={"volumes": ["wal", "config-out"]},
    )
    yield make_finding(
        "package-repository-wrong-minor",
        Subject(kind="Node", name="cp1", node="cp1"),
        "The package repository serves 1.15: switch it to 1.16 before kubeadm is upgraded.",
        "On each node, replace the repository and look what it offers:\n"
        "    sed -i 's/v1.15/v1.16/' /etc/apt/sources.list.d/kubernetes.list\n"
        "    apt-get update && apt-cache madison kubeadm",
        severity=Severity.NOTE,
        area="packages",
        phase=Phase.BEFORE,
        places=tuple(Subject(kind="Node", name=name, node=name) for name in CONTROL_PLANES + WORKERS[:3]),
    )
    yield make_finding(
        "single-replica-outage",
        Subject(api_version="apps/v1", kind="Deployment", namespace="home", name="homeassistant"),
        "One replica: it is away for as long as its node is drained, about two minutes.",
        "Tell those who use it.",
        severity=Severity.NOTE,
        references=(),
    )
    yield make_finding(
        "addon-unknown",
        Subject(api_version="apps/v1", kind="Deployment", namespace="cert-manager", name="cert-manager"),
        "cert-manager is there, and its image tag `latest` tells no version.",
        "Look up the version, and compare with the matrix: kubectl -n cert-manager logs deploy/cert-manager | head -1",
        severity=Severity.NOTE,
        area="compatibility",
        phase=Phase.AFTER,
        evidence={"image": "quay.io/jetstack/cert-manager-controller:latest"},
    )
    yield make_finding(
        "even-etcd-members",
        Subject(kind="Node", name="cp4", node="cp4"),
        "A fourth etcd member was added on cp4 and has no vote that helps.",
        "Remove it after the upgrade.",
        severity=Severity.WARNING,
        area="control-plane",
        phase=Phase.CONTROL_PLANE_UPGRADE,
        waiver=ReportWaiver(reason="cp4 replaces cp3 next week", owner="platform team", expires="2020-03-31"),
    )


def _home_coverage(findings: tuple[ReportFinding, ...]) -> Iterator[RuleCoverage]:
    areas = {one.rule: one.area for one in findings}
    manifests = Gap(
        input="manifests",
        reason="no manifests were given",
        how="name the folder that holds them: kubepreflight scan --live FOLDER",
    )
    missing = Gap(
        input="hosts",
        subject="w3",
        reason="no facts from this node, though others were given",
        how="kubepreflight collect --ssh w3 --to hosts/",
        asked=True,
    )
    handshake = Gap(input="TLS handshakes", reason="an offline scan connects to nothing", how="scan the live cluster")
    for rule, area in sorted(areas.items()):
        hosts = area in {"packages", "certificates"}
        yield RuleCoverage(
            rule=rule,
            area=area,
            status=CoverageStatus.PARTIAL if hosts else CoverageStatus.CHECKED,
            gaps=(missing,) if hosts else (),
        )
    for rule in ("kubelet-newer-than-api-server", "kubelet-too-old", "kube-proxy-skew", "node-not-ready"):
        yield RuleCoverage(rule=rule, area="versions", status=CoverageStatus.CHECKED)
    for rule in ("removed-api", "api-not-yet-served", "custom-resource-version-gone", "object-only-in-this-cluster"):
        yield RuleCoverage(rule=rule, area="apis", status=CoverageStatus.NOT_CHECKED, gaps=(manifests,))
    yield RuleCoverage(
        rule="served-certificate-is-stale", area="certificates", status=CoverageStatus.NOT_CHECKED, gaps=(handshake,)
    )
    yield RuleCoverage(
        rule="ceph-unhealthy",
        area="storage",
        status=CoverageStatus.CRASHED,
        traceback='Traceback (most recent call last):\n  File "ceph_unhealthy.py", line 31, in ceph_unhealthy\n'
        "    health = cluster.status.ceph.health\nAttributeError: 'NoneType' object has no attribute 'health'\n",
    )
    yield RuleCoverage(rule="clock-skew", area="nodes", status=CoverageStatus.DISABLED)


def _home_nodes() -> Iterator[NodeRow]:
    for name in CONTROL_PLANES + WORKERS:
        control_plane = name in CONTROL_PLANES
        known = name != "w3"
        yield NodeRow(
            name=name,
            roles=("control-plane",) if control_plane else (),
            kubelet="v1.15.12" if name != "w1" else "v1.15.3",
            runtime="docker://18.9.7",
            os="Ubuntu 18.04.4 LTS",
            kernel="4.15.0-88-generic",
            ready=name != "gpu1",
            schedulable=name != "gpu1",
            host_facts=known,
            held=(name != "w2") if known else None,
            packages={"kubeadm": "1.15.12-00", "kubelet": "1.15.12-00", "kubectl": "1.15.12-00"} if known else {},
            drain={"evicted": 6, "stays (DaemonSet)": 5}
            if control_plane
            else {"evicted": 31, "local storage": 4, "no controller": int(name == "w1"), "stays (DaemonSet)": 7},
        )


def _home_certificates() -> Iterator[CertificateRow]:
    year = timedelta(days=365)
    for index, node in enumerate(CONTROL_PLANES):
        end = datetime(2020, 3, 3, 2, 13, tzinfo=UTC) + timedelta(minutes=index) if index else START + year
        for name in _LEAVES:
            yield CertificateRow(
                node=node,
                name=name,
                path=f"/etc/kubernetes/pki/{name}.crt",
                not_before=end - year,
                not_after=end,
                renewed_by_upgrade=True,
            )
        for name in _AUTHORITIES:
            begin = datetime(2018, 5, 2, 10, tzinfo=UTC)
            yield CertificateRow(
                node=node,
                name=name,
                path=f"/etc/kubernetes/pki/{name}.crt",
                not_before=begin,
                not_after=begin + 10 * year,
                is_authority=True,
                renewed_by_upgrade=False,
            )
    for index, node in enumerate((*CONTROL_PLANES, *WORKERS)):
        if node == "w3":
            continue
        end = datetime(2020, 5, 11, 7, tzinfo=UTC) + timedelta(days=23 * index)
        yield CertificateRow(
            node=node,
            name="kubelet-client",
            path="/var/lib/kubelet/pki/kubelet-client-current.pem",
            not_before=end - year,
            not_after=end,
        )
    yield CertificateRow(
        node="gpu1",
        name="kubelet-serving-self-signed",
        path="/var/lib/kubelet/pki/kubelet.crt",
        not_before=datetime(2019, 1, 9, tzinfo=UTC),
        not_after=datetime(2020, 1, 9, tzinfo=UTC),
        renewed_by_upgrade=False,
    )


def healthy_cluster() -> Report:
    """A cluster in good order, everything looked at."""
    rules = ("kubelet-too-old", "certificate-expired", "package-not-held", "drain-blocked-by-budget")
    areas = ("versions", "certificates", "packages", "drain")
    return make_report(
        verdict=Verdict.GO,
        summary="nothing stands in the way; all 4 rules checked",
        coverage=tuple(
            RuleCoverage(rule=rule, area=area, status=CoverageStatus.CHECKED)
            for rule, area in zip(rules, areas, strict=True)
        ),
        nodes=tuple(node for node in _home_nodes() if node.name.startswith("cp")),
    )


def large_cluster(findings: int = 2000, nodes: int = 200) -> Report:
    """A report of thousands of findings over hundreds of nodes and several hops."""
    hops = tuple(ReportHop(start=f"1.{minor}", end=f"1.{minor + 1}") for minor in range(31, 34))
    plan = ReportUpgrade(
        start="1.31.9", to="1.34", hops=hops, planned_start=START, planned_end=START + timedelta(days=28)
    )
    rules = [
        ("removed-api", "apis", Phase.AFTER),
        ("drain-stops-at-local-storage", "drain", Phase.NODE_UPGRADE),
        ("single-replica-outage", "drain", Phase.NODE_UPGRADE),
        ("package-not-held", "packages", Phase.BEFORE),
        ("addon-unknown", "compatibility", Phase.AFTER),
        ("feature-gate-removed", "configuration", Phase.CONTROL_PLANE_UPGRADE),
    ]
    found = []
    for index in range(findings):
        rule, area, phase = rules[index % len(rules)]
        severity = list(Severity)[0 if index < findings // 20 else 1 if index < findings // 3 else 2]
        subject = Subject(
            api_version="apps/v1", kind="Deployment", namespace=f"team-{index % 40:02}", name=f"service-{index:05}"
        )
        found.append(
            make_finding(
                rule,
                subject,
                f"Something about service-{index:05} that stops working when the node below it is drained, told in "
                "a sentence of the usual length.",
                f"Look at it, and give it a second replica:\n    kubectl -n {subject.namespace} scale deployment "
                f"{subject.name} --replicas=2",
                severity=severity,
                area=area,
                phase=phase,
                hop=hops[index % 3],
                places=tuple(
                    Subject(kind="Pod", namespace=subject.namespace, name=f"{subject.name}-{n}", node=f"node-{n:03}")
                    for n in range(index % 60)
                ),
                evidence={"replicas": 1, "image": "registry.example/team/service:1.2.3"},
            )
        )
    found.sort(key=lambda one: (one.severity.rank, str(one.hop), one.phase.rank, one.rule))
    rows = tuple(
        NodeRow(
            name=f"node-{n:03}.rack-{n % 20:02}.cluster.example",
            roles=("control-plane",) if n < 5 else (),
            kubelet="v1.31.9",
            runtime="containerd://1.7.27",
            os="Ubuntu 24.04.2 LTS",
            kernel="6.8.0-57-generic",
            ready=True,
            schedulable=True,
            host_facts=n % 7 != 0,
            held=(n % 50 != 3) if n % 7 else None,
            drain={"evicted": 20 + n % 30, "local storage": n % 4},
        )
        for n in range(nodes)
    )
    year = timedelta(days=365)
    certificates = tuple(
        CertificateRow(
            node=row.name,
            name=f"system:node:{row.name}:{name}",
            path=f"/var/lib/kubelet/pki/{name}.pem",
            not_before=START - timedelta(days=n % 360),
            not_after=START - timedelta(days=n % 360) + year,
        )
        for n, row in enumerate(rows)
        for name in ("kubelet-client-current", "kubelet-server-current")
    )
    return make_report(
        tuple(found),
        summary=f"100 blockers, 566 warnings, {findings - 666:,} notes; everything offered was looked at",
        upgrade=plan,
        name="production-eu-1",
        nodes=rows,
        certificates=certificates,
        coverage=tuple(RuleCoverage(rule=rule, area=area, status=CoverageStatus.CHECKED) for rule, area, _ in rules),
    )


def filled_with(text: str) -> Report:
    """A report in which every text that could come from a cluster, a file or a rule pack is `text`."""
    subject = Subject(api_version=text, kind=text, namespace=text, name=text, node=text, file=text, line=7, field=text)
    gap = Gap(input=text, reason=text, subject=text, how=text, asked=True)
    hop = ReportHop(start=text, end=text)
    finding = ReportFinding(
        rule=text,
        severity=Severity.BLOCKER,
        area=text,
        phase=Phase.BEFORE,
        hop=hop,
        subject=subject,
        places=(subject, Subject(name=text)),
        count=2,
        message=text,
        evidence={text: text, "list": [text, text], "number": 1.5},
        remedy=text,
        references=(text, f"https://example.org/{text}", f"javascript:{text}"),
        fingerprint=text,
    )
    waived = make_finding(
        text, subject, text, text, waiver=ReportWaiver(reason=text, owner=text, expires=text), area=text
    )
    return Report(
        schema=SCHEMA,
        cluster=Cluster(name=text, id=text, server=text, version=text, nodes=1),
        upgrade=ReportUpgrade(
            start=text,
            to=text,
            hops=(hop, hop),
            planned_start=START,
            planned_end=START + timedelta(days=1),
            half_upgraded=True,
            assumed=text,
        ),
        verdict=Verdict.NO_GO,
        summary=text,
        findings=(finding, finding, waived),
        coverage=tuple(
            RuleCoverage(rule=text, area=text, status=status, gaps=(gap,), traceback=text) for status in CoverageStatus
        ),
        gaps=(gap,),
        sources=(SourceRecord(kind=text, name=text, detail=text),),
        knowledge=(KnowledgeRecord(table=text, start=text, end=text, date=text),),
        tool=Tool(name=text, version=text),
        created=START,
        nodes=(
            NodeRow(
                name=text,
                roles=(text,),
                kubelet=text,
                runtime=text,
                os=text,
                kernel=text,
                packages={text: text},
                drain={text: 3},
            ),
        ),
        certificates=tuple(
            CertificateRow(
                node=text,
                name=text,
                path=text,
                not_before=START,
                not_after=START + timedelta(days=n),
                is_authority=n > 1,
            )
            for n in range(3)
        ),
    )
