#!/usr/bin/env bash
# For the renew.sh of a folder with a page of tables: makes what stands between `<!-- table NAME: ... -->` and
# `<!-- end of table -->` of its README.md anew. Whoever sources it has a function `table NAME`, which prints the table, and
# says `renew [PROGRAM [PAGE]]`; there $program, $here (the folder) and $scratch are set.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[1]}")" && pwd)
root=$here/../..
export ECSIM_SHARED=${ECSIM_SHARED:-$root/../shared}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

renew() {
    program=${1:-}
    local page=${2:-$here/README.md} inside=false line name
    if [[ -z $program ]]; then
        cargo build --release --locked --manifest-path "$root/Cargo.toml"
        program=$root/target/release/ecsim
    fi
    while IFS= read -r line; do
        case $line in
            "<!-- table "*)
                name=${line#<!-- table }
                name=${name%%:*}
                printf '%s\n' "$line"
                table "$name" < /dev/null
                inside=true
                ;;
            "<!-- end of table -->")
                printf '%s\n' "$line"
                inside=false
                ;;
            *)
                $inside || printf '%s\n' "$line"
                ;;
        esac
    done < "$here/README.md" > "$scratch/page"
    cp "$scratch/page" "$page"
}
