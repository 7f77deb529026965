#!/usr/bin/env bash
# Makes the tables of README.md in this folder anew: scenarios/breakeven/renew.sh [PROGRAM [PAGE]]
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
asked=(--on fargate,ec2,managed-instances --types c6a.2xlarge --placement binpack --target-capacity 100,80
    --load 0.25,1,4,16 --seeds 5 --charts none --quiet)

# The columns of breakeven.csv by their names; a row's bill in percent of Fargate's at the same load.
table() {
    echo "| load | on | bill | least to most | against Fargate | promised | level at | start p95 | serves as well |"
    echo "| ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |"
    awk -F, '
        NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
        { on = $at["on"] }
        on == "fargate" { fargate[$at["load"]] = $at["usd"] }
        {
            name = on
            if ($at["target_capacity_percent"] != "") name = name " at " $at["target_capacity_percent"] " %"
            usd = $at["usd"]
            if ($at["left_out"] != "") next
            more = on == "fargate" ? "base" : sprintf("%.1f %%", 100 * (usd / fargate[$at["load"]] - 1))
            is_instances = on != "fargate"
            promised = is_instances ? sprintf("%.1f %%", $at["promised_percent"]) : "–"
            level = is_instances ? sprintf("%.1f %%", $at["level_percent"]) : "–"
            well = $at["starts_as_soon"] == "true" ? "yes" : "no"
            printf "| ×%s | %s | $%.2f | $%.2f to $%.2f | %s | %s | %s | %.0f s | %s |\n", $at["load"], name, usd,
                $at["usd_least"], $at["usd_most"], more, promised, level, $at["start_p95_s"], well
        }' "$1"
}

inside=false
while IFS= read -r line; do
    case $line in
        "<!-- table "*)
            name=${line#<!-- table }
            name=${name%%:*}
            printf '%s\n' "$line"
            "$program" breakeven "$here/$name.toml" "${asked[@]}" --out "$scratch/$name" < /dev/null > "$scratch/printed"
            table "$scratch/$name/breakeven.csv"
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
