#!/usr/bin/env bash
# One shard of a sweep as a task of a Slurm array, and the merge when all have ended well:
#
#   export SWEEP=scenarios/sweeps/ci-runners.toml OUT=output/sweep-ci-runners ECSIM_SHARDS=16
#   job=$(sbatch --parsable --array=0-$((ECSIM_SHARDS - 1)) scenarios/arrays/slurm.sh)
#   sbatch --dependency=afterok:$job --kill-on-invalid-dep=yes --wrap="ecsim sweep merge $OUT"
#
# Submit it again, all of it or the indices that failed (--array=3,7), and it goes on where it was: ECSIM_SHARDS says how
# many shards there are whatever part of the array is run. OUT is a folder that all nodes see.
#SBATCH --job-name=ecsim-sweep
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=1
#SBATCH --requeue
set -euo pipefail

: "${SWEEP:?the sweep to run}" "${OUT:?a folder that all nodes see}" "${ECSIM_SHARDS:?how many shards there are}"
export ECSIM_SHARDS
# Cells that fail (1) are rows of the table, and no reason to run a shard again.
"${ECSIM:-ecsim}" sweep "$SWEEP" --shard auto --threads "${SLURM_CPUS_PER_TASK:-1}" --out "$OUT" --quiet || {
    status=$?
    [[ $status == 1 ]] || exit "$status"
}
