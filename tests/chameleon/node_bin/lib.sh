# shellcheck shell=sh disable=SC2034
# Read by the stand-ins of this folder. CHAMELEON_NODE: the node's folder; CHAMELEON_ROOT: its "/" for sudo.
# record WORDS: notes the call, and takes the seconds that it takes by the file $CHAMELEON_TAKES: a line "SECONDS WORDS",
# the first one counts of whose words the call has. Without such a file nothing takes any time.
record() {
    printf '%s\n' "$*" >> "$CHAMELEON_NODE/calls"
    [ -n "${CHAMELEON_TAKES:-}" ] || return 0
    called=$*
    while read -r seconds words; do
        case $called in *"$words"*) sleep "$seconds"; return 0 ;; esac
    done < "$CHAMELEON_TAKES"
    return 0
}
# strikes NAME: true if the fault NAME is on; a flag file holds how often it still strikes, 0 for ever.
strikes() {
    flag=$CHAMELEON_NODE/faults/$1
    [ -e "$flag" ] || return 1
    echo "$1" >> "$CHAMELEON_NODE/struck"
    left=$(cat "$flag")
    if [ "$left" = 1 ]; then rm -f "$flag"; elif [ "$left" -gt 1 ]; then echo $((left - 1)) > "$flag"; fi
    return 0
}
# Paths of the system, as they are on the node: /etc/docker/x becomes $CHAMELEON_ROOT/etc/docker/x.
# shellcheck disable=SC2034  # sudo uses it
REWRITE="s#(^|[^A-Za-z0-9_.}/-])/(etc|var|opt|srv|root|home/cc|mnt|usr/local|usr/share/keyrings)(/|\$|[^A-Za-z0-9_.-])#\\1$CHAMELEON_ROOT/\\2\\3#g"
no_space() { echo "$1: write error: No space left on device" >&2; exit 1; }
