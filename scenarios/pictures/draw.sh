#!/usr/bin/env bash
# Draws the pictures of the gallery and of README.md anew: scenarios/pictures/draw.sh [PROGRAM]
# PROGRAM is an ecsim; without one it is built. What needs shared traces is left out where ECSIM_SHARED has none.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$here/../..
program=${1:-}
if [[ -z $program ]]; then
    cargo build --release --locked --manifest-path "$root/Cargo.toml"
    program=$root/target/release/ecsim
fi
export ECSIM_SHARED=${ECSIM_SHARED:-$root/../shared}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# Scenario, chart in its output folder, end of the picture's name.
while read -r scenario chart picture; do
    file=$root/scenarios/$scenario.toml
    # shellcheck disable=SC2016 # the text of the variable's name is meant
    if grep -qF '${ECSIM_SHARED}' "$file" && [[ ! -d $ECSIM_SHARED ]]; then
        echo "left out, since there is no folder $ECSIM_SHARED: $scenario"
        continue
    fi
    "$program" run "$file" --quiet --charts png --force --out "$scratch/out" > "$scratch/printed"
    cp "$scratch/out/charts/$chart.png" "$here/$scenario-$picture.png"
    echo "$scenario-$picture.png"
done <<'PICTURES'
01-batch-on-ec2 load load
02-binpack-or-spread fleet fleet
27-worldcup98 service-on-fargate-tasks tasks
30-web-service service-web-traffic traffic
31-rolling-update service-api-tasks tasks
32-microservices traffic traffic
33-queue-workers service-thumbnails-traffic traffic
34-scheduled-batch load load
35-ci-runners service-runners-tasks tasks
36-blue-green service-api-tasks tasks
42-target-tracking-oscillates service-by-latency-tasks tasks
80-what-to-commit bill-by-category bill
PICTURES

"$program" breakeven "$root/scenarios/01-batch-on-ec2.toml" --types m6a.2xlarge --on fargate,ec2 --load 1,4,16 \
    --day-share 10,25,50,100 --quiet --charts png --force --out "$scratch/even" > "$scratch/printed"
for chart in breakeven breakeven-map; do
    cp "$scratch/even/charts/$chart.png" "$here/01-batch-on-ec2-$chart.png"
    echo "01-batch-on-ec2-$chart.png"
done

"$program" sweep "$root/scenarios/sweeps/ci-runners.toml" --quiet --charts png --force --out "$scratch/sweep" > "$scratch/printed"
cp "$scratch/sweep/charts/axis-most_runners.png" "$here/35-ci-runners-sweep.png"
echo "35-ci-runners-sweep.png"
