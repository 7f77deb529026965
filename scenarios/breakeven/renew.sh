#!/usr/bin/env bash
# Makes the tables of README.md in this folder anew: scenarios/breakeven/renew.sh [PROGRAM [PAGE]]
# PROGRAM is an ecsim; without one it is built. PAGE is what is written; without one README.md itself.
# Needs the shared traces; see ECSIM_SHARED in the README of the project.
# shellcheck source=scenarios/renew-tables.sh
source "$(dirname "${BASH_SOURCE[0]}")/../renew-tables.sh"

asked=(--on fargate,ec2,managed-instances --types c6a.2xlarge --placement binpack --target-capacity 100,80
    --load 0.25,1,4,16 --seeds 5 --charts none --quiet)

# The columns of breakeven.csv by their names; a row's bill in percent of Fargate's at the same load.
table() {
    "$program" breakeven "$here/$1.toml" "${asked[@]}" --out "$scratch/$1" > "$scratch/printed"
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
        }' "$scratch/$1/breakeven.csv"
}

renew "$@"
