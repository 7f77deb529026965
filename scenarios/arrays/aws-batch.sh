#!/usr/bin/env bash
# One shard of a sweep as a child of an AWS Batch array job: the command of the container. ecsim uses no network, so the
# files come and go with `aws s3`:
#   INPUTS   s3://bucket/prefix with the sweep, the scenario and the traces
#   RESULTS  s3://bucket/prefix for the cells; all children share it
#   SWEEP    the sweep's file below INPUTS
# Afterwards, anywhere: aws s3 sync "$RESULTS" out && ecsim sweep merge out
set -euo pipefail

: "${INPUTS:?}" "${RESULTS:?}" "${SWEEP:?}"
work=$(mktemp -d)
cd "$work"
aws s3 sync --only-show-errors "$INPUTS" inputs
# What an earlier attempt of this child has finished is not run again.
aws s3 sync --only-show-errors "$RESULTS" out

keep() {
    # Work folders of this process are left out, and what others have written stays.
    aws s3 sync --only-show-errors --exclude '*/.ecsim-*' --exclude '.ecsim-*' out "$RESULTS"
}
trap keep EXIT

ecsim sweep "inputs/$SWEEP" --shard auto --out out --quiet &
# A Spot interruption sends SIGTERM to this shell only: ecsim stops within a second, and what is finished is kept.
trap 'kill -TERM $!' TERM
status=0
wait $! || status=$?
wait $! || status=$?
# Cells that fail (1) are rows of the table, and no reason for another attempt.
[[ $status == 0 || $status == 1 ]] || exit "$status"
