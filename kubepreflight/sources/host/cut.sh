# shellcheck shell=sh
# Everything that keeps secrets on the node. A filter reads one file (its argument) and prints what may leave; what it
# does not understand it cuts, and when it cannot tell where a secret ends it fails, and the file stays where it is.
# The awk is what mawk 1.3, gawk and busybox have in common: no character classes by name, no intervals, no backslash
# before a bracket within brackets.

# scrub: a line without user:password@ in its addresses and without the value of anything that is named like a secret.
# shellcheck disable=SC2016  # awk's dollars, not the shell's
CUT_COMMON='
BEGIN {
    SECRET = "(passw|passphrase|[-_]pass|secret|token|credential|api[-_.]?key|access[-_.]?key|authorization|user)"
    NAMED = "[a-z0-9_.-]*" SECRET "[a-z0-9_.-]*[\\\\\"\047]*[ \t]*([=:,][ \t]*|[ \t])[\\\\\"\047]*"
    ADDRESS = "://[^ \t]*@"
    SETTINGS = " configmapandsecretchangedetectionstrategy imagepullcredentialsverificationpolicy" \
        " --concurrent-serviceaccount-token-syncs "
}
# Settings of Kubernetes that are named like a secret: their value is a word or a number, of gates true or false.
function gates(before, after) {
    return before ~ /--feature-gates[= ]["\047]?[A-Za-z0-9,=]*=$/ && \
        match(after, /^(true|false)(,[A-Za-z0-9]+=(true|false))*/) && substr(after, RLENGTH + 1, 1) ~ /^[ \t"\047]?$/
}
function without_userinfo(s,    out, info) {
    out = ""
    while (match(s, ADDRESS)) {
        info = substr(s, RSTART + 3, RLENGTH - 4)
        out = out substr(s, 1, RSTART + 2) (info ~ /:/ || info !~ /\// ? "(cut)" : info) "@"
        s = substr(s, RSTART + RLENGTH)
    }
    # Signed addresses carry their secret behind the question mark.
    out = out s
    if (index(out, "://")) gsub(/[?&][A-Za-z0-9_.-]+=[^ \t"\047&]+/, "?(cut)", out)
    return out
}
function harmless(name, value) {
    if (value == "" || value == "(cut)" || value ~ /^(true|false|null)$/) return 1
    if (index(SETTINGS, " " name " ") && value ~ /^[A-Za-z0-9]+$/) return 1
    if (name !~ /(passw|passphrase|[-_]pass|secret|token|credential|api[-_.]?key|access[-_.]?key|authorization$)/)
        return name ~ /authorization/ || value !~ /^[^:\/]+:[^:]/
    if (value ~ /^\// && name ~ /(file|path|dir|config)$/) return 1
    return name !~ /pass/ && value ~ /^[0-9]+(h|m|s|ms)[0-9hms]*$/
}
function scrub(s,    out, low, head, name, mark, after, value, end, assigned, gated) {
    s = without_userinfo(s); out = ""; low = tolower(s)
    while (match(low, NAMED)) {
        head = substr(s, 1, RSTART + RLENGTH - 1); after = substr(s, RSTART + RLENGTH)
        name = substr(low, RSTART, RLENGTH); assigned = name ~ /[=:]/
        mark = substr(head, length(head)); match(name, /^[a-z0-9_.-]+/); name = substr(name, 1, RLENGTH)
        gated = gates(out head, after) ? RLENGTH : 0
        if (gated) value = substr(after, 1, gated)
        else if (mark == "\"" || mark == "\047") {
            end = index(after, mark)
            value = end && substr(after, end + 1, 1) != mark ? substr(after, 1, end - 1) : after
            if (value ~ /\\$/) value = after
        } else if (name !~ /^-/ && assigned) value = after
        else value = match(after, /[ \t"\047]/) ? substr(after, 1, RSTART - 1) : after
        out = out head
        if ((!assigned && (name !~ /^-/ || value ~ /^-/))) value = ""
        out = out (gated || harmless(name, value) ? value : "(cut)")
        s = substr(after, length(value) + 1); low = tolower(s)
    }
    return out s
}
# A proxy may have its password without a scheme before it.
function proxy(s, otherwise) { return s ~ /@/ && s !~ /\(cut\)@/ ? otherwise : s }
function refuse() { refused = 1; exit 9 }
{ sub(/\r$/, ""); if (NR == 1) sub(/^\357\273\277/, "") }
'

# Only CERTIFICATE blocks leave, each whole and looking like one: base64 of SEQUENCE { SEQUENCE, which no key begins with.
cut_pem() {
    limited awk '
    { sub(/[ \t\r]+$/, "") }
    /^-----BEGIN / { if (inside) bad = 1; block = ""; body = ""; inside = $0 ~ /^-----BEGIN (X509 |TRUSTED )?CERTIFICATE-----$/ }
    inside { block = block $0 "\n" }
    inside && /^-----END .*CERTIFICATE-----$/ {
        if (body ~ /^(MII...C[BC]|MI[E-H].M)/) printf "%s", block; else bad = 1
        inside = 0; next
    }
    inside && !/^-----/ { if ($0 ~ /^[A-Za-z0-9+\/=]*$/) body = body $0; else { inside = 0; bad = 1 } }
    END { if (bad || inside) exit 8 }' "$1"
}

# A DER certificate begins SEQUENCE { SEQUENCE { [0] version, a key does not; not a byte more than its length says.
cut_der() {
    begins=$(od -An -tx1 -N 12 "$1" | tr -d ' \n')
    case $begins in 3082????308[12]*a003*) ;; *) return 7 ;; esac
    length=$(printf '%d' "0x$(printf '%s' "$begins" | cut -c 5-8)")
    limited dd if="$1" bs=1 count="$((length + 4))" 2>/dev/null
}

# YAML, line by line. kubeconfig: only keys known to be harmless keep their value. pod: environment and header values go.
# kubelet: the headers for manifests from a URL go. Lines that a multi-line value continues on become comments.
cut_yaml() {
    limited awk -v mode="$1" "$CUT_COMMON"'
    BEGIN {
        below = -1; guard = -1
        KEEP = " apiVersion kind current-context name cluster user namespace server certificate-authority" \
            " certificate-authority-data client-certificate client-certificate-data client-key tokenFile" \
            " insecure-skip-tls-verify tls-server-name proxy-url command "
        CUT["pod"] = "^value$|last-applied-configuration$"; CUT["kubelet"] = "^staticPodURLHeader$"
        FLOW["pod"] = "[{,][ \t]*([\"\047]?value[\"\047]?[ \t]*:|[\"\047][^\"\047]*\\\\|[&?!])"
        FLOW["kubelet"] = "staticPodURLHeader.*[{]|[{].*staticPodURLHeader"
    }
    function comment() { print "# (cut)" }
    # Where a quoted text or a flow collection goes on, indentation tells nothing any more.
    function goes_on(value,    rest, opened) {
        if (value ~ /^"/) return value !~ /^"([^"\\]|\\.)*"/
        if (value ~ /^\047/) return value !~ /^\047([^\047]|\047\047)*\047/
        rest = value; opened = gsub(/[[{]/, "", rest)
        return value ~ /^[[{]/ && opened > gsub(/[]}]/, "", rest)
    }
    # base64 of PRIVATE KEY at each of its three offsets: a combined file was embedded
    function has_key(data) { return data ~ /UFJJVkFURSBLRV|BSSVZBVEUgS0VZ|QUklWQVRFIEtFW/ }
    /^[ \t]*$/ { print ""; next }
    /^[ \t]*#/ { comment(); next }
    {
        match($0, /^[ \t]*/); column = RLENGTH; body = substr($0, column + 1)
        if (below >= 0 && column > below) { comment(); next }
        below = -1
        if (guard >= 0 && column <= guard) guard = -1
        while (match(body, /^-[ \t]+/)) { column += RLENGTH; body = substr(body, RLENGTH + 1) }
        lead = substr($0, 1, column)
        if (body ~ /^[&!*?%:]/ || body ~ /^---[ \t]+[^ #]/ || body ~ /^["\047][^"\047]*\\[^"\047]*["\047]*[ \t]*:/) refuse()
        if (!begun && body ~ /^[[{]/) refuse()
        begun = 1
        if (mode != "kubeconfig" && $0 ~ FLOW[mode]) refuse()
        if (match(body, /^("[^"]*"|\047[^\047]*\047)[ \t]*:/) || match(body, /^[^][ \t"\047#{},|>@`:]+[ \t]*:([ \t]|$)/)) {
            key = substr(body, 1, RLENGTH); value = substr(body, RLENGTH + 1); sub(/^[ \t]+/, "", value)
            if (goes_on(value)) refuse()
            sub(/[ \t]*:[ \t]*$/, "", key); shown = key; gsub(/["\047]/, "", key)
            if (value !~ /["\047]/ || value ~ /^("[^"]*"|\047[^\047]*\047)[ \t]+#/) sub(/(^|[ \t]+)#.*$/, "", value)
            entry(); next
        }
        if (goes_on(body)) refuse()
        if (mode == "kubeconfig" && body !~ /^(---|\.\.\.|-)[ \t]*$/) { comment(); next }
        if (guard >= 0 && column > guard) { comment(); next }
        if (pending && body !~ /^["\047]?-/) print lead "(cut)"
        else print lead scrub(body)
        pending = tolower(body) ~ ("^[\"\047]?-[a-z0-9_.-]*" SECRET "[a-z0-9_.-]*[\"\047]?[ \t]*$")
    }
    function entry(    line) {
        if (mode == "kubeconfig") {
            if (value == "") { print lead shown ":"; return }
            if (!index(KEEP, " " key " ") || value ~ /^[[|>{&*!@`%]/ || has_key(value)) value = "(cut)"
            print lead shown ": " proxy(without_userinfo(value), key ~ /^(server|proxy-url)$/ ? "(cut)" : value)
            below = column; return
        }
        if (key ~ CUT[mode]) { print lead shown ": (cut)"; below = column; return }
        if (mode == "pod" && column == 0 && key == "kind") {
            if (value !~ /^["\047]?Pod["\047]?$/) refuse()
            pod = 1
        }
        line = scrub(shown (value == "" ? ":" : ": ") value)
        if (line ~ /\(cut\)/) below = column
        if (value == "" && tolower(key) ~ SECRET) guard = column
        print lead line
    }
    END { if (refused || (mode == "pod" && !pod)) exit 9 }' "$2"
}
cut_kubeconfig() { cut_yaml kubeconfig "$1"; }
cut_pod() { cut_yaml pod "$1"; }
cut_kubelet() { cut_yaml kubelet "$1"; }

# Environment files and systemd units: variables of the kubelet and proxies keep their values, all others only their
# names. A line that goes on becomes one, with empty ones after it: the numbers of the lines stay.
cut_variables() {
    limited awk -v mode="$1" "$CUT_COMMON"'
    function known(name) { return name ~ /^KUBE(LET)?_[A-Z0-9_]*$/ || tolower(name) ~ /^[a-z]+_proxy$/ }
    function assignments(s,    out, token, name) {
        if (s ~ /\\/) return "(cut)"
        for (out = ""; s !~ /^[ \t]*$/;) {
            sub(/^[ \t]+/, "", s)
            if (!match(s, /^"[^"]*"/) && !match(s, /^\047[^\047]*\047/) && !match(s, /^[^ \t"\047]+/)) return substr(out " (cut)", 2)
            token = substr(s, 1, RLENGTH); s = substr(s, RLENGTH + 1)
            name = token; sub(/^["\047]/, "", name)
            name = match(name, /^[A-Za-z_][A-Za-z0-9_]*=/) ? substr(name, 1, RLENGTH - 1) : ""
            out = out " " (name == "" ? "(cut)" : known(name) ? proxy(scrub(token), name "=(cut)") : name "=(cut)")
        }
        return substr(out, 2)
    }
    # Where a value that begins in quotes does not end in them, the next line belongs to it.
    function unclosed(value) {
        while (match(value, /^[ \t]*("([^"\\]|\\.)*"|\047[^\047]*\047)/)) value = substr(value, RLENGTH + 1)
        return value ~ /^[ \t]*["\047]/
    }
    # Joined, it would read otherwise: systemd takes quotes for quotes only where a value begins, and joins none in single ones.
    function differs(begun, value) {
        sub(/^[^=]*=[ \t]*/, "", begun)
        if (begun == "\\") return value ~ /^[ \t]*["\047]/
        return begun ~ /^["\047]/ && value !~ /^[ \t]*"([^"\\]|\\.)*"[ \t]*$/
    }
    # Releases of systemd differ in whether a comment goes on.
    function check(s,    name) {
        sub(/^[ \t]*(export[ \t]+)?/, "", s)
        if (mode != "environment" || !match(s, /^[A-Za-z_][A-Za-z0-9_]*=/)) return
        name = substr(s, 1, RLENGTH - 1); s = substr(s, RLENGTH + 1)
        if (unclosed(s) || known(name) && (doubt || first != "" && differs(first, s))) refuse()
    }
    function one(s,    name) {
        if (s ~ /^[ \t]*$/) return ""
        if (s ~ /^[ \t]*[#;]/) return "# (cut)"
        if (mode == "unit") return s ~ /^[ \t]*Environment[ \t]*=/ ? "Environment=" assignments(substr(s, index(s, "=") + 1)) : scrub(s)
        sub(/^[ \t]*(export[ \t]+)?/, "", s)
        if (!match(s, /^[A-Za-z_][A-Za-z0-9_]*=/)) return "# (cut)"
        name = substr(s, 1, RLENGTH - 1)
        return known(name) ? (name ~ /^KUBE/ ? scrub(s) : proxy(scrub(s), name "=(cut)")) : name "=(cut)"
    }
    # systemd reads no comment as going on, and skips one within a line that does.
    mode == "unit" && /^[ \t]*[#;]/ { if (held == "") print "# (cut)"; else after = after "\n"; next }
    mode == "environment" && /^[ \t]*[#;]/ && after == "" { print "# (cut)"; doubt = /\\$/; next }
    # In an environment file nothing takes the place of the line end.
    /\\$/ {
        if (after == "") first = $0
        held = held substr($0, 1, length($0) - 1) (mode == "unit" ? " " : ""); after = after "\n"; next
    }
    { check(held $0); printf "%s\n%s", one(held $0), after; held = after = first = ""; doubt = 0 }
    END { if (refused) exit 9; check(held); if (refused) exit 9; if (held != "") print one(held) }' "$2"
}
cut_environment() { cut_variables environment "$1"; }
cut_unit() { cut_variables unit "$1"; }

# A command line of /proc, one word a line. A secret may be the word after its flag; within a word nothing ends it.
cut_arguments() {
    tr '\n\000' ' \n' <"$1" >"$WORK/arguments" && limited awk "$CUT_COMMON"'
    {
        word = $0; gsub(/ /, "\001", word); gsub(/\t/, "\002", word); gsub(/"/, "\003", word); gsub(/\047/, "\004", word)
        line = pending == "" || /^-/ ? scrub(word) : substr(scrub(pending "=" word), length(pending) + 2)
        pending = /^-[^= \t]*$/ ? $0 : ""
        gsub(/\001/, " ", line); gsub(/\002/, "\t", line); gsub(/\003/, "\"", line); gsub(/\004/, "\047", line)
        print line
    }' "$WORK/arguments"
}

# Package sources and the package managers configuration, in any of their formats.
cut_lines() {
    limited awk "$CUT_COMMON"'
    cutting && /^[ \t]+[^ \t]/ { print "# (cut)"; next }
    { cutting = 0 }
    match($0, /^[ \t]*#?[ \t]*[^=: \t]+[ \t]*[=:]/) && tolower(substr($0, 1, RLENGTH)) ~ ("username|" SECRET) {
        print substr($0, 1, RLENGTH) "(cut)"; cutting = 1; next
    }
    { print scrub($0) }' "$1"
}

# containerd and CRI-O: whatever concerns authentication, headers or environment goes.
cut_toml() {
    limited awk "$CUT_COMMON"'
    BEGIN { ARRAY_END = "^[^#]*[]][ \t]*(#.*)?$" }
    function sensitive(s) { return tolower(s) ~ ("auth|header|user(name)?[ \t\"\047]*[=]|env|" SECRET) }
    closing != "" { if ($0 ~ closing) closing = ""; print "# (cut)"; next }
    /^[ \t]*(#|$)/ { print ($0 ~ /#/ ? "# (cut)" : ""); next }
    /^[ \t]*\[+[^=,]*\]+[ \t]*(#.*)?$/ { sub(/[ \t]*#.*$/, ""); section = sensitive($0 "="); print scrub($0); next }
    section { print "# (cut)"; next }
    {
        key = index($0, "=") ? substr($0, 1, index($0, "=")) : ""
        value = substr($0, length(key) + 1)
        if (key == "" && $0 !~ /^[ \t]*("[^"]*"|\047[^\047]*\047|[-+0-9a-z.]+)?[ \t]*,?[ \t]*[]}]*[ \t]*,?[ \t]*(#.*)?$/) {
            print "# (cut)"; next
        }
        if (sensitive(key) || ($0 ~ /\{/ && sensitive($0))) {
            print "# (cut)"
            if (value ~ /^[ \t]*"""/ && value !~ /""".*"""/) closing = "\"\"\""
            else if (value ~ /^[ \t]*\047\047\047/ && value !~ /\047\047\047.*\047\047\047/) closing = "\047\047\047"
            else if (value ~ /^[ \t]*\[/ && value !~ ARRAY_END) closing = ARRAY_END
            next
        }
        print scrub($0)
    }' "$1"
}

# Docker: a string named like a secret becomes "(cut)"; anything else under such a name keeps the file on the node.
cut_json() {
    limited awk "$CUT_COMMON"'
    { text = text $0 "\n" }
    END {
        ADDRESS = "://[^ \t\"]*@"
        text = without_userinfo(text)
        if (text ~ /"[^"]*\\u[^"]*"[ \t\n]*:/) exit 9
        named = "\"[^\"]*((passw|passphrase|secret|token|credential|api[-_.]?key|access[-_.]?key|header|proxy)[^\"]*|auth|psk|[-_]pass|[-_]key)\"[ \t\n]*:[ \t\n]*"
        while (match(tolower(text), named)) {
            printf "%s", substr(text, 1, RSTART + RLENGTH - 1)
            text = substr(text, RSTART + RLENGTH)
            if (match(text, /^"([^"\\]|\\.)*"/)) { printf "\"(cut)\""; text = substr(text, RLENGTH + 1) }
            else if (text !~ /^(true|false|null)/) exit 9
        }
        printf "%s", text
    }' "$1"
}
# What a runtime says of itself (crictl info): indented JSON, of which only the values of harmless names are kept. Registry
# credentials have no place among those.
cut_info() {
    limited awk "$CUT_COMMON"'
    BEGIN { KEEP = " sandboxImage systemdCgroup SystemdCgroup defaultRuntimeName runtimeType containerdEndpoint type status reason cgroupDriver driver " }
    /^[ \t]*[]{}[]+,?[ \t]*$/ || /^[ \t]*"[^"\\]*"[ \t]*:[ \t]*([[{]|\[\]|\{\})[ \t]*,?[ \t]*$/ { print; next }
    match($0, /^[ \t]*"[^"\\]*"[ \t]*:[ \t]*/) {
        head = substr($0, 1, RLENGTH); value = substr($0, RLENGTH + 1); comma = value ~ /,[ \t]*$/ ? "," : ""
        key = head; sub(/^[ \t]*"/, "", key); sub(/".*/, "", key)
        if (index(KEEP, " " key " ") && value ~ /^("[^"\\]*"|true|false|null|-?[0-9.]+),?[ \t]*$/) print head without_userinfo(value)
        else print head "\"(cut)\"" comma
        next
    }
    /^[ \t]*("([^"\\]|\\.)*"|[-0-9.a-z]+),?[ \t]*$/ { match($0, /^[ \t]*/); print substr($0, 1, RLENGTH) "\"(cut)\"" ($0 ~ /,[ \t]*$/ ? "," : ""); next }
    { refuse() }
    END { if (refused) exit 9 }' "$1"
}
cut_nothing() { limited cat "$1"; }

# An OpenPGP keyring, binary or in armor, leaves whole or not at all: each of its packets must be one of a public key.
# shellcheck disable=SC2016  # awk's dollars, not the shell's
CUT_OPENPGP='
function refuse() { refused = 1; exit 9 }
function number(at, digits,    sum) { for (; digits > 0; digits--) sum = sum * 256 + b[at++]; return sum + 0 }
# 2 signature, 6 and 14 public keys, 12 trust, 13 and 17 whose it is; 5 and 7 are the secret ones.
function walk(    at, first, tag, digits, size) {
    if (!count) refuse()
    for (at = 0; at < count; at += size) {
        first = b[at++]
        if (first < 128) refuse()
        if (first >= 192) {
            tag = first - 192; size = b[at++]
            if (size == 255) { size = number(at, 4); at += 4 }
            else if (size >= 224) refuse()
            else if (size >= 192) size = (size - 192) * 256 + b[at++] + 192
        } else {
            tag = int((first - 128) / 4); digits = first % 4
            if (digits == 3) refuse()
            if (digits == 2) digits = 4; else digits++
            size = number(at, digits); at += digits
        }
        if (tag !~ /^(2|6|12|13|14|17)$/ || at + size > count) refuse()
    }
}
'
cut_openpgp() {
    begins=$(od -An -tu1 -N 1 "$1" | tr -d ' \n')
    if [ "${begins:-0}" -ge 128 ]; then
        limited od -An -v -tu1 "$1" >"$WORK/octets" || return 9
        limited awk "$CUT_OPENPGP"'
        { for (i = 1; i <= NF; i++) b[count++] = $i + 0 }
        END { if (!refused) walk() }' "$WORK/octets" || return 9
        limited cat "$1"
        return
    fi
    limited awk "$CUT_OPENPGP"'
    BEGIN { DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/" }
    function decode(text,    i, size) {
        size = length(text)
        for (i = 1; i <= size; i++) {
            sum = sum * 64 + index(DIGITS, substr(text, i, 1)) - 1; bits += 6
            if (bits >= 8) { bits -= 8; over = bits ? (bits == 2 ? 4 : 16) : 1; b[count++] = int(sum / over); sum = sum % over }
        }
    }
    { sub(/[ \t\r]+$/, "") }
    /^-----BEGIN / {
        if (inside || $0 != "-----BEGIN PGP PUBLIC KEY BLOCK-----") refuse()
        inside = 1; body = 0; count = 0; sum = 0; bits = 0; kept = kept $0 "\n\n"; next
    }
    !inside { next }
    /^-----END / { walk(); inside = 0; kept = kept $0 "\n"; next }
    /^$/ { body = 1; next }
    !body && /^[A-Za-z]+: / { next }
    /^=[A-Za-z0-9+\/]+$/ { kept = kept $0 "\n"; next }
    /^[A-Za-z0-9+\/]+=*$/ { body = 1; kept = kept $0 "\n"; sub(/=+$/, ""); decode($0); next }
    { refuse() }
    END { if (refused || inside) exit 9; printf "%s", kept }' "$1"
}
