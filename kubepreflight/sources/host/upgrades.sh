# shellcheck shell=sh
# What a plain upgrade of the system would do today, whether the package manager can work at all, and what upgrades by
# itself. Nothing but simulations: no lock is taken, no list fetched, no cache written, and none of the node's hooks run.

# apt's settings for our questions, which it reads after the node's own; and where ROOT is another, before them.
apt_settings() {
    cat >"$WORK/apt.conf" <<'CONF'
#clear AptCli::Hooks;
Debug::NoLocking "true";
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
Dir::Log::Planner "";
Dir::Log::Solver "";
APT::Get::Show-User-Simulation-Note "false";
CONF
    case $ROOT in
        '') ;;
        *'"'* | *'\'*) return 1 ;;
        *)
            printf 'Dir "%s/";\n' "$ROOT" >"$WORK/apt-root.conf"
            APT_CONFIG=$WORK/apt-root.conf
            export APT_CONFIG
            ;;
    esac
}
take_apt_upgrade() {
    [ -d "$ROOT/etc/apt" ] && apt_settings || return 0
    # Without its caches apt reads all its lists anew each time.
    SECONDS_EACH=$((SECONDS_EACH * 3))
    run apt-upgrade apt-get -c "$WORK/apt.conf" -s -q upgrade
    run apt-dist-upgrade apt-get -c "$WORK/apt.conf" -s -q dist-upgrade
    SECONDS_EACH=$((SECONDS_EACH / 3))
}

# What dpkg left unfinished: it keeps a journal, of files with numbers for names, from an interruption to the next run.
take_dpkg_state() {
    [ -d "$ROOT/var/lib/dpkg" ] || return 0
    run dpkg-audit dpkg --admindir="$ROOT/var/lib/dpkg" --audit
    run dpkg-journal ls "$ROOT/var/lib/dpkg/updates"
}
# Who holds a package manager's lock now. The files are always there: only the kernel knows, by their inodes.
take_package_locks() {
    [ -z "$ROOT" ] || return 0
    set --
    for lock in /var/lib/dpkg/lock-frontend /var/lib/dpkg/lock /var/lib/apt/lists/lock /var/cache/apt/archives/lock \
        /usr/lib/sysimage/rpm/.rpm.lock /var/lib/rpm/.rpm.lock; do
        [ ! -f "$lock" ] || set -- "$@" "$lock"
    done
    [ $# -gt 0 ] || return 0
    run package-locks stat -c '%i %d %n' "$@"
    run kernel-locks cat /proc/locks
    holders=$(awk 'FILENAME ~ /package-locks/ { locks[$1]; next }
        { for (i = 1; i <= NF; i++) if ($i == "WRITE") { split($(i + 2), at, ":"); if (at[3] in locks) print $(i + 1) } }
        ' "$ARCHIVE/commands/package-locks/stdout" "$ARCHIVE/commands/kernel-locks/stdout" | sort -u | head -n 20)
    set --
    for holder in $holders; do [ ! -r "/proc/$holder/stat" ] || set -- "$@" "/proc/$holder/stat"; done
    [ $# -eq 0 ] || run lock-holders cat /proc/uptime "$@"
}
take_upgrades() {
    take_apt_upgrade
    take_dpkg_state
    take_package_locks
    unset APT_CONFIG
}
