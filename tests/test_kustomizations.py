from typing import Any

import msgspec
import pytest

from kubepreflight.objects import Desired, Origin
from kubepreflight.semantics.kustomizations import Kustomization, Kustomizations


def kustomization(file: str, **fields: Any) -> Kustomization:
    one = msgspec.convert(fields, Kustomization)
    one.origin = Origin(file, 1)
    return one


GIVEN = Kustomizations.provide(
    Desired(
        [
            kustomization(
                "app/base/kustomization.yaml",
                resources=["web.yaml", "../shared", "https://example.org/x.yaml"],
                images=[
                    {"name": "example.org/web", "newTag": "1.2"},
                    {"name": "moved", "newName": "example.org/moved"},
                ],
            ),
            kustomization(
                "app/production/kustomization.yaml",
                bases=["../base"],
                patches=[{"path": "replicas.yaml"}, {"patch": "- op: remove\n  path: /spec"}],
                patchesStrategicMerge=["merge.yaml"],
                patchesJson6902=[{"target": {"kind": "Deployment"}, "path": "json.yaml"}],
                components=["../parts/one.yaml"],
                images=[{"name": "shared", "newTag": "1"}, {"name": "pinned", "digest": "sha256:" + "a" * 64}],
            ),
            kustomization("old.tar!a/kustomization.yaml", images=[{"name": "shared", "newTag": "2"}]),
            kustomization("kustomization.yml", resources=["./top.yaml"]),
        ]
    )
)


@pytest.mark.parametrize(
    ("file", "left_out"),
    [
        ("app/base/web.yaml", False),
        ("app/base/forgotten.yaml", True),
        ("app/production/replicas.yaml", False),
        ("app/production/merge.yaml", False),
        ("app/production/json.yaml", False),
        ("app/production/web.yaml", True),
        # named from another folder
        ("app/parts/one.yaml", False),
        # no kustomization lies beside it
        ("other/web.yaml", False),
        ("app/base/deeper/web.yaml", False),
        ("old.tar!a/web.yaml", True),
        ("a/web.yaml", False),
        ("top.yaml", False),
        ("forgotten.yaml", True),
    ],
)
def test_which_files_are_not_applied(file: str, left_out: bool) -> None:
    assert GIVEN.leaves_out(file) is left_out


@pytest.mark.parametrize(
    ("written", "image"),
    [
        ("example.org/web", "example.org/web:1.2"),
        ("example.org/web:latest", "example.org/web:1.2"),
        ("moved:1.0", "example.org/moved:1.0"),
        ("moved", "example.org/moved"),
        ("pinned:1.0", "pinned@sha256:" + "a" * 64),
        # two kustomizations do not agree
        ("shared:0", "shared:0"),
        ("another:1.0", "another:1.0"),
        ("not an image", "not an image"),
    ],
)
def test_what_it_makes_of_images(written: str, image: str) -> None:
    assert GIVEN.image(written) == image


def test_without_kustomizations_everything_is_applied_as_it_is_written() -> None:
    nothing = Kustomizations.provide()
    assert not nothing.leaves_out("a/web.yaml")
    assert nothing.image("web:1") == "web:1"


def test_fields_of_any_shape_are_read() -> None:
    odd = Kustomizations.provide(Desired([kustomization("kustomization.yaml", resources={"a": [1, None, ["b.yaml"]]})]))
    assert not odd.leaves_out("b.yaml")
    assert odd.leaves_out("c.yaml")
