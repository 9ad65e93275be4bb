from typing import Any

import pytest

from tools.lab.stand_ins import full_name, images_in, with_stand_ins


def deployment(pod: dict[str, Any]) -> dict[str, Any]:
    return {"kind": "Deployment", "spec": {"replicas": 2, "template": {"metadata": {}, "spec": pod}}}


def test_a_pod_keeps_what_scheduling_and_drains_look_at() -> None:
    pod = {
        "containers": [
            {
                "name": "shop",
                "image": "example.org/shop:1",
                "imagePullPolicy": "Always",
                "command": ["shop"],
                "args": ["--serve"],
                "readinessProbe": {"httpGet": {"port": 80}},
                "resources": {"requests": {"cpu": "100m"}},
            }
        ],
        "initContainers": [
            {"name": "migrate", "image": "example.org/migrate:1"},
            {"name": "mesh", "image": "example.org/mesh:1", "restartPolicy": "Always", "args": ["x"]},
        ],
        "imagePullSecrets": [{"name": "registry"}],
        "volumes": [{"name": "cache", "emptyDir": {}}],
        "priorityClassName": "high",
    }
    assert with_stand_ins(deployment(pod)) == deployment(
        {
            "containers": [
                {
                    "name": "shop",
                    "image": "example.org/shop:1",
                    "imagePullPolicy": "IfNotPresent",
                    "resources": {"requests": {"cpu": "100m"}},
                }
            ],
            "initContainers": [
                {
                    "name": "mesh",
                    "image": "example.org/mesh:1",
                    "restartPolicy": "Always",
                    "imagePullPolicy": "IfNotPresent",
                }
            ],
            "volumes": [{"name": "cache", "emptyDir": {}}],
            "priorityClassName": "high",
        }
    )


def test_what_is_no_pod_stays_as_it_is() -> None:
    documents = [
        {"kind": "ConfigMap", "data": {"containers": "none"}},
        {"kind": "List", "items": [{"containers": [1]}]},
    ]
    assert with_stand_ins(documents) == documents


def test_images_of_all_pods() -> None:
    pods = [deployment({"containers": [{"image": "a"}]}), {"items": [{"spec": {"containers": [{"image": "b:1"}]}}]}]
    assert set(images_in(pods)) == {"a", "b:1"}


@pytest.mark.parametrize(
    ("image", "name"),
    [
        ("nginx", "docker.io/library/nginx:latest"),
        ("nginx:1.27", "docker.io/library/nginx:1.27"),
        ("bitnami/redis", "docker.io/bitnami/redis:latest"),
        ("localhost/a", "localhost/a:latest"),
        ("registry:5000/a", "registry:5000/a:latest"),
        ("quay.io/a/b:2", "quay.io/a/b:2"),
        ("quay.io/a@sha256:0", "quay.io/a@sha256:0"),
    ],
)
def test_a_runtime_s_name_for_an_image(image: str, name: str) -> None:
    assert full_name(image) == name
