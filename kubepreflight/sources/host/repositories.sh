# shellcheck shell=sh
# What the configured repositories and the package managers' caches can give, the keys that vouch for it, and how old it is:
# from what lies on the disk. No list is fetched, no cache written, no lock taken.

KUBERNETES_PACKAGES="kubeadm kubelet kubectl kubernetes-cni cri-tools"

# take_named_keys WORD FILE…: the keyrings on the disk that package sources name after WORD.
take_named_keys() {
    named=$1
    shift
    for sources in "$@"; do
        # shellcheck disable=SC2016  # awk's $0
        [ ! -f "$sources" ] || limited awk -v named="^[^#]*$named *[:=]" 'tolower($0) ~ named {
            sub(/ #.*/, ""); gsub(/file:\/\//, ""); gsub(/[][ \t,=:]+/, "\n"); print
        }' "$sources"
    done | grep '^/[^/]' | sort -u >"$WORK/keys"
    while IFS= read -r path; do take cut_openpgp "$path"; done <"$WORK/keys"
}
take_keyrings() {
    take_named_keys signed-by "$ARCHIVE"/files/etc/apt/sources.list "$ARCHIVE"/files/etc/apt/sources.list.d/*
    take cut_openpgp /etc/apt/trusted.gpg
    take_all cut_openpgp /etc/apt/trusted.gpg.d '*.gpg' '*.asc'
    take_named_keys gpgkey "$ARCHIVE"/files/etc/yum.repos.d/*
    take_all cut_openpgp /etc/pki/rpm-gpg '*'
}
ask_apt() {
    # As apt itself names them: address and suite, with _ for /.
    take_all cut_nothing /var/lib/apt/lists '*core*v1.*InRelease' '*core*v1.*Release' '*core*v1.*Release.gpg'
    apt_settings || return 0
    # Without its caches apt reads all its lists anew.
    SECONDS_EACH=$((SECONDS_EACH * 3))
    # shellcheck disable=SC2086  # a list it is
    run apt-cache-policy apt-cache -c "$WORK/apt.conf" policy $KUBERNETES_PACKAGES
    SECONDS_EACH=$((SECONDS_EACH / 3))
}
# What dnf has read of the repositories, of each file a line for each of our packages: dnf itself would write its logs and caches.
# shellcheck disable=SC2016  # it is another shell that expands it
READ_METADATA='
names=$1
shift
for file; do
    case $file in *.gz) unpack="gzip -dc" ;; *.zst) unpack="zstd -dc" ;; *.xz) unpack="xz -dc" ;; *) unpack=cat ;; esac
    { $unpack <"$file" || echo "$file: not unpacked" >&2; } | tr "<" "\n" | awk -v file="$file" -v names=" $names " "
        /^package / { name = \"\" }
        /^name>/ { if (name == \"\") name = substr(\$0, 6) }
        /^version / { if (index(names, \" \" name \" \")) print file \"\\t\" name \"\\t\" \$0 }"
done'
read_dnf_caches() {
    for directory in /var/cache/dnf /var/cache/libdnf5; do
        list "$directory" -name '*primary.xml*'
        cat "$WORK/list"
    done >"$WORK/metadata"
    set --
    while IFS= read -r path; do if resolve "$path"; then set -- "$@" "$SOURCE"; fi; done <"$WORK/metadata"
    # A whole distribution may be among them.
    SECONDS_EACH=$((SECONDS_EACH * 3))
    [ $# = 0 ] || run cached-metadata sh -c "$READ_METADATA" sh "$KUBERNETES_PACKAGES" "$@"
    SECONDS_EACH=$((SECONDS_EACH / 3))
}
list_cached_packages() {
    set --
    for directory in /var/cache/apt/archives /var/cache/dnf /var/cache/libdnf5 /var/cache/yum; do
        if resolve "$directory" && [ -d "$SOURCE" ]; then set -- "$@" "$SOURCE"; fi
    done
    # What is not whole yet lies in partial/.
    [ $# = 0 ] || run cached-packages find "$@" -name partial -prune -o -type f \
        \( -name 'kube*.deb' -o -name 'kube*.rpm' -o -name 'cri-tools*.deb' -o -name 'cri-tools*.rpm' \) -print
}
take_repositories() {
    take_keyrings
    if [ -d "$ROOT/var/lib/dpkg" ]; then ask_apt; fi
    read_dnf_caches
    list_cached_packages
}
