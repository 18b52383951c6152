#!/bin/sh
# Plans, applies and plans again on a copy of this example, so that the checkout stays as it is.
# ROLLCALL names a binary that is built already; without it, cargo builds one.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
manifest=$here/../../Cargo.toml

rollcall() {
    if [ -n "${ROLLCALL:-}" ]; then
        "$ROLLCALL" "$@"
    else
        cargo run --release --quiet --manifest-path "$manifest" -- "$@"
    fi
}

step() {
    printf '\n$ rollcall %s\n' "$*"
    rollcall "$@"
}

if [ -z "${ROLLCALL:-}" ]; then
    cargo build --release --manifest-path "$manifest"
fi
copy=$(mktemp -d)
trap 'rm -rf -- "$copy"' EXIT
trap 'exit 130' INT TERM
cp -R "$here/rollcall.yaml" "$here/access" "$copy"
cd "$copy"

step init
step plan
step apply --yes
step plan
