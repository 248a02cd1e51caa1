# shellcheck shell=bash
# Scripts source this file.

# quietly COMMAND...: runs a command that prints nothing unless it fails. A tool that is killed by SIGSEGV (seen of `swift
# build`, in a thread of its own) is run once more: its inputs have not made it fail.
quietly() {
    local log status=0
    log=$(mktemp)
    "$@" >"$log" 2>&1 || status=$?
    if [[ $status -eq 139 ]]; then
        echo "$1 crashed (SIGSEGV); once more" >&2
        status=0
        "$@" >"$log" 2>&1 || status=$?
    fi
    [[ $status -eq 0 ]] || cat "$log" >&2
    rm -f "$log"
    return "$status"
}
