# shellcheck shell=sh
# What the member of etcd that runs on this node as a static pod says: over the node's own address, with the certificates
# that its manifest names, which stay where they are. Both questions are reads: `alarm list` would be an entry in etcd's
# log, and the status tells alarms too. Not before 3.4 in a container: the tool there speaks another API by default.

# etcd_flag NAME: the value in the manifest, one flag a line as kubeadm writes it.
etcd_flag() {
    sed -n 's/^[ -]*["'\'']\{0,1\}--'"$1"'=\([^"'\'' ]*\).*/\1/p' "$etcd_manifest" | tail -n 1
}
# etcd_directory: where its data lies, which its manifest tells where there is one.
etcd_directory() {
    etcd_manifest=$ARCHIVE/files/etc/kubernetes/manifests/etcd.yaml directory=''
    [ ! -f "$etcd_manifest" ] || directory=$(etcd_flag data-dir)
    case $directory in /*) printf '%s\n' "$directory" ;; *) echo /var/lib/etcd ;; esac
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
        # Anybody's pod may have a container of that name.
        limited crictl ps --name '^etcd$' --label io.kubernetes.pod.namespace=kube-system --state Running --quiet >"$WORK/etcd" 2>/dev/null && container=$(head -n 1 "$WORK/etcd")
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

# The database as it lies on the disk, snapshots in the usual places, and what kubeadm left of earlier upgrades: names,
# sizes and times, never what is in them. A network's file system may hang: each place is looked at beside the others.
SNAPSHOT_PLACES="/var/lib/etcd?* /var/backups /var/backup /var/lib/backup* /backup* /opt/backup* /opt/etcd* /srv/backup* /srv/etcd* /data/backup*
    /data/etcd* /mnt/backup* /mnt/etcd* /etcd* /etc/etcd /etc/kubernetes/backup* /root /tmp"
# $1 the place, $2 ROOT, $3 the depth. A word, a tab and the place; before that the youngest files that may be snapshots.
# shellcheck disable=SC2016  # the inner shell's
LOOK='[ -d "$1" ] || exit
    if [ ! -r "$1" ] || [ ! -x "$1" ] || { [ -n "$2" ] && [ -L "$1" ]; }; then printf "unlooked\t%s\n" "${1#"$2"}"; exit; fi
    word=looked
    found=$(find "$1/" -maxdepth "$3" -type f ! -path "*/member/*" "(" -name "*.db" -o -name "*.db.*" -o -path "*etcd*" -o -iname "*etcd*" -o -iname "*snap*" ")" \
        -exec stat -c "%Y %s %n" "{}" + 2>/dev/null) || word=partly
    printf "%s\n" "$found" | sort -rn | head -n 40 | while read -r time size path; do
        [ -z "$path" ] || printf "%s\t%s\t%s\n" "$time" "$size" "${path#"$2"}"
    done
    printf "%s\t%s\n" "$word" "${1#"$2"}"'
# $1 ROOT, $2 LOOK, $3 etcd's own directory, where a snapshot lies that was taken through the static pod.
# shellcheck disable=SC2016
LOOK_EVERYWHERE='command -v stat >/dev/null || exit 127
    root=$1 look=$2 data=$3
    shift 2
    for pattern; do
        depth=3
        case $pattern in "$data" | /root | /tmp) depth=1 ;; esac
        # shellcheck disable=SC2086  # a pattern it is
        for place in "$root"$pattern; do sh -c "$look" sh "$place" "$root" "$depth" & done
    done
    wait'
take_etcd_files() {
    etcd_data=$(etcd_directory)
    if resolve "$etcd_data/member/snap/db" && [ -e "$SOURCE" ]; then
        run etcd-database stat -c %s "$SOURCE"
    elif hidden "$SOURCE"; then
        unreadable "$etcd_data/member/snap/db" "permission denied"
    fi
    if resolve /etc/kubernetes/tmp && [ -d "$SOURCE" ]; then
        # shellcheck disable=SC2016
        run kubeadm-copies sh -c 'cd "$0" && for one in *; do [ ! -e "$one" ] || du -sk "$one"; done' "$SOURCE"
    elif hidden "$SOURCE"; then
        unreadable /etc/kubernetes/tmp "permission denied"
    fi
    # Which crontabs, timers and scripts of theirs speak of saving etcd: their names alone.
    # shellcheck disable=SC2016
    run etcd-schedules sh -c 'for place in etc/crontab etc/cron.d etc/cron.hourly etc/cron.daily etc/cron.weekly var/spool/cron etc/systemd/system; do
        [ ! -e "$1/$place" ] || find "$1/$place" -type f -exec grep -lE "$2" "{}" +
    done | head -n 20 | while read -r path; do printf "%s\n" "${path#"$1"}"; done' sh "$ROOT" \
        'etcd(ctl|utl).*(snapshot|backup)|etcd[-_./]?(backup|snapshot|dump)|(backup|snapshot|dump)[-_./]?etcd'
    set -f
    # shellcheck disable=SC2086  # patterns, which the inner shell is to expand
    run etcd-snapshots sh -c "$LOOK_EVERYWHERE" sh "$ROOT" "$LOOK" "$etcd_data" $SNAPSHOT_PLACES
    set +f
}
take_etcd() {
    # What answers here is not the etcd of a disk that is only mounted.
    [ -n "$ROOT" ] || ask_etcd "$ARCHIVE/files/etc/kubernetes/manifests/etcd.yaml"
    take_etcd_files
}
