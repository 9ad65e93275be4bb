# shellcheck shell=sh
# How things come into the archive: within their time, within their size, and with a word about what did not come.

FILE_LIMIT=262144     # bytes of one file, and of what one command says
TOTAL_LIMIT=4500000   # bytes of the tar, its headers counted
FILES_LIMIT=2000      # files looked at below one directory
ROOT='' OUTPUT='' SECONDS_EACH=10 DEADLINE=120 LEFT=120 TOTAL=0 CHILD='' WORK='' COMPLETE=true

# Where our own words and the archive go: a signal may be heard while both outputs are those of a command.
exec 3>&1 4>&2
say() { printf 'kubepreflight: %s\n' "$*" >&4; }
fail() { say "$*"; exit 1; }

# limited COMMAND…: ends within SECONDS_EACH, and within the time that was LEFT (status 124), writes no more than a little over FILE_LIMIT.
# In the background, because a shell hears a signal while it waits and not while a command runs. The watchdog is called off by
# a signal that no trap here is for: one of ours would be lost where it comes before the new process has dropped our traps.
limited() {
    seconds=$SECONDS_EACH
    [ "$LEFT" -ge "$seconds" ] || seconds=$LEFT
    if [ -n "$HAS_TIMEOUT" ]; then
        (ulimit -f 1024; exec timeout -k 2 "$seconds" "$@" 3>&- 4>&-) </dev/null &
        CHILD=$!
        wait "$CHILD"; limited_status=$?
    else
        (ulimit -f 1024; exec "$@" 3>&- 4>&-) </dev/null &
        CHILD=$!
        (trap '[ "$!" = "$CHILD" ] || kill -KILL "$!"; exit' USR1
            sleep "$seconds" &
            wait "$!"; kill -TERM "$CHILD"
            sleep 1 &
            wait "$!"; kill -KILL "$CHILD") </dev/null >/dev/null 2>&1 3>&- 4>&- &
        watchdog=$!
        wait "$CHILD"; limited_status=$?
        kill -USR1 "$watchdog" 2>/dev/null
        wait "$watchdog" 2>/dev/null
    fi
    CHILD=''
    case $limited_status in 137 | 143) return 124 ;; *) return "$limited_status" ;; esac
}

unreadable() {
    printf '%s\t%s\n' "$1" "$2" >>"$ARCHIVE/unreadable.txt"
    TOTAL=$((TOTAL + ${#1} + ${#2} + 2))
}

# Every command of the node's is a process more, and a node has a hundred files: what follows gets along without, where it can.

# now: into NOW, seconds of a clock that nobody sets.
now() { if read -r NOW _ 2>/dev/null </proc/uptime; then NOW=${NOW%%.*}; else NOW=$(date +%s); fi; }

in_time() {
    [ "$COMPLETE" = true ] || return 1
    now
    left=$((DEADLINE - NOW + STARTED))
    if [ "$left" -gt 0 ]; then LEFT=$left; else COMPLETE=false; say "out of time: what is left is not taken"; return 1; fi
}

# resolve PATH: into SOURCE, where it really lies below ROOT. Links are followed by hand, because theirs start at ROOT and ours do not.
resolve() {
    SOURCE=$1
    [ -n "$ROOT" ] || return 0
    SOURCE=''
    rest=${1#/} real='' links=0
    while [ -n "$rest" ]; do
        part=${rest%%/*}
        case $rest in */*) rest=${rest#*/} ;; *) rest='' ;; esac
        case $part in '' | .) continue ;; ..) real=${real%/*}; continue ;; esac
        if [ -L "$ROOT$real/$part" ]; then
            links=$((links + 1))
            [ "$links" -le 40 ] || return 1
            target=$(readlink "$ROOT$real/$part") || return 1
            case $target in /*) real='' rest=${target#/}/$rest ;; *) rest=$target/$rest ;; esac
        else
            real=$real/$part
        fi
    done
    SOURCE=$ROOT$real
}

# hidden PATH: whether it may be there, in a directory that we may not search.
hidden() {
    hidden_parent=$1
    while [ ! -e "$hidden_parent" ] && [ -n "$hidden_parent" ]; do hidden_parent=${hidden_parent%/*}; done
    hidden_parent=${hidden_parent:-/}
    [ ! -x "$hidden_parent" ]
}

# size_of FILE: into BYTES. Some wc put blanks before it, which the arithmetic takes away.
size_of() {
    BYTES=$(wc -c 2>/dev/null <"$1") || BYTES=0
    BYTES=$((BYTES))
}
# folder DIR: makes it, where it is not there yet.
folder() { [ -d "$1" ] || mkdir -p "$1"; }

# take FILTER PATH: one file of the node into the archive, through its filter. Status 1 when it did not come.
take() {
    in_time || return 1
    # Below files/ it would lead out of the scratch directory.
    case $2 in */../* | */..) unreadable "$2" "a path with .. in it, which is not followed"; return 1 ;; esac
    [ ! -e "$ARCHIVE/files$2" ] || return 0
    resolve "$2" || { unreadable "$2" "links in a circle"; return 1; }
    if [ ! -e "$SOURCE" ]; then
        if hidden "$SOURCE"; then
            unreadable "$2" "permission denied"
        elif [ -L "$ROOT$2" ]; then
            unreadable "$2" "a link to what is not there"
        fi
        return 1
    fi
    [ -f "$SOURCE" ] || return 1
    [ -r "$SOURCE" ] || { unreadable "$2" "permission denied"; return 1; }
    size_of "$SOURCE"
    [ "$BYTES" -le "$FILE_LIMIT" ] || { unreadable "$2" "too large: $BYTES bytes"; return 1; }
    [ $((TOTAL + BYTES)) -lt "$TOTAL_LIMIT" ] || { unreadable "$2" "the archive is full"; return 1; }
    folder "$ARCHIVE/files${2%/*}" || return 1
    "$1" "$SOURCE" >"$WORK/cut" 2>"$WORK/errors"
    case $? in
        0) ;;
        7) unreadable "$2" "nothing in it is a certificate that could be told from a key"; return 1 ;;
        8) unreadable "$2" "something in it is no whole certificate, and was left out" ;;
        9) unreadable "$2" "left on the node: where its values or secrets end cannot be told safely"; return 1 ;;
        124) unreadable "$2" "reading it took too long"; return 1 ;;
        *) unreadable "$2" "reading it failed: $(head -n 1 "$WORK/errors" | tr '\t' ' ')"; return 1 ;;
    esac
    cp "$WORK/cut" "$ARCHIVE/files$2" || return 1
    size_of "$WORK/cut"
    TOTAL=$((TOTAL + 2048 + BYTES))
}

# list DIR [FIND EXPRESSION…]: its files into $WORK/list, as paths on the node. Status 1: none there; 2: could not look.
list() {
    list_dir=$1 list_status=0 follow=-L
    [ -z "$ROOT" ] || follow=''
    shift
    : >"$WORK/list"
    in_time || return 2
    resolve "$list_dir" || return 2
    if [ ! -d "$SOURCE" ]; then
        if hidden "$SOURCE"; then unreadable "$list_dir" "permission denied"; return 2; fi
        return 1
    fi
    if [ ! -r "$SOURCE" ] || [ ! -x "$SOURCE" ]; then unreadable "$list_dir" "permission denied"; return 2; fi
    # Below ROOT find would follow a link to a directory of ours; who takes a link says so then.
    limited find ${follow:+"$follow"} "$SOURCE/" "$@" \( -type f -o -type l \) -print >"$WORK/found" 2>"$WORK/errors" || {
        unreadable "$list_dir" "not all of it could be listed: $(head -n 1 "$WORK/errors" | tr '\t' ' ')"
        list_status=2
    }
    while IFS= read -r found; do
        case $found in
            */../*) ;;
            "$SOURCE"/*) printf '%s\n' "$list_dir/${found#"$SOURCE/"}" ;;
        esac
    done <"$WORK/found" | sed 's#//*#/#g' | sort | head -n "$FILES_LIMIT" >"$WORK/list"
    [ "$(wc -l <"$WORK/found")" -le "$FILES_LIMIT" ] || { unreadable "$list_dir" "more than $FILES_LIMIT files"; list_status=2; }
    return "$list_status"
}

# take_all FILTER DIR PATTERN…: the files right in DIR whose names match.
take_all() {
    filter=$1 take_dir=$2
    shift 2
    list "$take_dir" ! -name '.*'
    cp "$WORK/list" "$WORK/list.$$"
    while IFS= read -r path; do
        for pattern in "$@"; do
            # shellcheck disable=SC2254  # a pattern it is
            case ${path#"$take_dir/"} in */*) ;; $pattern) take "$filter" "$path" ;; esac
        done
    done <"$WORK/list.$$"
}

# hide_passwords FILE: what a program says may hold an address with a password in it.
hide_passwords() {
    grep -q '://[^ ]*@' "$1" || return 0
    # shellcheck disable=SC2016  # awk's dollars
    limited awk "$CUT_COMMON"'BEGIN { ADDRESS = "://[^ \t\"]*@" } { print without_userinfo($0) }' "$1" >"$WORK/said" || : >"$WORK/said"
    cp "$WORK/said" "$1"
}
# run NAME COMMAND…: what it says, and how it ended.
run() {
    in_time || return
    at=$ARCHIVE/commands/$1
    shift
    folder "$at"
    printf '%s\n' "$*" >"$at/command"
    if command -v "$1" >/dev/null 2>&1; then
        limited "$@" >"$at/stdout" 2>"$at/stderr"
        printf '%s\n' "$?" >"$at/status"
    else
        : >"$at/stdout"
        printf '%s: not found\n' "$1" >"$at/stderr"
        echo 127 >"$at/status"
    fi
    for stream in stdout stderr; do
        TOTAL=$((TOTAL + 2048))
        [ -s "$at/$stream" ] || continue
        hide_passwords "$at/$stream"
        size_of "$at/$stream"
        if [ $((TOTAL + BYTES)) -gt "$TOTAL_LIMIT" ] || [ "$BYTES" -gt "$FILE_LIMIT" ]; then
            : >"$at/$stream"
            BYTES=0
            unreadable "commands/${at##*/}/$stream" "too large"
        fi
        TOTAL=$((TOTAL + BYTES))
    done
    TOTAL=$((TOTAL + 4096))
}
# run_cut FILTER NAME COMMAND…: like `run`, and only what the filter lets through of what it says; on standard error only
# why it failed, for a program that is told to debug itself says there what it was answered.
run_cut() {
    cut_filter=$1
    shift
    run "$@"
    at=$ARCHIVE/commands/$1
    [ "$(cat "$at/status" 2>/dev/null)" != 0 ] || : >"$at/stderr"
    [ -s "$at/stdout" ] || return 0
    cp "$at/stdout" "$WORK/said"
    "$cut_filter" "$WORK/said" >"$at/stdout" 2>/dev/null && return 0
    : >"$at/stdout"
    unreadable "commands/$1/stdout" "left on the node: where its values or secrets end cannot be told safely"
}
# version NAME PROGRAM ARGUMENTS…: the program as it lies below ROOT.
version() {
    version_name=$1 program=$2
    shift 2
    if [ -n "$ROOT" ]; then
        for directory in /usr/local/sbin /usr/local/bin /usr/sbin /usr/bin /sbin /bin /opt/bin; do
            if resolve "$directory/$program" && [ -x "$SOURCE" ] && [ -f "$SOURCE" ]; then
                run "$version_name" "$SOURCE" "$@"
                # It is there: for want of its libraries or its interpreter it does not run here, which is something else.
                [ "$(cat "$ARCHIVE/commands/$version_name/status" 2>/dev/null)" != 127 ] ||
                    echo 126 >"$ARCHIVE/commands/$version_name/status"
                return
            fi
        done
        program=$ROOT/usr/bin/$program
    fi
    run "$version_name" "$program" "$@"
}

write_host() {
    host_name=$(uname -n)
    if [ -n "$ROOT" ]; then host_name=$(cat "$ARCHIVE/files/etc/hostname" 2>/dev/null); fi
    machine_id=$(cat "$ARCHIVE/files/etc/machine-id" 2>/dev/null)
    # Bridges have the same address on every node, kube-ipvs0 has those of all services.
    addresses=$(awk '$3 ~ /^inet6?$/ && $2 !~ /^(lo|docker|br-|cni|flannel|cali|cilium|lxc|veth|virbr|weave|tunl|vxlan|kube-ipvs|nodelocaldns)/ { sub(/\/.*/, "", $4); if ($4 ~ /^[0-9a-fA-F:.]+$/ && $4 !~ /^fe80:/)
        printf "%s\"%s\"", (n++ ? ", " : ""), $4 }' "$ARCHIVE/commands/ip-address/stdout" 2>/dev/null)
    root=false
    [ "$(id -u)" != 0 ] || root=true
    printf '{"format": "kubepreflight.host/v1", "name": "%s", "machine_id": "%s", "collected_at": "%s", "complete": %s, "root": %s, "addresses": [%s]}\n' \
        "$(printf '%s' "$host_name" | tr -cd 'A-Za-z0-9._-')" "$(printf '%s' "$machine_id" | tr -cd 'A-Za-z0-9')" \
        "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$COMPLETE" "$root" "$addresses" >"$ARCHIVE/host.json"
}

# has_room BYTES/1024: whether so much more can be written where the archive grows.
has_room() {
    if dd if=/dev/zero of="$WORK/room" bs=1024 count="$1" 2>/dev/null; then room_status=0; else room_status=1; fi
    rm -f "$WORK/room"
    return "$room_status"
}
# The tar is written whatever happened before; status 3 says that it is not complete.
finish() {
    trap '' HUP INT TERM PIPE
    # Where there is none now, files may have come in part without a word.
    has_room 1024 || fail "no room is left in $WORK, and what was taken is not whole: set TMPDIR to a place with 6 MB"
    write_host
    cd "$ARCHIVE" || fail "the scratch directory is gone"
    if [ -n "$OUTPUT" ]; then
        if ! tar -cf "$OUTPUT.$$" host.json unreadable.txt private-keys.txt commands files || ! mv "$OUTPUT.$$" "$OUTPUT"; then
            rm -f "$OUTPUT.$$"
            fail "cannot write $OUTPUT"
        fi
    else
        tar -cf - host.json unreadable.txt private-keys.txt commands files >&3 2>&4 || fail "cannot write the archive"
    fi
    [ "$COMPLETE" = true ] || exit 3
    exit 0
}
# shellcheck disable=SC2317  # a trap calls it
interrupted() {
    trap '' HUP INT TERM PIPE
    COMPLETE=false
    [ -z "$CHILD" ] || kill -TERM "$CHILD" 2>/dev/null
    say "interrupted: what there is, is kept"
    finish
}

prepare() {
    for program in awk dd find mktemp sed tar; do
        command -v "$program" >/dev/null 2>&1 || fail "this node has no $program"
    done
    HAS_TIMEOUT=''
    if timeout -k 2 5 true >/dev/null 2>&1; then HAS_TIMEOUT=yes; fi
    trap '[ -z "$WORK" ] || rm -rf "$WORK"' EXIT
    for directory in ${TMPDIR:+"$TMPDIR"} /dev/shm /run /tmp; do
        WORK=$(mktemp -d "$directory/kubepreflight.XXXXXX" 2>/dev/null) || continue
        if has_room 6144; then break; fi
        rm -rf "$WORK"
        WORK=''
    done
    [ -n "$WORK" ] || fail "no place for a scratch directory of 6 MB: set TMPDIR"
    # For programs too: apt makes files in between, and would refuse its answer where /tmp is full or read-only.
    TMPDIR=$WORK
    export TMPDIR
    trap interrupted HUP INT TERM PIPE
    ARCHIVE=$WORK/archive
    mkdir -p "$ARCHIVE/files" "$ARCHIVE/commands" || fail "cannot write to $WORK"
    : >"$ARCHIVE/unreadable.txt"
    : >"$ARCHIVE/private-keys.txt"
    now
    STARTED=$NOW
}
