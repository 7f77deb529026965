#!/usr/bin/env bash
# Makes the tables of README.md in this folder anew: scenarios/breakeven/renew.sh [PROGRAM [PAGE]]
# PROGRAM is an ecsim; without one it is built. PAGE is what is written; without one README.md itself.
# Needs the shared traces; see ECSIM_SHARED in the README of the project.
# shellcheck source=scenarios/renew-tables.sh
source "$(dirname "${BASH_SOURCE[0]}")/../renew-tables.sh"

asked=(--on fargate,ec2,managed-instances --types c6a.2xlarge --placement binpack --target-capacity 100,80
    --load 0.25,1,4,16 --seeds 5 --charts none --quiet)

# The columns of breakeven.csv by their names, each mean with half of its interval.
table() {
    "$program" breakeven "$here/$1.toml" "${asked[@]}" --out "$scratch/$1" > "$scratch/printed"
    echo "| load | on | bill | against Fargate | promised | level at | start p95 | serves as well |"
    echo "| ---: | --- | ---: | ---: | ---: | ---: | ---: | --- |"
    awk -F, '
        NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
        function mean(name, digits, before, after,    half) {
            half = $at[name "_half_width"]
            if (half != "") half = sprintf(" ± %.*f", digits, half)
            return sprintf("%s%.*f%s%s", before, digits, $at[name], half, after)
        }
        {
            name = $at["on"]
            if ($at["target_capacity_percent"] != "") name = name " at " $at["target_capacity_percent"] " %"
            if ($at["left_out"] != "") next
            is_instances = $at["on"] != "fargate"
            more = is_instances ? mean("more_than_fargate_percent", 1, "", " %") : "base"
            promised = is_instances ? mean("promised_percent", 1, "", " %") : "–"
            level = is_instances ? mean("level_percent", 1, "", " %") : "–"
            well = $at["starts_as_soon"] == "true" ? "yes" : "no"
            printf "| ×%s | %s | %s | %s | %s | %s | %s | %s |\n", $at["load"], name, mean("usd", 2, "$", ""), more,
                promised, level, mean("start_p95_s", 0, "", " s"), well
        }' "$scratch/$1/breakeven.csv"
}

renew "$@"
