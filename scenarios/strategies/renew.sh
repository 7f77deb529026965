#!/usr/bin/env bash
# Makes the tables of README.md in this folder anew: scenarios/strategies/renew.sh [PROGRAM [PAGE]]
# PROGRAM is an ecsim; without one it is built. PAGE is what is written; without one README.md itself.
# Needs the shared traces; see ECSIM_SHARED in the README of the project.
# shellcheck source=scenarios/renew-tables.sh
source "$(dirname "${BASH_SOURCE[0]}")/../renew-tables.sh"

table() {
    "$program" compare "$here/$1.toml" --format markdown --quiet --charts none --out "$scratch/$1"
}

renew "$@"
