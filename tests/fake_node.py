"""A node's disk with a secret in every place where one may lie; each secret carries the word PLANTED."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.openpgp_keys import armor, public_key, secret_key

ENDS = datetime(2027, 3, 4, 5, 6, 7, tzinfo=UTC)


def make_certificate(name: str, organization: str = "") -> tuple[bytes, bytes]:
    """A self-signed certificate that ends at ENDS, and its private key, both PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    attributes = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization)] if organization else []
    subject = x509.Name([*attributes, x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC))
        .not_valid_after(ENDS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return certificate.public_bytes(serialization.Encoding.PEM), private


def secret_lines(private: bytes) -> list[str]:
    """The base64 lines that hold the private number (the last holds the public key, which a certificate shows too)."""
    return private.decode().splitlines()[1:3]


KUBECONFIG = """\
apiVersion: v1
kind: Config
# an old token: PLANTED-kubeconfig-comment
clusters:
- cluster:
    certificate-authority-data: {authority}
    server: https://admin:PLANTED-server@10.0.0.1:6443
    proxy-url: user:PLANTED-proxy@proxy:3128
  name: kubernetes
contexts:
- context: {{cluster: kubernetes, user: other, token: PLANTED-flow}}
  name: flow
- context:
    cluster: kubernetes
    user: admin
  name: admin@kubernetes
current-context: admin@kubernetes
users:
- name: admin
  user:
    client-certificate-data: {certificate}
    client-key-data: {key}
- name: combined
  user:
    client-certificate-data: {combined}
- name: token
  user:
    token: PLANTED-token
    "password": "PLANTED-password"
    username: PLANTED-username
- name: folded
  user:
    token: >-
      PLANTED-folded
      name: PLANTED-folded-like-a-key
- name: exec
  user:
    exec:
      apiVersion: client.authentication.k8s.io/v1
      command: get-token
      args:
      - --secret=PLANTED-exec-argument
      - PLANTED-bare-argument
      env:
      - name: AWS_SECRET_ACCESS_KEY
        value: PLANTED-exec-environment
- name: provider
  user:
    auth-provider:
      config:
        access-token: PLANTED-access-token
        id-token: PLANTED-id-token
        refresh-token: |
          PLANTED-refresh-token
      name: oidc
"""

STATIC_POD = """\
apiVersion: v1
kind: Pod
metadata:
  name: kube-vip
  annotations:
    kubectl.kubernetes.io/last-applied-configuration: |
      {"spec":{"containers":[{"env":[{"name":"A","value":"PLANTED-last-applied"}]}]}}
spec:
  containers:
  - name: kube-vip
    image: ghcr.io/kube-vip/kube-vip:v0.8.0
    command: ["/kube-vip", "--password", "PLANTED-flow-argument", "DB_PASS=PLANTED-flow-pass"]
    args:
    - manager
    - --authorization-mode=Node,RBAC
    - --enable-bootstrap-token-auth=true
    - --token-auth-file=/etc/kubernetes/tokens.csv
    - --tls-cert-file=/srv/vip/tls.crt
    - --tls-private-key-file=/srv/vip/tls-key.pem
    - --feature-gates=ServiceAccountTokenCleanUp=true,Other=false
    - --concurrent-serviceaccount-token-syncs=5
    - --vip-password=PLANTED-argument
    - --db-pass=PLANTED-argument-pass
    - --peer-secret
    - PLANTED-argument-on-its-own
    - --user=root:PLANTED-user-argument
    - --requestheader-username-headers=X-Remote-User
    - --etcd=https://root:PLANTED-argument-address@10.0.0.1:2379
    env:
    - name: plain
      value: PLANTED-environment
    - name: quoted
      "value": "PLANTED \\" environment quoted"
    - name: block
      value: |-
        PLANTED-environment-block
        kind: PLANTED-environment-like-a-key
    - name: next
      value:
        PLANTED-environment-next-line
    - name: field
      valueFrom:
        fieldRef: {fieldPath: status.podIP}
    livenessProbe:
      httpGet:
        httpHeaders:
        - name: Authorization
          value: Bearer PLANTED-header
status: {}
"""

CONTAINERD = """\
version = 2
root = "/var/lib/containerd"
# password = "PLANTED-toml-comment"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "registry.k8s.io/pause:3.8"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
    SystemdCgroup = true
[plugins."io.containerd.grpc.v1.cri".registry.configs."registry.example.com".auth]
  username = "PLANTED-registry-user"
  password = "PLANTED-registry-password"
  auth = "PLANTED-registry-auth"
[plugins."io.containerd.grpc.v1.cri".registry.mirrors."docker.io"]
  endpoint = ["https://user:PLANTED-mirror@mirror.example.com"]
[plugins."io.containerd.grpc.v1.cri".registry.headers]
  X-Thing = ["PLANTED-header-value"]
[plugins."io.containerd.grpc.v1.cri".x]
  identitytoken = \"\"\"
  PLANTED-multi-line
  \"\"\"
  hosts = [
    { host = "x", auth = "PLANTED-inline-in-array" },
  ]
  inline = { auth = { identity = "PLANTED-inline" } }
  kept = "yes"
"""

FILES = {
    "etc/hostname": "Worker-1\n",
    "etc/machine-id": "0123456789abcdef0123456789abcdef\n",
    "usr/lib/os-release": 'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n',
    "etc/fstab": "//server/share /mnt cifs username=x,password=PLANTED-fstab 0 0\n/dev/sda2 none swap sw 0 0\n"
    "# /dev/sda3 none swap password=PLANTED-fstab-comment 0 0\n",
    "etc/kubernetes/manifests/kube-vip.yaml": STATIC_POD,
    "etc/kubernetes/manifests/flow.yaml": "kind: Pod\nspec: {containers: [{env: [{name: A, value: PLANTED-x}]}]}\n",
    "etc/kubernetes/manifests/json.yaml": '{"kind": "Pod", "env": [{"value": "PLANTED-json"}]}\n',
    "etc/kubernetes/manifests/escaped.yaml": 'kind: Pod\nenv:\n- "val\\u0075e": PLANTED-escaped\n',
    "etc/kubernetes/manifests/split.yaml": "kind: Pod\nenv: [{name: A, value\n: PLANTED-split}]\n",
    "etc/kubernetes/manifests/anchored.yaml": "kind: Pod\nenv:\n- &a value: PLANTED-anchored\n",
    "etc/kubernetes/manifests/quoted.yaml": 'kind: Pod\nenv:\n- value: "a\nPLANTED-quoted-on"\n',
    "etc/kubernetes/manifests/open.yaml": "kind: Pod\nenv: [{name: A,\n value: a\nPLANTED-flow-on}]\n",
    "etc/kubernetes/manifests/secret.yaml": "kind: Secret\nstringData:\n  a: PLANTED-secret-object\n",
    "etc/kubernetes/enc/encryption.yaml": "kind: EncryptionConfiguration\nsecret: PLANTED-encryption\n",
    "etc/kubernetes/cloud.conf": "[Global]\nfoo = PLANTED-cloud\n",
    "etc/kubernetes/tokens.csv": "PLANTED-csv,admin,1\n",
    "etc/kubernetes/tmp/kubeadm-backup/admin.conf": "kind: Config\ntoken: PLANTED-backup\n",
    "etc/cron.d/etcd-backup": "@daily root ETCDCTL_PASSWORD=PLANTED-cron etcdctl snapshot save /var/x.db\n",
    "var/backups/etcd.db": "PLANTED-snapshot",
    "var/lib/etcd/member/snap/db": "PLANTED-database",
    "etc/kubernetes/json.conf": '{"kind":"Config","users":[{"user":{"token":"PLANTED-json-kubeconfig"}}]}',
    "var/lib/kubelet/config.yaml": "kind: KubeletConfiguration\nstaticPodPath: /etc/kubernetes/manifests\n"
    "staticPodURLHeader:\n  Authorization: [PLANTED-url-header]\nrotateCertificates: true\n"
    "configMapAndSecretChangeDetectionStrategy: Watch\n",
    "var/lib/kubelet/kubeadm-flags.env": 'KUBELET_KUBEADM_ARGS="--feature-gates=TokenGate=true --node-ip=10.0.0.4'
    ' --cloud-token=PLANTED-flag"\n',
    "var/lib/kubelet/config.json": '{"auths":{"r":{"auth":"PLANTED-kubelet-registry"}}}',
    "etc/default/kubelet": "# PLANTED-default-comment\nexport DATABASE=PLANTED-default\n"
    "HTTP_PROXY=http://user:PLANTED-http-proxy@proxy:3128\n"
    "https_proxy=user:PLANTED-bare-proxy@proxy:3128\n"
    "KUBELET_EXTRA_ARGS=--v=2 \\\n  --api-password 'PLANTED-default-flag with space' --fail-swap-on=false\n",
    "etc/systemd/system/kubelet.service.d/10-kubeadm.conf": '[Service]\nEnvironment="KUBELET_X=--a" "B=PLANTED-b c"\n'
    "Environment=C=PLANTED-c D='PLANTED-d'\nEnvironment=E=\"PLANTED-e\\\" f\"\nExecStart=\n"
    "ExecStart=/usr/bin/kubelet $KUBELET_X --token=PLANTED-exec-start --v=2\n# PLANTED-unit-comment\n",
    "usr/lib/systemd/system/kubelet.service": "[Service]\nEnvironmentFile=-/var/lib/kubelet/kubeadm-flags.env\n"
    "EnvironmentFile=-/etc/default/kubelet\nEnvironmentFile=/etc/kubelet/more.env\nExecStart=/usr/bin/kubelet\n",
    "etc/systemd/system/kubelet.service.d/20-more.conf": "[Service]\nExecStart=\nExecStart=/usr/bin/kubelet \\\n"
    "# PLANTED-comment-within\n  --config=/etc/kubelet/config.yaml \\\n --config-dir /etc/kubelet/conf.d \\\n"
    "  $KUBELET_X $KUBELET_KUBEADM_ARGS $KUBELET_EXTRA_ARGS $KUBE_MORE $OTHER\nRestart=always\n",
    "etc/kubelet/more.env": "KUBE_MORE=--max-pods=50 --token PLANTED-more\nOTHER=--secret-thing=PLANTED-other\n",
    "etc/kubelet/config.yaml": "kind: KubeletConfiguration\nstaticPodPath: /srv/pods/\n"
    "staticPodURLHeader:\n  Authorization: [PLANTED-second-header]\n",
    "etc/kubelet/conf.d/sub/20-x.conf": "kind: KubeletConfiguration\nstaticPodURLHeader:\n  A: [PLANTED-drop-in]\n"
    "maxPods: 60\n",
    "etc/kubelet/conf.d/ignored.yaml": "maxPods: PLANTED-not-taken\n",
    "srv/pods/own.yaml": "kind: Pod\nmetadata:\n  name: own\nspec:\n  containers:\n  - env:\n    - name: A\n"
    "      value: PLANTED-own-pod\n",
    "proc/4242/comm": "kubelet\n",
    "proc/4242/cmdline": "/usr/bin/kubelet\0--v=4\0--api-password\0PLANTED-word\0--authorization-mode\0Webhook\0"
    "--manifest-url=http://u:PLANTED-url@h/\0--bootstrap-token=PLANTED-flag\nPLANTED-line\0",
    "proc/4242/environ": "A=PLANTED-process-environment\0",
    "proc/4242/status": "Name:\tkubelet\nUid:\t0\t0\t0\t0\n",
    "proc/4244/status": "Name:\tkubelet\nUid:\t0\t0\t0\t0\n",
    "proc/4245/comm": "kubelet\n",
    "proc/4245/status": "Name:\tkubelet\nUid:\t1000\t0\t0\t0\n",
    "proc/4245/cmdline": "kubelet\0--config=/etc/shadow\0",
    "etc/shadow": "root:PLANTED-shadow:20000:0:99999:7:::\n",
    "proc/4243/comm": "sh\n",
    "proc/4243/cmdline": "sh\0-c\0PLANTED-other-process\0",
    "proc/4244/comm": "kubelet\n",
    "proc/4244/cmdline": "kubelet\0--token=PLANTED-in-a-container\0",
    "etc/containerd/config.toml": CONTAINERD,
    "etc/cni/net.d/10-own.conflist": '{"plugins": [{"type": "calico", "kubernetes": {"k8s_auth_token": "PLANTED-cni"},'
    ' "auth": "PLANTED-cni-auth", "psk": "PLANTED-cni-psk", "client_key": "PLANTED-cni-key",'
    ' "policy": {"password": "PLANTED-cni-password"}}]}\n',
    "etc/cni/net.d/own-kubeconfig": "kind: Config\nusers:\n- user: {token: PLANTED-cni-kubeconfig}\n",
    "etc/crio/crio.conf.d/10.conf": '[crio.runtime]\ndefault_env = [\n"A=]",\n"A=PLANTED-crio" # ]\n]\nx = 1\n',
    "etc/crio/crio.conf.d/20.json": '{\n"auth": "PLANTED-crio-json"\n}\n',
    "etc/docker/daemon.json": '{"exec-opts": ["native.cgroupdriver=systemd"], "log-opts": {"splunk-token":'
    ' "PLANTED-splunk"}, "proxies": {"http-proxy":"http://u:PLANTED-docker-proxy@p"}}',
    "root/.docker/config.json": '{"auths":{"r":{"auth":"PLANTED-docker"}}}',
    "etc/apt/sources.list": "deb http://user:PLANTED-apt@mirror/debian bookworm main\n"
    "deb https://user:pass@mirror/debian?for=all&sig=PLANTED-signature bookworm main\n"
    "#deb https://PLANTED-apt-token:@packages.example.com/x y z\n",
    "etc/apt/sources.list.d/kubernetes.sources": "Types: deb\nURIs: https://u:PLANTED-deb822@pkgs.example.com/deb/\n"
    "Suites: /\nSigned-By: /etc/apt/keyrings/kubernetes.gpg\n",
    "etc/apt/apt.conf": 'Acquire::http::Proxy "http://user:PLANTED-apt-proxy@proxy:3128";\n',
    "etc/apt/apt.conf.d/50unattended-upgrades": 'Unattended-Upgrade { Origins-Pattern { "origin=*"; };\n'
    ' Mail "PLANTED-mail"; };\nAPT { Periodic { Unattended-Upgrade "1"; }; Key "PLANTED-apt-key"; };\n',
    "etc/dnf/automatic.conf": "[commands]\napply_updates = yes\n[command_email]\n"
    "command_format = mail -S smtp-auth-password=PLANTED-dnf-automatic {body}\napply_updates = PLANTED twice\n",
    "etc/apt/auth.conf": "machine mirror login user password PLANTED-auth-conf\n",
    "etc/apt/auth.conf.d/x.conf": "machine mirror login user password PLANTED-auth-conf-d\n",
    "etc/yum.repos.d/kubernetes.repo": "[kubernetes]\nname=Kubernetes\nbaseurl=https://u:PLANTED-yum@pkgs.example.com/rpm/\n"
    "gpgkey=file:///srv/keys/yum.asc\nenabled=1\nusername=PLANTED-yum-user\npassword = PLANTED-yum-password\n"
    "  PLANTED-yum-continued\n"
    "exclude=kubelet kubeadm\n",
    "etc/apt/preferences": "Explanation: password=PLANTED-preferences\nPackage: a\nPin: version 1.*\nPin-Priority: 1\n",
    "etc/apt/preferences.d/a": "# token: PLANTED-pin\nPackage: a\nPin: origin mirror\nPin-Priority: 1\n",
    "etc/containerd/conf.d/10.toml": '[plugins.x.registry.configs."r".auth]\npassword = "PLANTED-conf-d"\n',
    "etc/crio/crio.conf": '[crio.api]\nstream_tls_key_password = "PLANTED-crio-conf"\n',
    "etc/dnf/plugins/versionlock.conf": "[main]\nenabled = 1\npassword = PLANTED-versionlock\n",
    "var/lib/kubelet/instance-config.yaml": "kind: KubeletConfiguration\n"
    "staticPodURLHeader:\n  Authorization: [PLANTED-instance]\n",
    "etc/dnf/dnf.conf": "[main]\nproxy_password=PLANTED-dnf\nexclude=kernel*\n",
}  # fmt: skip


def write_node(root: Path) -> list[str]:
    """Write the node below `root`; returns every text that must not be found in an archive of it."""
    for name, text in FILES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for process, mounts in (("1", "mnt:[1]"), ("4242", "mnt:[1]"), ("4244", "mnt:[2]"), ("4245", "mnt:[1]")):
        (root / "proc" / process / "ns").mkdir(parents=True, exist_ok=True)
        (root / "proc" / process / "ns/mnt").symlink_to(mounts)
    return ["PLANTED", *write_certificates(root), *write_keyrings(root)]


def write_keyrings(root: Path) -> list[str]:
    """OpenPGP keyrings, public ones and secret ones where the public ones belong; returns lines of the secret ones."""
    secret = secret_key("PLANTED-openpgp")
    keyrings = {
        "etc/apt/keyrings/kubernetes.gpg": public_key(),
        "etc/apt/trusted.gpg.d/secret.gpg": secret,
        "etc/apt/trusted.gpg.d/behind.gpg": public_key() + secret,
        "etc/apt/trusted.gpg.d/mislabelled.asc": armor(secret),
        "etc/apt/trusted.gpg.d/secret.asc": armor(public_key()) + armor(secret, "PRIVATE KEY BLOCK"),
        "etc/pki/rpm-gpg/RPM-GPG-KEY-behind": armor(public_key()) + armor(public_key() + secret),
        "etc/pki/rpm-gpg/RPM-GPG-KEY-unclosed": armor(public_key())[:-40],
        "srv/keys/yum.asc": b"# PLANTED-note\n" + armor(public_key()) + b"PLANTED-note\n",
    }
    for name, content in keyrings.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return [line.decode() for line in armor(secret).splitlines()[3:-2]]


def write_certificates(root: Path) -> list[str]:
    """Certificates with their keys beside them, within them and behind links; returns the keys' lines."""
    forbidden: list[str] = []

    def put(name: str, content: bytes) -> None:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)

    def fresh(name: str) -> tuple[bytes, bytes]:
        certificate, key = make_certificate(name)
        forbidden.extend(secret_lines(key))
        return certificate, key

    for name in ("ca", "apiserver", "etcd/ca"):
        certificate, key = fresh(name)
        put(f"etc/kubernetes/pki/{name}.crt", certificate)
        put(f"etc/kubernetes/pki/{name}.key", key)
    certificate, key = fresh("vip")
    put("srv/vip/tls.crt", certificate)
    put("srv/vip/tls-key.pem", key)
    certificate, key = make_certificate("system:node:worker-1", "system:nodes")
    forbidden.extend(secret_lines(key))
    put("var/lib/kubelet/pki/kubelet-client-2026-03-04-05-06-07.pem", certificate + key)
    current = root / "var/lib/kubelet/pki/kubelet-client-current.pem"
    current.symlink_to("/var/lib/kubelet/pki/kubelet-client-2026-03-04-05-06-07.pem")
    certificate, key = fresh("unclosed")
    put("etc/kubernetes/pki/unclosed.crt", b"-----BEGIN CERTIFICATE-----\n" + key)
    put("etc/kubernetes/pki/mislabelled.crt", key.replace(b"PRIVATE KEY", b"CERTIFICATE"))
    pem = x509.load_pem_x509_certificate(certificate)
    put("etc/kubernetes/pki/binary.der", pem.public_bytes(serialization.Encoding.DER))
    loaded = serialization.load_pem_private_key(key, None)
    binary = loaded.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    put("etc/kubernetes/pki/binary-key.der", binary)
    kubeconfig = KUBECONFIG.format(
        authority=base64.b64encode(certificate).decode(),
        certificate=base64.b64encode(certificate).decode(),
        key=base64.b64encode(key).decode(),
        combined=base64.b64encode(certificate + key).decode(),
    )
    behind = len(certificate) * 4 // 3 + 60
    forbidden.append(base64.b64encode(key).decode()[60:120])
    forbidden.append(base64.b64encode(certificate + key).decode()[behind : behind + 60])
    put("etc/kubernetes/admin.conf", kubeconfig.encode())
    return forbidden
