"""The ClusterRole that a scan needs: what it lists, and nothing else."""

from __future__ import annotations

import yaml

from kubepreflight.commands.pages import cluster_role
from kubepreflight.rule import load_rules
from kubepreflight.scan import wanted_by

ALL = yaml.safe_load(cluster_role("mine"))["rules"]
RULES = [one for one in ALL if "resources" in one]


def test_it_only_lists_and_names_what_it_lists() -> None:
    assert {verb for one in RULES for verb in one["verbs"]} == {"list"}
    assert not {"*", "secrets"} & {resource for one in RULES for resource in one["resources"]}
    assert "*" not in {group for one in RULES for group in one["apiGroups"]}


def test_beside_resources_it_reads_the_metrics_of_the_api_server() -> None:
    assert [one for one in ALL if one not in RULES] == [{"nonResourceURLs": ["/metrics"], "verbs": ["get"]}]


def test_it_has_everything_that_a_rule_asks_for_without_opt_in() -> None:
    allowed = {
        (group, resource, name)
        for one in RULES
        for group in one["apiGroups"]
        for resource in one["resources"]
        for name in one.get("resourceNames", [""])
    }
    assert allowed == {(api.group, api.plural, api.name) for api in wanted_by(load_rules()).apis()}
