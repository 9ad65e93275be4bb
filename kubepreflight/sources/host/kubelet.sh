# shellcheck shell=sh
# The kubelet's settings, its unit, its process, and the static pods that it runs.

UNIT_DIRECTORIES='/etc/systemd/system /run/systemd/system /usr/local/lib/systemd/system /usr/lib/systemd/system /lib/systemd/system'

# take_units UNIT: the unit and its drop-ins, wherever they lie.
take_units() {
    for directory in $UNIT_DIRECTORIES; do
        if [ -L "$ROOT${directory%%/systemd*}" ]; then continue; fi
        take_unit "$directory/$1.service"
        list "$directory/$1.service.d" ! -name '.*' -name '*.conf'
        cp "$WORK/list" "$WORK/units"
        # Where find follows links, one to /dev/null is no file.
        for path in "$ROOT$directory/$1.service.d"/*.conf; do
            [ ! -L "$path" ] || printf '%s\n' "${path#"$ROOT"}" >>"$WORK/units"
        done
        while IFS= read -r path; do take_unit "$path"; done <"$WORK/units"
    done
}
# What a link to /dev/null masks comes as an empty file, which masks too.
take_unit() {
    if [ "$(readlink "$ROOT$1" 2>/dev/null)" = /dev/null ]; then
        folder "$ARCHIVE/files${1%/*}" && : >"$ARCHIVE/files$1"
    else
        take cut_unit "$1"
    fi
}

# The programs that make a node, as they run: number, name, and whether their mounts are the node's (own, also where only
# root could tell) or those of a container (other); the command line of each of the first. Root's alone: anybody may call a
# program so, and name files to it that are not his to read.
take_processes() {
    reference=self
    [ -z "$ROOT" ] || reference=1
    # shellcheck disable=SC2016  # the inner shell's dollars
    run processes sh -c 'cd "$1" && ls -d [0-9]* >/dev/null || exit 1
        mounts=$(readlink "$2/ns/mnt")
        for process in [0-9]*; do
            read -r name <"$process/comm" || continue
            case $name in kubelet | containerd | crio | cri-dockerd | dockerd) ;; *) continue ;; esac
            user=
            while read -r word user _; do [ "$word" != Uid: ] || break; done <"$process/status"
            [ "$user" = 0 ] || continue
            theirs=$(readlink "$process/ns/mnt")
            [ "${theirs:-$mounts}" = "$mounts" ] && echo "$process $name own" || echo "$process $name other"
        done 2>/dev/null' sh "$ROOT/proc" "$reference"
    sed -n 's/ own$//p' "$ARCHIVE/commands/processes/stdout" >"$WORK/processes" 2>/dev/null
    while read -r process _; do take cut_arguments "/proc/$process/cmdline"; done <"$WORK/processes"
}

# named_after PATTERN: the paths, quoted or not, before which a line of $WORK/told is like that.
named_after() {
    sed -n "s/$1[\"']\{0,1\}\(\/[^\"' ]*\).*/\1/p" "$WORK/told" | grep -v '/\.\./' | sort -u
}

take_kubelet() {
    take_units kubelet
    take_units cri-docker
    take_processes
    # What the running system's systemd says is not of a system that is only mounted.
    [ -n "$ROOT" ] || run systemctl-show systemctl show --no-pager \
        --property=Id,LoadState,ActiveState,UnitFileState,MainPID,NeedDaemonReload kubelet containerd crio docker cri-docker
    find "$ARCHIVE/files" -path '*/kubelet.service*' -type f -exec cat {} + >"$WORK/told" 2>/dev/null
    named_after '^[ ]*EnvironmentFile[ ]*=[ ]*-\{0,1\}' >"$WORK/environment"
    for path in /var/lib/kubelet/kubeadm-flags.env /etc/default/kubelet /etc/sysconfig/kubelet; do printf '%s\n' "$path"; done >>"$WORK/environment"
    while IFS= read -r path; do
        take cut_environment "$path" && cat "$ARCHIVE/files$path" >>"$WORK/told"
    done <"$WORK/environment"
    while read -r process name; do
        [ "$name" != kubelet ] || { tr '\n' ' ' <"$ARCHIVE/files/proc/$process/cmdline"; echo; } >>"$WORK/told" 2>/dev/null
    done <"$WORK/processes"
    take_kubelet_config
    take_manifests
}
take_kubelet_config() {
    take cut_kubelet /var/lib/kubelet/instance-config.yaml
    { echo /var/lib/kubelet/config.yaml; named_after '.*--config[= ]'; } >"$WORK/configs"
    named_after '.*--config-dir[= ]' >"$WORK/directories"
    while IFS= read -r path; do
        list "$path" -name '*.conf' && cat "$WORK/list" >>"$WORK/configs"
    done <"$WORK/directories"
    while IFS= read -r path; do
        take cut_kubelet "$path" && sed -n 's/^staticPodPath:/--pod-manifest-path /p' "$ARCHIVE/files$path" >>"$WORK/told"
    done <"$WORK/configs"
}
take_manifests() {
    # shellcheck disable=SC2016  # the inner shell's dollar
    run kubeadm-patches sh -c '[ ! -d "$1" ] || ls "$1"' sh "$ROOT/etc/kubernetes/patches"
    # The kubelet runs every file there whose name begins with no dot, whatever it ends with.
    take_all cut_pod /etc/kubernetes/manifests '*'
    named_after '.*--pod-manifest-path[= ][ ]*' | sed 's#/*$##' >"$WORK/directories"
    while IFS= read -r path; do
        case $path in '' | /etc/kubernetes/manifests) ;; *) take_all cut_pod "$path" '*' ;; esac
    done <"$WORK/directories"
}
