"""The smallest cluster there is: one control-plane node."""

NODE = {
    "apiVersion": "v1",
    "kind": "Node",
    "metadata": {"name": "cp1", "uid": "1", "labels": {"node-role.kubernetes.io/control-plane": ""}},
    "status": {"nodeInfo": {"kubeletVersion": "v1.36.3"}, "conditions": [{"type": "Ready", "status": "True"}]},
}
ONE_RULE = ("--only", "single-control-plane")
