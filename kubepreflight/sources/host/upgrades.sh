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
    # shellcheck disable=SC1003  # a backslash it is
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
# What upgrades by itself. Of apt's settings just these leave: others may hold a proxy's password.
AUTOMATIC="APT::Periodic Unattended-Upgrade::Allowed-Origins Unattended-Upgrade::Origins-Pattern
    Unattended-Upgrade::Package-Blacklist Unattended-Upgrade::Package-Whitelist
    Unattended-Upgrade::Package-Whitelist-Strict"
take_automatic() {
    if [ -d "$ROOT/etc/apt" ] && apt_settings; then
        # shellcheck disable=SC2086  # a list it is
        run apt-automatic apt-config dump $AUTOMATIC
        if grep -q '::$\|:: "' "$ARCHIVE/commands/apt-automatic/stdout" 2>/dev/null; then
            run apt-releases apt-cache -c "$WORK/apt.conf" policy
        fi
    fi
    run upgrade-timers systemctl --root="${ROOT:-/}" --no-legend --no-pager list-unit-files apt-daily-upgrade.timer \
        dnf-automatic.timer dnf-automatic-install.timer dnf5-automatic.timer yum-cron.service
    for path in /etc/dnf/automatic.conf /usr/share/dnf5/dnf5-plugins/automatic.conf /etc/yum/yum-cron.conf; do
        take cut_automatic "$path"
    done
}
# Only what says whether and what it installs: the rest is about mail and commands, with their passwords.
cut_automatic() {
    limited awk '
    { sub(/[ \t\r]+$/, "") }
    /^\[[a-z]+\]$/ || /^[ \t]*(apply_updates|upgrade_type|update_cmd)[ \t]*=[ \t]*[A-Za-z0-9:-]*$/ { print; next }
    { print "# (cut)" }' "$1"
}
take_upgrades() {
    take_apt_upgrade
    take_dpkg_state
    take_package_locks
    take_automatic
    unset APT_CONFIG
}
