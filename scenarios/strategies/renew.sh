#!/usr/bin/env bash
# Makes the tables of README.md in this folder anew: scenarios/strategies/renew.sh [PROGRAM [PAGE]]
# PROGRAM is an ecsim; without one it is built. PAGE is what is written; without one README.md itself.
# Needs the shared traces; see ECSIM_SHARED in the README of the project.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$here/../..
program=${1:-}
page=${2:-$here/README.md}
if [[ -z $program ]]; then
    cargo build --release --locked --manifest-path "$root/Cargo.toml"
    program=$root/target/release/ecsim
fi
export ECSIM_SHARED=${ECSIM_SHARED:-$root/../shared}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

inside=false
while IFS= read -r line; do
    case $line in
        "<!-- table "*)
            name=${line#<!-- table }
            name=${name%%:*}
            printf '%s\n' "$line"
            "$program" compare "$here/$name.toml" --format markdown --quiet --charts none --out "$scratch/$name" < /dev/null
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
