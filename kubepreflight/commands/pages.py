"""What can be read about rules: their list, their pages, the RBAC that follows from them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from kubepreflight.errors import UsageError
from kubepreflight.inputs import Parameter
from kubepreflight.objects import Api
from kubepreflight.rule import AREAS, SECTIONS, Rule, load_rules
from kubepreflight.scan import wanted_by


def list_rules(folders: Sequence[str] = ()) -> str:
    """Every rule with its severity and title, by area."""
    rules = load_rules(Path(one) for one in folders)
    width = max(len(one.name) for one in rules)
    lines: list[str] = []
    for area in AREAS:
        inside = [one for one in rules if one.area == area]
        if inside:
            lines += ["", area, *(f"  {one.name:{width}}  {one.severity:8}  {one.title}" for one in inside)]
    return "\n".join(lines[1:])


def explain_rule(name: str, folders: Sequence[str] = ()) -> str:
    """The page of one rule. Raises UsageError, with names that are near, when there is none."""
    rules = {one.name: one for one in load_rules(Path(one) for one in folders)}
    if name not in rules:
        import difflib

        near = difflib.get_close_matches(name, rules, 3)
        hint = f"Did you mean {' or '.join(near)}?" if near else "See: kubepreflight rules"
        raise UsageError(f"there is no rule {name!r}. {hint}")
    return page(rules[name])


def page(rule: Rule) -> str:
    """The page as Markdown."""
    head = [f"# {rule.name}", "", rule.title, "", f"{rule.severity} · {rule.area} · {rule.phase}"]
    body = [
        line for heading in SECTIONS if heading in rule.page for line in ("", f"## {heading}", "", rule.page[heading])
    ]
    needs = ", ".join(_need(one) for one in rule.parameters)
    return "\n".join([*head, *body, "", "## What it reads", "", needs or "nothing but the plan"])


def _need(parameter: Parameter) -> str:
    return f"{parameter.label} (optional)" if parameter.optional else parameter.label


def cluster_role(name: str) -> str:
    """The ClusterRole for all installed rules, without what the user must opt in to, as YAML.

    Kinds that moved to another group are granted in their present one only: servers that had nothing but the older one
    (Ingress in `extensions`, before 1.14) are too old to be looked at.
    """
    import yaml

    wanted = wanted_by(load_rules())
    apis = sorted(wanted.apis())
    urls = sorted({url for one in wanted.others for url in getattr(one, "non_resource_urls", ())})
    document = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": name},
        "rules": [*_everywhere(apis), *_named(apis), *({"nonResourceURLs": [url], "verbs": ["get"]} for url in urls)],
    }
    return yaml.safe_dump(document, sort_keys=False, default_flow_style=False)


def _everywhere(apis: Sequence[Api]) -> list[dict[str, list[str]]]:
    whole = sorted({(api.group, api.plural) for api in apis if not api.name})
    return [
        {"apiGroups": [group], "resources": [plural for _, plural in rows], "verbs": ["list"]}
        for group, rows in ((group, list(rows)) for group, rows in groupby(whole, key=lambda row: row[0]))
    ]


def _named(apis: Sequence[Api]) -> list[dict[str, list[str]]]:
    """Single objects are asked for by a list of one name, which needs no `get`."""
    rows = sorted({(api.group, api.plural, api.name) for api in apis if api.name})
    return [
        {"apiGroups": [group], "resources": [plural], "resourceNames": [name for *_, name in named], "verbs": ["list"]}
        for (group, plural), named in groupby(rows, key=lambda row: row[:2])
    ]
