# shellcheck shell=sh
# What the member of etcd that runs on this node as a static pod says: over the node's own address, with the certificates
# that its manifest names, which stay where they are. Both questions are reads: `alarm list` would be an entry in etcd's
# log, and the status tells alarms too. Not before 3.4 in a container: the tool there speaks another API by default.

# etcd_flag NAME: the value in the manifest, one flag a line as kubeadm writes it.
etcd_flag() {
    sed -n 's/^[ -]*["'\'']\{0,1\}--'"$1"'=\([^"'\'' ]*\).*/\1/p' "$etcd_manifest" | tail -n 1
}
# ask_etcd MANIFEST
ask_etcd() {
    etcd_manifest=$1
    [ -f "$etcd_manifest" ] || return 0
    endpoint=$(etcd_flag listen-client-urls)
    # Who listens everywhere is named by no certificate.
    endpoint=$(printf '%s\n' "${endpoint%%,*}" | sed 's#//0\.0\.0\.0:#//127.0.0.1:#; s#//\[::]:#//[::1]:#')
    [ -n "$endpoint" ] || return 0
    container=''
    if ! command -v etcdctl >/dev/null 2>&1 && command -v crictl >/dev/null 2>&1; then
        limited crictl ps --name '^etcd$' --state Running --quiet >"$WORK/etcd" 2>/dev/null && container=$(head -n 1 "$WORK/etcd")
    fi
    set -- etcdctl --endpoints "$endpoint" --command-timeout=5s --dial-timeout=2s
    for flag in trusted-ca-file:cacert cert-file:cert key-file:key; do
        value=$(etcd_flag "${flag%%:*}")
        [ -z "$value" ] || set -- "$@" "--${flag#*:}" "$value"
    done
    [ -z "$container" ] || set -- crictl exec --sync --timeout 8 "$container" "$@"
    # Others are in the way of flags, or etcdctl prints them, secret or not, because it does not know them.
    for variable in $(env | sed -n 's/^\(ETCDCTL_[A-Za-z0-9_]*\)=.*/\1/p'); do unset "$variable"; done
    ETCDCTL_API=3
    export ETCDCTL_API
    run etcd-status "$@" endpoint status -w json
    # Of a member that does not answer the list would only be waited for once more.
    [ "$(cat "$ARCHIVE/commands/etcd-status/status" 2>/dev/null)" = 0 ] || return 0
    run etcd-members "$@" member list -w json
}
take_etcd() {
    # What answers here is not the etcd of a disk that is only mounted.
    [ -n "$ROOT" ] || ask_etcd "$ARCHIVE/files/etc/kubernetes/manifests/etcd.yaml"
}
