#!/usr/bin/env python3
"""Makes the embedded tables from a folder of collected figures: `generate.py FOLDER`.

FOLDER holds `instances.csv`, `ecs_registered_memory.csv`, `ec2_ondemand.csv`, `fargate.csv`,
`fargate_sizes.csv` and `spot_advisor.csv`, whose columns README.md lists. Output goes beside this script; the same input gives the same
bytes. `VERSION` is the newest date in the tables and the start of the SHA-256 of all of them. `side.csv` is written by hand and only
counts for it.
"""

import csv
import hashlib
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).parent
TABLES = ["instance_types.csv", "on_demand.csv", "sources.csv", "fargate.csv", "fargate_sizes.csv",
          "spot_advisor.csv", "side.csv"]
# The day of the type descriptions, which carry no date of their own.
DESCRIBED = "2026-10-27"
# Types that the ECS guide excludes from ENI trunking, although EC2 gives them branch interfaces and another table
# of the same guide has a limit for some of them: the exclusion wins.
NO_TRUNKING = re.compile(
    r"(c5n|d3|d3en|g3|g3s|g4dn|i3|i3en|inf1|m5dn|m5n|m5zn|r5b|r5n|r5dn|u-\d+tb1|z1d)\..*"
    r"|(a1|c5|c5d|m5|r5)\.metal|c5a\.8xlarge|c5ad\.8xlarge|p3dn\.24xlarge|r5\.8xlarge")


def read(folder, name):
    with open(folder / name, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def write(name, header, rows):
    lines = [",".join(header)] + [",".join(row) for row in sorted(rows)]
    (HERE / name).write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")


def instance_types(folder):
    """One row per type that an ECS container instance can have: Mac types run no ECS agent."""
    memory = {r["instance_type"]: r for r in read(folder, "ecs_registered_memory.csv")
              if r["recommended"] == "true"}
    rows = []
    for r in read(folder, "instances.csv"):
        name = r["instance_type"]
        if name not in memory:
            continue
        # The origin does not report t8i as burstable; every T family is.
        burstable = r["burstable"] == "true" or re.match(r"t\d", name)
        flags = "".join(letter for letter, on in [
            ("b", burstable),
            ("m", r["bare_metal"] == "true"),
            ("o", r["current_generation"] != "true"),
            ("r", r["listed"] == "retired"),
            ("s", r["spot_supported"] == "true"),
        ] if on)
        rows.append([
            name, r["arch"], r["vcpus"], r["memory_mib"], memory[name]["registered_mib"],
            {"kernel": "measured", "model": "fitted"}[memory[name]["method"]],
            r["gpus"], r["neuron_devices"], r["max_enis"], r["ecs_awsvpc_tasks"],
            "" if NO_TRUNKING.fullmatch(name) else r["ecs_awsvpc_tasks_trunked"],
            r["baseline_bandwidth_mbps"], flags,
        ])
    header = ("instance_type,arch,vcpus,memory_mib,registered_mib,registered_basis,gpus,"
              "neuron_devices,max_enis,awsvpc_tasks,awsvpc_tasks_trunked,"
              "baseline_bandwidth_mbps,flags")
    write("instance_types.csv", header.split(","), rows)
    return {row[0] for row in rows}


def on_demand(folder, known):
    """A matrix: a row per type, a column per region, a letter behind each price for day and origin."""
    prices = [r for r in read(folder, "ec2_ondemand.csv") if r["instance_type"] in known]
    regions = sorted({r["region"] for r in prices})
    sources = sorted({(r["as_of"], r["source"]) for r in prices})
    letter = {source: chr(ord("a") + i) for i, source in enumerate(sources)}
    cells = {(r["instance_type"], r["region"]):
             r["usd_per_hour"] + letter[(r["as_of"], r["source"])] for r in prices}
    rows = [[name] + [cells.get((name, region), "") for region in regions]
            for name in {r["instance_type"] for r in prices}]
    write("on_demand.csv", ["instance_type"] + regions, rows)
    write("sources.csv", ["key", "as_of", "origin"],
          [[letter[source], *source] for source in sources])
    return max(as_of for as_of, _ in sources)


def fargate(folder):
    header = ("region,os,arch,purchase,usd_per_vcpu_hour,usd_per_gb_hour,usd_per_ephemeral_gb_hour,"
              "usd_licence_per_vcpu_hour,basis,ephemeral_basis,as_of,origin").split(",")
    write("fargate.csv", header, [list(r.values()) for r in read(folder, "fargate.csv")])
    sizes = [(int(r["cpu_units"]), int(r["memory_mib"]), r["windows"], "guide")
             for r in read(folder, "fargate_sizes.csv") if int(r["cpu_units"]) < 32768]
    # 32 vCPU came after the guide that the other sizes were read from.
    sizes += [(32768, gib * 1024, "false", "newer") for gib in (60, 120, 244)]
    lines = ["cpu,memory_mib,windows,basis"]
    lines += [",".join(map(str, size)) for size in sorted(sizes)]
    (HERE / "fargate_sizes.csv").write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")


def spot_advisor(folder, known):
    """A matrix: a row per type, a column per region, percent off On-Demand and a letter for the band."""
    rows = [r for r in read(folder, "spot_advisor.csv") if r["instance_type"] in known]
    regions = sorted({r["region"] for r in rows})
    cells = {(r["instance_type"], r["region"]):
             r["savings_pct"] + "abcde"[int(r["interruption_band"])] for r in rows}
    write("spot_advisor.csv", ["instance_type"] + regions,
          [[name] + [cells.get((name, region), "") for region in regions]
           for name in {r["instance_type"] for r in rows}])


def main():
    folder = pathlib.Path(sys.argv[1])
    known = instance_types(folder)
    newest = max(DESCRIBED, on_demand(folder, known))
    fargate(folder)
    spot_advisor(folder, known)
    digest = hashlib.sha256()
    for name in TABLES:
        digest.update((HERE / name).read_bytes())
    (HERE / "VERSION").write_text(f"{newest}-{digest.hexdigest()[:12]}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
