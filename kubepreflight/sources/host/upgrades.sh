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
take_upgrades() {
    take_apt_upgrade
}
