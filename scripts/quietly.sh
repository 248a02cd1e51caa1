# shellcheck shell=bash
# Scripts source this file.

# quietly COMMAND...: runs a command that prints nothing unless it fails.
quietly() {
    local log
    log=$(mktemp)
    if ! "$@" >"$log" 2>&1; then
        cat "$log" >&2
        rm -f "$log"
        return 1
    fi
    rm -f "$log"
}
