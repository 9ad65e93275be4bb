# shellcheck shell=sh
# Certificates and kubeconfigs with their secrets cut out, and the names of private keys: kubeadm's, the kubelet's, and
# whatever flags and settings name.

key_line() {
    printf '%s %s\n' "$1" "$2" >>"$ARCHIVE/private-keys.txt"
    TOTAL=$((TOTAL + ${#1} + ${#2} + 2))
}

# What a file holds, in one word: key, both, certificate, kubeconfig, other (of what is armoured), nothing.
content_of() {
    limited awk '
        /-----BEGIN .*PRIVATE KEY-----/ { key = 1 }
        /-----BEGIN (X509 |TRUSTED )?CERTIFICATE-----/ { certificate = 1 }
        /^["\047]?kind["\047]?:[ ]*["\047]?Config["\047]?[ \t\r]*$/ || /"kind"[ ]*:[ ]*"Config"/ { config = 1 }
        /^(clusters|users|contexts):/ { parts++ }
        /-----BEGIN / { other = 1 }
        END {
            if (config || parts >= 2) print "kubeconfig"
            else if (key) print(certificate ? "both" : "key")
            else print(certificate ? "certificate" : other ? "other" : "nothing")
        }
    ' "$1" 2>/dev/null
}

# take_trust DIR: every certificate and kubeconfig below it, and the names of its keys.
take_trust() {
    # kubeadm's backups, etcd's data among them, lie in tmp
    list "$1" -name tmp -type d -prune -o
    case $? in 0) trust_word=looked ;; 1) trust_word=absent ;; *) trust_word=unreadable ;; esac
    cp "$WORK/list" "$WORK/trust"
    while IFS= read -r path; do
        in_time || return
        take_trusted "$path"
    done <"$WORK/trust"
    key_line "$trust_word" "$1"
}
take_trusted() {
    resolve "$1" || return
    case $1 in *.key) [ ! -e "$SOURCE" ] || key_line present "$1"; return ;; esac
    if [ -d "$SOURCE" ]; then
        unreadable "$1" "a link to a directory, which is not followed below --root"
        trust_word=unreadable
        return
    fi
    trust_name=other
    case $1 in *.crt | *.cer | *.der | *.pem) trust_name=certificate ;; *.conf | *.kubeconfig) trust_name=kubeconfig ;; esac
    if [ ! -r "$SOURCE" ] || [ ! -f "$SOURCE" ] || { size_of "$SOURCE"; [ "$BYTES" -gt "$FILE_LIMIT" ]; }; then
        # A pem may be a key; `take` says why it does not come.
        case $1 in *.pem) trust_word=unreadable ;; esac
        [ "$trust_name" = other ] || take cut_pem "$1"
        return
    fi
    # kubeadm's own are kubeconfigs whatever they look like.
    case ${1#/etc/kubernetes/} in
        admin.conf | super-admin.conf | controller-manager.conf | scheduler.conf | kubelet.conf) take cut_kubeconfig "$1"; return ;;
    esac
    case $(content_of "$SOURCE") in
        key)
            key_line present "$1"
            case $1 in *.crt | *.cer) unreadable "$1" "a private key, and no certificate" ;; esac
            ;;
        both) key_line present "$1"; take cut_pem "$1" ;;
        certificate) take cut_pem "$1" ;;
        kubeconfig) take cut_kubeconfig "$1" ;;
        nothing) [ "$trust_name" != certificate ] || take cut_der "$1" ;;
        *) case $1 in *.crt) take cut_der "$1" ;; esac ;;
    esac
}

# kubeadm's certificatesDir, where the API server's flags tell that it lies elsewhere.
take_trust_elsewhere() {
    server=$ARCHIVE/files/etc/kubernetes/manifests/kube-apiserver.yaml
    directory=$(sed -n 's|^[ -]*--client-ca-file=\(/.*\)/ca\.crt$|\1|p' "$server" 2>/dev/null | head -n 1)
    case $directory/ in
        / | */../* | /etc/kubernetes/* | /proc/* | /sys/* | /dev/* | /etc/ssl/certs/* | /etc/pki/* | /usr/share/*) ;;
        *) take_trust "$directory" ;;
    esac
}

# Certificates and keys that flags and settings name, wherever they lie.
take_named() {
    find "$ARCHIVE/files" -type f \( -name '*.yaml' -o -name '*.conf' -o -name '*.env' -o -name kubelet \) -exec awk '
        { while (match($0, /[A-Za-z-]*([cC][eE][rR][tT]|[cC][aA]-?[fF]ile|[kK]ey)[A-Za-z-]*["\047]?(=|:[ ]*)["\047]?\/[^ \t"\047,]+/)) {
            s = substr($0, RSTART, RLENGTH); $0 = substr($0, RSTART + RLENGTH)
            path = substr(s, index(s, "/")); sub(/["\047]?[=:].*/, "", s)
            print(tolower(s) ~ /key/ ? "key" : "certificate", path) } }' {} + 2>/dev/null | sort -u >"$WORK/named"
    while read -r kind path; do
        # What the distribution trusts is not the cluster's.
        case $path in */../* | /proc/* | /sys/* | /dev/* | /etc/ssl/certs/* | /etc/pki/* | /usr/share/*) continue ;; esac
        resolve "$path" || continue
        case $kind in
            certificate) take cut_pem "$path" ;;
            key)
                if grep -qxF "present $path" "$ARCHIVE/private-keys.txt" || [ ! -f "$SOURCE" ]; then continue; fi
                case $(content_of "$SOURCE") in key | both) key_line present "$path" ;; esac
                ;;
        esac
    done <"$WORK/named"
}
