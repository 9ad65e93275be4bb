import base64
import hashlib
import re
from datetime import timedelta
from functools import cache
from html.parser import HTMLParser
from itertools import pairwise

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kubepreflight.finding import Subject
from kubepreflight.report import CertificateRow, Report, Verdict
from kubepreflight.reports.html import render
from kubepreflight.writer import Medium
from tests.report_samples import (
    filled_with,
    healthy_cluster,
    home_cluster,
    large_cluster,
    make_finding,
    make_report,
)

VOID = {"meta", "input", "br", "hr", "img", "link"}
BLOCKS = {"dt", "dd", "td", "th", "li", "p", "h1", "h2"}
LEAVES_OF_SVG = {"circle", "rect", "line", "path"}
HOSTILE = (
    """"><script>alert(1)</script><img src=x onerror=alert(1)>' onload='x' javascript:alert(1) {{ 7 * 7 }} --> ]]>"""
)


class Page(HTMLParser):
    """Reads a page strictly: every element is closed where it ought to be."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.words: list[str] = []
        self.raw: dict[str, str] = {}
        self.headings: list[tuple[int, str]] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), (tag, names)
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)
        if re.fullmatch("h[1-6]", tag):
            self.headings.append((int(tag[1]), ""))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in LEAVES_OF_SVG, tag
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, tag
        assert self.open.pop() == tag
        if tag in BLOCKS:
            self.words.append(" ")

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in {"script", "style"}:
            self.raw[self.open[-1]] = self.raw.get(self.open[-1], "") + data
        else:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join("".join(self.words).split())

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]

    def ids(self) -> list[str]:
        return [attributes["id"] for _, attributes in self.elements if "id" in attributes]


def classes(attributes: dict[str, str]) -> list[str]:
    return attributes.get("class", "").split()


def page_of(report: Report) -> Page:
    return Page(render(report, Medium()))


REPORTS = {
    "trouble": home_cluster(),
    "healthy": healthy_cluster(),
    "large": large_cluster(120, 50),
    "hostile": filled_with(HOSTILE),
    "empty": make_report(verdict=Verdict.INCOMPLETE),
    "no plan": msgspec.structs.replace(home_cluster(), upgrade=None),
}


@cache
def page_named(name: str) -> Page:
    return page_of(REPORTS[name])


def home_page() -> Page:
    return page_named("trouble")


@cache
def plain_page() -> Page:
    return page_of(filled_with("plain"))


@pytest.fixture(params=list(REPORTS))
def page(request: pytest.FixtureRequest) -> Page:
    return page_named(request.param)


def test_ids_are_unique_and_links_within_the_page_have_a_goal(page: Page) -> None:
    ids = page.ids()
    assert len(ids) == len(set(ids))
    goals = {one["href"][1:] for one in page.all("a") if one["href"].startswith("#")}
    goals |= {one["for"] for one in page.all("label") if "for" in one}
    goals |= {one[name] for _, one in page.elements for name in ("aria-labelledby",) if name in one}
    assert goals <= set(ids)


def test_nothing_is_fetched(page: Page) -> None:
    for tag, attributes in page.elements:
        assert tag not in {"link", "img", "iframe", "object", "embed", "base", "video", "image", "use"}
        assert not {"src", "srcset", "action", "formaction", "background", "style"} & attributes.keys(), tag
        assert not any(name.startswith("on") or ":" in name for name in attributes), attributes
        if "href" in attributes:
            assert tag == "a"
            assert attributes["href"].startswith(("#", "https://", "http://"))
    assert not re.search(r"url\(|@import|expression", page.raw["style"])


def test_the_policy_admits_this_style_and_this_script_alone(page: Page) -> None:
    policy = next(one["content"] for one in page.all("meta") if one.get("http-equiv") == "Content-Security-Policy")
    parts = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert parts.pop("default-src") == parts.pop("base-uri") == parts.pop("form-action") == "'none'"
    for name in ("style", "script"):
        digest = base64.b64encode(hashlib.sha256(page.raw[name].encode()).digest()).decode()
        assert parts.pop(f"{name}-src") == f"'sha256-{digest}'"
    assert parts == {}
    assert len(page.all("script")) == len(page.all("style")) == 1


def test_headings_skip_no_level_and_landmarks_are_there(page: Page) -> None:
    levels = [level for level, _ in page.headings]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert all(len(page.all(tag)) == 1 for tag in ("header", "nav", "main", "footer", "title"))
    assert page.all("html") == [{"lang": "en"}]
    assert page.all("a")[0] == {"class": "skip", "href": "#findings"}


def test_the_verdict_the_plan_and_what_was_not_looked_at_are_said() -> None:
    text = home_page().text
    assert "No-go 4 blockers, 3 warnings, 3 notes; manifests not looked at" in text
    assert "1.15 1.15.12 1.16 target 1.16" in text
    assert "Begins 2020-03-02 08:00 UTC Ends 2020-03-16 08:00 UTC Window 14 days" in text
    assert "Nothing was found by the rules that ran." in page_of(healthy_cluster()).text


@pytest.mark.parametrize(
    ("to_do", "done", "said"),
    [
        (("cp1", "cp2", "cp3"), (), "in this order cp1, cp2, cp3, the first at the start"),
        (("cp2", "cp3"), ("cp1",), "in this order cp1 done, then cp2, cp3 "),
    ],
)
def test_the_plan_says_in_which_order_the_control_plane_is_taken_to_go(
    to_do: tuple[str, ...], done: tuple[str, ...], said: str
) -> None:
    report = home_cluster()
    assert report.upgrade is not None
    plan = msgspec.structs.replace(report.upgrade, control_planes=to_do, upgraded=done)
    assert said in page_of(msgspec.structs.replace(report, upgrade=plan)).text


def test_a_certificate_that_is_renewed_before_its_end_is_not_told_like_one_that_is_not() -> None:
    report = home_cluster()
    assert report.upgrade is not None
    start = report.upgrade.planned_start
    row = CertificateRow(
        node="cp1",
        name="apiserver",
        path="x",
        not_before=start - timedelta(days=364),
        not_after=start + timedelta(days=1),
    )
    rows = (row, msgspec.structs.replace(row, node="cp2", renewed_by_upgrade=True, renewed_at=start))
    text = page_of(msgspec.structs.replace(report, certificates=rows)).text
    assert "cp1 apiserver 2020-03-03 08:00 ends in the window" in text
    assert "cp2 apiserver 2020-03-03 08:00 renewed at the planned start" in text


@pytest.mark.parametrize("name", list(REPORTS))
def test_every_finding_is_there_with_what_to_do(name: str) -> None:
    report, page = REPORTS[name], page_named(name)
    cards = [one for one in page.all("details") if "finding" in classes(one)]
    assert len(cards) == len(report.findings)
    if name == "trouble":
        assert {f"finding-{one.fingerprint}" for one in report.findings if not one.waiver} <= set(page.ids())
        for one in report.findings:
            assert str(one.subject).partition(" (")[0] in page.text
            assert one.message.replace("`", "") in page.text
        assert "kubectl -n istio-system scale deployment istio-pilot --replicas=2" in page.text
        assert "Accepted: cp4 replaces cp3 next week, platform team, until 2020-03-31" in page.text


def test_many_findings_of_one_rule_stand_under_one_line() -> None:
    page = page_of(large_cluster(300))
    assert len([one for one in page.all("details") if "many" in classes(one)]) == 12
    assert len(page.all("details")) == 312


def test_few_blockers_are_open_and_the_rest_is_closed() -> None:
    opened = [one["class"] for one in home_page().all("details") if "open" in one]
    assert len(opened) == 4
    assert all("severity-blocker" in one for one in opened)
    assert not [one for one in page_of(large_cluster(300)).all("details") if "open" in one]


def test_every_area_and_phase_can_be_chosen_without_a_script() -> None:
    page = home_page()
    options = [one["value"] for one in page.all("option") if one["value"] != "all"]
    style = page.raw["style"]
    assert options == ["0", "1", "2", "3", "4", "0", "1", "2", "3"]
    assert all(f'#area option[value="{n}"]:checked) .item:not(.area-{n})' in style for n in range(5))
    assert all(f'#phase option[value="{n}"]:checked) .item:not(.phase-{n})' in style for n in range(4))
    items = [classes(one) for one in page.all("details") if "item" in classes(one)]
    assert all(len([name for name in one if re.match(r"(area|phase)-\d", name)]) == 2 for one in items)


def test_nodes_say_what_is_known_and_what_is_not() -> None:
    text = home_page().text
    assert "w2 ready v1.15.12 1.15.12-00 kubeadm, kubelet, kubectl not held 31 evicted 4 local storage" in text
    assert "w3 ready v1.15.12 not looked at not known 31 evicted" in text
    assert "gpu1 not ready, cordoned" in text
    assert "The first 300 of 310 nodes" in page_of(large_cluster(1, 310)).text


def test_what_was_not_checked_is_told_once_with_its_rules() -> None:
    text = home_page().text
    assert text.count("no manifests were given") == 1
    assert "4 rules could not run: removed-api api-not-yet-served" in text
    assert "3 rules ran on the rest: certificate-expires-in-window" in text
    assert "ceph-unhealthy crashed" in text
    assert "Switched off: clock-skew" in text


@pytest.mark.parametrize(
    "subject",
    [
        Subject(kind="Pod", namespace="home", name="toolbox", node="w3"),
        Subject(kind="Node", name="w3", node="w3", field="kubelet not held"),
        Subject(kind="Node", field="package repository"),
        Subject(node="cp1", file="/etc/kubernetes/admin.conf", field="admin.conf"),
        Subject(kind="ConfigMap", namespace="kube-system", name="kubelet-config", field="serverTLSBootstrap"),
        Subject(kind="Deployment", name="x", file="apps/x.yaml", line=12),
        Subject(name="x"),
    ],
    ids=str,
)
def test_a_subject_is_called_what_the_other_reports_call_it(subject: Subject) -> None:
    text = page_of(make_report((make_finding("some-rule", subject, "m", "r"),))).text
    assert str(subject).replace("(", "").replace(")", "") in text


def test_only_web_addresses_are_links() -> None:
    references = (
        "https://kubernetes.io/x",
        "javascript:alert(1)",
        "data:text/html,x",
        "//evil.example",
        "https://",
        "x",
    )
    finding = make_finding("some-rule", Subject(name="x"), "m", "r", references=references)
    page = page_of(make_report((finding,)))
    assert [one["href"] for one in page.all("a") if not one["href"].startswith("#")] == ["https://kubernetes.io/x"]
    assert "javascript:alert(1)" in page.text


def test_hostile_text_stays_text() -> None:
    page = page_of(filled_with(HOSTILE))
    assert page.text.count("<script>alert(1)</script>") > 20
    assert "49" not in {word.strip("'\"") for word in page.text.split()}
    assert page.raw["script"] == home_page().raw["script"]


def test_an_endless_name_is_shortened() -> None:
    page = page_of(filled_with("x" * 10_000))
    assert "…(10000 characters)…" in page.text
    assert max(map(len, page.text.split())) < 1000


def test_equal_fingerprints_get_ids_of_their_own() -> None:
    finding = make_finding("some-rule", Subject(name="x"), "m", "r", fingerprint="abc")
    odd = msgspec.structs.replace(finding, fingerprint='"><b>')
    assert [one for one in page_of(make_report((finding, finding, odd))).ids() if one.startswith("finding-")] == [
        "finding-abc",
        "finding-number-1",
        "finding-number-2",
    ]


@settings(max_examples=40, deadline=None)
@given(st.text(alphabet=st.characters(codec=None), max_size=60))
@example("</style></script><!--")
@example("\x00\ud800\ufffe")
def test_whatever_a_cluster_holds_the_page_is_well_formed_and_the_same(anything: str) -> None:
    text = render(filled_with(anything), Medium())
    page, plain = Page(text), plain_page()
    assert [tag for tag, _ in page.elements if tag in {"script", "style", "details", "section", "tr"}] == [
        tag for tag, _ in plain.elements if tag in {"script", "style", "details", "section", "tr"}
    ]
    assert all(line.isprintable() for line in text.split("\n"))
    assert text.encode("utf-8")


def colors(style: str) -> dict[str, dict[str, str]]:
    light, dark = style.split("prefers-color-scheme: dark", 1)
    both = {"light": dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", light.split("@media")[0]))}
    both["dark"] = both["light"] | dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", dark.split("\n}\n")[0]))
    return both


def contrast(one: str, other: str) -> float:
    """The ratio of WCAG 2.2, 1.4.3."""

    def luminance(color: str) -> float:
        parts = [int(color[start : start + 2], 16) / 255 for start in (1, 3, 5)]
        red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast_is_enough_for_text_and_for_the_picture(scheme: str) -> None:
    known = colors(home_page().raw["style"])[scheme]
    for ground in ("paper", "panel", "code", "blocker-tint", "warning-tint", "good-tint", "unsure-tint"):
        for ink in ("ink", "muted"):
            assert contrast(known[ink], known[ground]) >= 4.5, (ink, ground)
    for tone in ("blocker", "warning", "note", "good", "unsure", "link"):
        for ground in ("paper", "panel"):
            assert contrast(known[tone], known[ground]) >= 4.5, (tone, ground)
    for verdict in ("blocker", "warning", "good", "unsure"):
        for tone in ("blocker", "warning", "note"):
            assert contrast(known[tone], known[f"{verdict}-tint"]) >= 4.5, (tone, verdict)
        assert contrast(known[verdict], known[f"{verdict}-tint"]) >= 4.5, verdict
    assert contrast(known["blocker"], known["window"]) >= 3
    assert contrast(known["ink"], known["window"]) >= 3
