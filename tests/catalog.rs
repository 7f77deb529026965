//! The embedded catalogue against what it promises, user price files against hostile input, and the verb
//! `catalog` in process.

use ecsim::base::money::HourlyRate;
use ecsim::catalog::{
    Basis, CATALOGUE_VERSION, Catalogue, InterruptionBand, MemoryBasis, PriceFile, assumed,
};
use ecsim::cli::catalog::{CatalogArgs, CatalogFailure, run};
use ecsim::model::fargate::fargate_size_for;
use ecsim::model::platform::{Architecture, OperatingSystem, Purchase};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;

fn book() -> Catalogue {
    Catalogue::embedded()
}

fn dollars(text: &str) -> HourlyRate {
    HourlyRate::parse(text).unwrap()
}

const TABLES: [(&str, &str); 7] = [
    ("instance_types.csv", include_str!("../src/catalog/data/instance_types.csv")),
    ("on_demand.csv", include_str!("../src/catalog/data/on_demand.csv")),
    ("sources.csv", include_str!("../src/catalog/data/sources.csv")),
    ("fargate.csv", include_str!("../src/catalog/data/fargate.csv")),
    ("fargate_sizes.csv", include_str!("../src/catalog/data/fargate_sizes.csv")),
    ("spot_advisor.csv", include_str!("../src/catalog/data/spot_advisor.csv")),
    ("side.csv", include_str!("../src/catalog/data/side.csv")),
];

mod embedded {
    use super::*;

    #[test]
    fn the_version_is_the_digest_of_the_tables() {
        let mut digest = Sha256::new();
        TABLES.iter().for_each(|(_, text)| digest.update(text.as_bytes()));
        let hex: String = digest.finalize()[..6].iter().map(|b| format!("{b:02x}")).collect();
        let (date, found) = CATALOGUE_VERSION.rsplit_once('-').unwrap();
        assert_eq!(found, hex, "run src/catalog/data/generate.py");
        assert_eq!(date, "2026-10-27");
        assert_eq!(book().version(), CATALOGUE_VERSION);
    }

    #[test]
    fn the_spot_advisor_gives_a_saving_and_a_band() {
        let advice = |region, name| book().spot_advice(region, name);
        let large = advice("us-east-1", "m5.large").unwrap();
        assert_eq!((large.savings_percent, large.band), (66, InterruptionBand::From15To20));
        assert_eq!((large.band.name(), large.band.score()), ("15-20%", 2));
        // 17.5 % a month: −ln(0.825) / 730 h.
        assert!((large.band.hazard_per_hour() - 0.000_263_523).abs() < 1e-9);
        assert_eq!(advice("us-east-1", "m5.tiny"), None);
        assert_eq!(advice("mars-north-1", "m5.large"), None);
        assert_eq!(advice("ap-east-1", "c1.medium"), None, "an empty cell");
        let cells = TABLES[5].1.lines().skip(1).flat_map(|row| row.split(',').skip(1));
        assert_eq!(cells.filter(|cell| !cell.is_empty()).count(), 14_962);
    }

    #[test]
    fn every_table_is_sorted_plain_ascii_with_rows_as_long_as_its_header() {
        for (name, text) in TABLES {
            assert!(
                text.is_ascii() && text.ends_with('\n') && !text.contains(['"', '\r']),
                "{name}"
            );
            let mut rows = text.lines();
            let width = rows.next().unwrap().split(',').count();
            let rows: Vec<Vec<&str>> = rows.map(|row| row.split(',').collect()).collect();
            assert!(rows.iter().all(|row| row.len() == width), "{name}");
            if name != "fargate_sizes.csv" {
                assert!(rows.is_sorted_by_key(|row| row[0]), "{name}");
            }
            if matches!(
                name,
                "instance_types.csv" | "on_demand.csv" | "sources.csv" | "spot_advisor.csv"
            ) {
                assert!(rows.windows(2).all(|pair| pair[0][0] < pair[1][0]), "{name}");
            }
        }
    }

    #[test]
    fn at_least_six_hundred_types_say_what_a_container_instance_registers() {
        let types = book().instance_types();
        assert!(types.len() >= 600, "{}", types.len());
        for kind in &types {
            assert!(kind.vcpus >= 1 && kind.max_enis >= 1, "{}", kind.name);
            assert!(
                kind.registered_mib >= 1 && kind.registered_mib < kind.memory_mib,
                "{}",
                kind.name
            );
            assert!(kind.awsvpc_tasks < kind.max_enis, "{}", kind.name);
            assert!(
                kind.awsvpc_tasks_trunked.is_none_or(|n| n >= kind.awsvpc_tasks),
                "{}",
                kind.name
            );
            assert!(kind.baseline_bandwidth_mbps > 0, "{}", kind.name);
            assert_eq!(book().instance_type(&kind.name).as_ref(), Some(kind));
        }
    }

    #[test]
    fn every_price_is_read_and_at_least_twelve_regions_are_priced() {
        let mut priced_regions = BTreeSet::new();
        let mut prices = 0;
        for kind in book().instance_types() {
            for region in book().regions() {
                if let Some(price) = book().on_demand_price(region, &kind.name) {
                    assert!(price.rate.0 > 0 && price.as_of.starts_with("20"), "{}", kind.name);
                    assert!(!price.origin.is_empty());
                    priced_regions.insert(region.to_owned());
                    prices += 1;
                }
            }
        }
        assert_eq!(priced_regions.len(), 34);
        let cells = TABLES[1].1.lines().skip(1).flat_map(|row| row.split(',').skip(1));
        assert_eq!(prices, cells.filter(|cell| !cell.is_empty()).count());
    }

    #[test]
    fn published_on_demand_anchors_hold() {
        for (name, price) in [
            ("m5.large", "0.096"),
            ("c5.xlarge", "0.17"),
            ("m6g.large", "0.077"),
            ("t3.medium", "0.0416"),
            ("r5.large", "0.126"),
            ("g4dn.xlarge", "0.526"),
            ("m8g.large", "0.08976"),
            ("i3.large", "0.156"),
            ("g5.xlarge", "1.006"),
            ("t4g.2xlarge", "0.2688"),
            ("t3a.nano", "0.0047"),
        ] {
            assert_eq!(book().on_demand("us-east-1", name), Some(dollars(price)), "{name}");
        }
    }

    /// Prices of `large` by region, from the price list of February 2026.
    #[test]
    fn regional_prices_agree_with_a_second_source() {
        let types =
            ["t3.large", "m5.large", "m6g.large", "c5.large", "c6g.large", "r5.large", "r6g.large"];
        for (region, prices) in [
            ("us-west-2", ["0.0832", "0.096", "0.077", "0.085", "0.068", "0.126", "0.1008"]),
            ("us-west-1", ["0.0992", "0.112", "0.0896", "0.106", "0.0848", "0.14", "0.112"]),
            ("ca-central-1", ["0.0928", "0.107", "0.0856", "0.093", "0.0744", "0.138", "0.1104"]),
            ("eu-west-1", ["0.0912", "0.107", "0.086", "0.096", "0.073", "0.141", "0.1128"]),
            ("eu-west-2", ["0.0944", "0.111", "0.0888", "0.101", "0.0808", "0.148", "0.1184"]),
            ("eu-west-3", ["0.0944", "0.112", "0.09", "0.101", "0.081", "0.148", "0.118"]),
            ("eu-central-1", ["0.096", "0.115", "0.092", "0.097", "0.0776", "0.152", "0.1216"]),
            ("eu-north-1", ["0.0864", "0.102", "0.082", "0.091", "0.073", "0.134", "0.107"]),
            ("ap-northeast-1", ["0.1088", "0.124", "0.099", "0.107", "0.0856", "0.152", "0.1216"]),
            ("ap-northeast-2", ["0.104", "0.118", "0.094", "0.096", "0.077", "0.152", "0.122"]),
            ("ap-southeast-1", ["0.1056", "0.12", "0.096", "0.098", "0.0784", "0.152", "0.1216"]),
            ("ap-southeast-2", ["0.1056", "0.12", "0.096", "0.111", "0.0888", "0.151", "0.1208"]),
            ("ap-south-1", ["0.0896", "0.101", "0.0506", "0.085", "0.0426", "0.13", "0.065"]),
            ("sa-east-1", ["0.1344", "0.153", "0.1224", "0.131", "0.1048", "0.201", "0.1608"]),
        ] {
            for (name, price) in types.into_iter().zip(prices) {
                assert_eq!(book().on_demand(region, name), Some(dollars(price)), "{region} {name}");
            }
        }
    }

    #[test]
    fn four_tasks_of_2048_mib_do_not_fit_an_8_gib_linux_instance() {
        for kind in book().instance_types().iter().filter(|kind| kind.memory_mib == 8192) {
            assert!(kind.registered_mib < 4 * 2048, "{}", kind.name);
            assert!(kind.registered_mib >= 3 * 2048, "{}", kind.name);
        }
        let m5 = book().instance_type("m5.large").unwrap();
        assert_eq!((m5.registered_mib, m5.registered_basis), (7617, MemoryBasis::Measured));
    }

    #[test]
    fn interface_slots_are_the_documented_ones() {
        for (name, plain, trunked) in [
            ("c5.large", 2, Some(10)),
            ("m6g.medium", 1, Some(4)),
            ("m5.xlarge", 3, Some(20)),
            ("m5.2xlarge", 3, Some(40)),
            ("m5.4xlarge", 7, Some(60)),
            ("a1.medium", 1, Some(10)),
            ("t3.micro", 1, None),
            ("t3.large", 2, None),
            ("c5n.large", 2, None),
            ("g4dn.xlarge", 2, None),
        ] {
            let kind = book().instance_type(name).unwrap();
            assert_eq!((kind.awsvpc_tasks, kind.awsvpc_tasks_trunked), (plain, trunked), "{name}");
            assert_eq!(kind.resources(false).enis, plain);
            assert_eq!(kind.resources(true).enis, trunked.unwrap_or(plain));
        }
    }

    #[test]
    fn a_type_registers_1024_cpu_units_per_vcpu_and_its_gpus() {
        let kind = book().instance_type("g5.12xlarge").unwrap();
        let resources = kind.resources(false);
        assert_eq!((resources.cpu, resources.gpus), (48 * 1024, 4));
        assert_eq!(kind.architecture, Architecture::X86_64);
        assert_eq!(book().instance_type("m7g.large").unwrap().architecture, Architecture::Arm64);
        let burstable = |name| book().instance_type(name).unwrap().burstable;
        assert!(burstable("t4g.nano") && burstable("t8i.nano") && !burstable("m5.large"));
        assert!(book().instance_type("c5.metal").unwrap().bare_metal);
    }

    #[test]
    fn fargate_anchors_hold() {
        let rates = book().fargate_rates("us-east-1");
        let of = |os, architecture, purchase| {
            let fits = |r: &&ecsim::model::fargate::FargateRate| {
                (r.os, r.architecture, r.purchase) == (os, architecture, purchase)
            };
            *rates.iter().find(fits).unwrap()
        };
        use {Architecture::*, OperatingSystem::*, Purchase::*};
        let x86 = of(Linux, X86_64, OnDemand);
        assert_eq!((x86.vcpu, x86.memory_gb), (dollars("0.04048"), dollars("0.004445")));
        assert_eq!((x86.ephemeral_gb, x86.licence_vcpu), (dollars("0.000111"), dollars("0")));
        let arm = of(Linux, Arm64, OnDemand);
        assert_eq!((arm.vcpu, arm.memory_gb), (dollars("0.03238"), dollars("0.00356")));
        assert_eq!(of(Windows, X86_64, OnDemand).licence_vcpu, dollars("0.046"));
        assert!(of(Linux, Arm64, Spot).vcpu < arm.vcpu);
        assert_eq!(rates.len(), 5, "Windows has no Spot");
        assert!(book().fargate_rates("nowhere-1").is_empty());
    }

    #[test]
    fn twenty_two_regions_have_all_five_fargate_price_lists() {
        let book = book();
        let with: Vec<&str> =
            book.regions().into_iter().filter(|r| !book.fargate_rates(r).is_empty()).collect();
        assert_eq!(with.len(), 22);
        for region in with {
            let prices = book.fargate_prices(region);
            assert_eq!(prices.len(), 5, "{region}");
            assert!(
                prices.iter().all(|p| p.basis == Basis::Derived
                    || !p.as_of.is_empty()
                    || p.origin == "page")
            );
        }
    }

    /// The table of sizes, by vCPU: least, most and step of memory in MiB.
    #[test]
    fn every_fargate_size_is_a_documented_one() {
        let mut documented = BTreeSet::from([(256, 512), (256, 1024), (256, 2048)]);
        for (cpu, least, most, step) in [
            (512, 1, 4, 1),
            (1024, 2, 8, 1),
            (2048, 4, 16, 1),
            (4096, 8, 30, 1),
            (8192, 16, 60, 4),
            (16_384, 32, 120, 8),
        ] {
            documented.extend((least..=most).step_by(step).map(|gib| (cpu, gib * 1024)));
        }
        documented.extend([60, 120, 244].map(|gib| (32_768, gib * 1024)));
        let sizes: Vec<(u32, u32)> = book().fargate_sizes_of(OperatingSystem::Linux);
        assert!(sizes.is_sorted());
        assert_eq!(sizes.iter().copied().collect::<BTreeSet<_>>(), documented);
        let windows = book().fargate_sizes_of(OperatingSystem::Windows);
        assert!(windows.iter().all(|size| [1024, 2048, 4096].contains(&size.0)));
        assert_eq!(windows.len(), 7 + 13 + 23);
        let newer = book().fargate_sizes().into_iter().filter(|size| size.newer);
        assert!(newer.map(|size| size.cpu).eq([32_768; 3]));
    }

    #[test]
    fn a_request_is_raised_to_the_smallest_size_that_holds_it() {
        let sizes = book().fargate_sizes_of(OperatingSystem::Linux);
        for (request, size) in [
            ((256, 512), Some((256, 512))),
            ((256, 3072), Some((512, 3072))),
            ((100, 5000), Some((1024, 5120))),
            ((1024, 8193), Some((2048, 9216))),
            ((4096, 31_000), Some((8192, 32_768))),
            ((16_384, 122_881), Some((32_768, 249_856))),
            ((32_768, 249_857), None),
        ] {
            assert_eq!(fargate_size_for(&sizes, request.0, request.1), size, "{request:?}");
        }
    }

    #[test]
    fn unknown_spot_prices_are_a_named_share_of_on_demand() {
        let spot = book().ec2_spot("us-east-1", "m5.large").unwrap();
        assert_eq!(
            spot,
            assumed::percent_of(dollars("0.096"), assumed::EC2_SPOT_PERCENT_OF_ON_DEMAND)
        );
        assert_eq!(book().ec2_spot("us-east-1", "m5.lrge"), None);
    }

    #[test]
    fn a_misspelt_type_or_region_finds_its_neighbours() {
        assert_eq!(book().nearest_instance_types("m7g.xlrage")[0], "m7g.xlarge");
        assert_eq!(book().nearest_instance_types("M5.LARGE")[0], "m5.large");
        assert!(book().nearest_instance_types("quantum.9000xlarge").is_empty());
        assert_eq!(book().nearest_regions("us-esat-1")[0], "us-east-1");
        assert!(book().has_region("eu-west-1") && !book().has_region("eu-west-9"));
        assert_eq!(
            book().availability_zones("eu-west-1"),
            ["eu-west-1a", "eu-west-1b", "eu-west-1c"]
        );
    }

    #[test]
    fn odd_names_are_simply_unknown() {
        for name in
            ["", ",", "m5.large,", "\n", "a", "zzzz", "m5.large\n", "instance_type", "\u{202e}"]
        {
            assert_eq!(book().instance_type(name), None, "{name:?}");
            assert_eq!(book().on_demand("us-east-1", name), None, "{name:?}");
            assert_eq!(book().on_demand(name, "m5.large"), None, "{name:?}");
            assert!(book().fargate_rates(name).is_empty(), "{name:?}");
        }
    }
}

/// The embedded tables against the collected figures that they were made from, where these are at hand.
mod origin {
    use super::*;
    use std::collections::BTreeMap;
    use std::path::PathBuf;

    type Rows = Vec<BTreeMap<String, String>>;

    /// Rows of a collected table: in the folder `ECSIM_SHARED`, or beside the project. `None` where there is none,
    /// which is an error only where `CI` is `true`.
    fn collected(name: &str) -> Option<Rows> {
        let beside = || concat!(env!("CARGO_MANIFEST_DIR"), "/../shared").into();
        let folder = std::env::var_os("ECSIM_SHARED").map_or_else(beside, PathBuf::from);
        let path = folder.join("catalog").join(name);
        if !path.exists() {
            assert_ne!(
                std::env::var("CI").as_deref(),
                Ok("true"),
                "the collected figures are missing"
            );
            println!("skipped: the collected figures are not at hand");
            return None;
        }
        Some(csv::Reader::from_path(path).unwrap().deserialize().map(Result::unwrap).collect())
    }

    #[test]
    fn every_collected_price_of_a_described_type_is_answered() {
        let Some(rows) = collected("ec2_ondemand.csv") else { return };
        let book = book();
        for row in &rows {
            if book.instance_type(&row["instance_type"]).is_none() {
                continue;
            }
            let price = book.on_demand_price(&row["region"], &row["instance_type"]).unwrap();
            assert_eq!(price.rate, dollars(&row["usd_per_hour"]), "{row:?}");
            assert_eq!((price.as_of, price.origin), (&*row["as_of"], &*row["source"]), "{row:?}");
        }
    }

    #[test]
    fn every_collected_type_is_described_as_collected() {
        let Some(rows) = collected("instances.csv") else { return };
        for row in rows.iter().filter(|row| !row["instance_type"].starts_with("mac")) {
            let kind = book().instance_type(&row["instance_type"]).unwrap();
            let numbers = [
                ("vcpus", kind.vcpus),
                ("memory_mib", kind.memory_mib),
                ("gpus", kind.gpus.into()),
                ("neuron_devices", kind.neuron_devices.into()),
                ("max_enis", kind.max_enis.into()),
                ("ecs_awsvpc_tasks", kind.awsvpc_tasks.into()),
                ("baseline_bandwidth_mbps", kind.baseline_bandwidth_mbps),
            ];
            for (column, number) in numbers {
                assert_eq!(row[column], number.to_string(), "{} {column}", kind.name);
            }
            for (column, flag) in [
                ("bare_metal", kind.bare_metal),
                ("current_generation", kind.current_generation),
                ("spot_supported", kind.spot_supported),
            ] {
                assert_eq!(row[column], flag.to_string(), "{} {column}", kind.name);
            }
            assert_eq!(row["arch"], kind.architecture.attribute_value());
            assert_eq!(row["family"], kind.family());
            assert_eq!(row["listed"] == "retired", kind.retired);
        }
    }
}

mod price_file {
    use super::*;
    use crate::support::random::drawn;

    fn parse(text: &str) -> Result<PriceFile, String> {
        PriceFile::parse("p.csv", text.as_bytes(), &book()).map_err(|problems| {
            problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
        })
    }

    fn over(text: &str) -> Catalogue {
        book().with_price_file(parse(text).unwrap())
    }

    #[test]
    fn rows_override_row_by_row() {
        let mine = over(
            "region,instance_type,usd_per_hour,purchase\n\
             us-east-1,m5.large,0.05,\nus-east-1,m5.large,0.02,spot\n",
        );
        let price = mine.on_demand_price("us-east-1", "m5.large").unwrap();
        assert_eq!((price.rate, price.origin), (dollars("0.05"), "price file"));
        assert_eq!(mine.ec2_spot("us-east-1", "m5.large"), Some(dollars("0.02")));
        assert_eq!(mine.on_demand("us-west-2", "m5.large"), Some(dollars("0.096")));
        assert_eq!(mine.on_demand("us-east-1", "m5.xlarge"), Some(dollars("0.192")));
        assert!(mine.version().starts_with(CATALOGUE_VERSION) && mine.version().contains('+'));
    }

    #[test]
    fn a_later_file_outranks_an_earlier_one() {
        let header = "region,instance_type,usd_per_hour\n";
        let first =
            parse(&format!("{header}us-east-1,m5.large,1\nus-east-1,c5.large,2\n")).unwrap();
        let second = parse(&format!("{header}us-east-1,m5.large,3\n")).unwrap();
        let mine = book().with_price_file(first).with_price_file(second);
        assert_eq!(mine.on_demand("us-east-1", "m5.large"), Some(dollars("3")));
        assert_eq!(mine.on_demand("us-east-1", "c5.large"), Some(dollars("2")));
    }

    #[test]
    fn fargate_rows_override_one_platform_and_keep_the_rest() {
        let mine = over(
            "region,os,arch,purchase,usd_per_vcpu_hour,usd_per_gb_hour\n\
             us-east-1,LINUX,X86_64,on_demand,0.03,0.003\n",
        );
        let prices = mine.fargate_prices("us-east-1");
        assert_eq!(prices.len(), 5);
        let own = prices.iter().find(|p| p.basis == Basis::Given).unwrap();
        assert_eq!((own.rate.vcpu, own.rate.memory_gb), (dollars("0.03"), dollars("0.003")));
        assert_eq!(
            own.rate.ephemeral_gb,
            dollars("0.000111"),
            "left out, so as the catalogue has it"
        );
    }

    #[test]
    fn a_new_region_is_accepted_with_a_warning_and_gets_the_assumed_spot_share() {
        let file = parse(
            "region,os,arch,purchase,usd_per_vcpu_hour,usd_per_gb_hour,usd_per_ephemeral_gb_hour\n\
             xx-north-1,linux,arm64,on_demand,0.1,0.01,0.0001\n",
        )
        .unwrap();
        assert_eq!(file.warnings.len(), 1);
        let mine = book().with_price_file(file);
        assert!(mine.has_region("xx-north-1"));
        let rates = mine.fargate_rates("xx-north-1");
        assert_eq!(rates.len(), 2);
        assert_eq!((rates[1].purchase, rates[1].vcpu), (Purchase::Spot, dollars("0.03")));
    }

    #[test]
    fn an_own_instance_type_must_be_described() {
        let mine = over(
            "region,instance_type,usd_per_hour,vcpus,memory_mib,arch\n\
             us-east-1,rack.big,0.5,32,65536,arm64\nus-west-2,rack.big,0.6,,,\n",
        );
        let own = mine.instance_type("rack.big").unwrap();
        assert_eq!(
            (own.vcpus, own.memory_mib, own.architecture),
            (32, 65_536, Architecture::Arm64)
        );
        let registered = assumed::registered_memory(65_536);
        assert_eq!((own.registered_mib, own.registered_basis), (registered, MemoryBasis::Assumed));
        assert_eq!(mine.on_demand("us-west-2", "rack.big"), Some(dollars("0.6")));
        assert_eq!(mine.nearest_instance_types("rack.bgi"), ["rack.big"]);
        assert_eq!(mine.instance_types().len(), book().instance_types().len() + 1);
    }

    #[test]
    fn all_errors_of_a_file_are_reported_with_line_column_and_hint() {
        let text = "region,instance_type,usd_per_hour,vcpus,memory_mib\n\
            us-east-1,m5.lrage,0.1,,\n\
            us_east_1,m5.large,NaN,,\n\
            us-east-1,c5.large, -1,,\n\
            us-east-1,c5.xlarge,1e400,,\n\
            us-east-1,m5.large,0.1\n\
            us-east-1,m5.large,0.1,2,8192\n\
            us-east-1,own.big,0.1,0,8192\n\
            us-east-1,r5.large,,,\n\
            us-east-1,r5.xlarge,99999999,,\n\
            us-east-1,t3.nano,0.1,,\n\
            us-east-1,t3.nano,0.2,,\n";
        insta::assert_snapshot!(parse(text).unwrap_err(), @r#"
        p.csv:2:11: unknown instance type "m5.lrage"
          = help: did you mean "m5.large"? A type that the catalogue lacks needs vcpus and memory_mib
        p.csv:3:1: "us_east_1" is not a region
          = help: did you mean "us-east-1"?
        p.csv:3:20: usd_per_hour "NaN": not a plain decimal number (digits and at most one point)
          = help: write dollars such as 0.0416
        p.csv:4:21: usd_per_hour "-1": must not be negative
          = help: write dollars such as 0.0416
        p.csv:5:21: usd_per_hour "1e400": too large
          = help: write dollars such as 0.0416
        p.csv:6:1: has 3 fields where the header has 5 columns
        p.csv:7:11: "m5.large" is in the catalogue already
          = help: leave its vcpus and memory_mib empty (2 vCPUs, 8192 MiB), or give your own type another name
        p.csv:8:23: vcpus "0" is out of range
          = help: a whole number from 1 to 4096
        p.csv:9:20: usd_per_hour is missing
        p.csv:10:21: usd_per_hour "99999999" is too high
          = help: at most 100000 dollars
        p.csv:12:1: t3.nano in us-east-1 (on_demand) was already priced on line 11
          = help: keep one of the two lines
        "#);
    }

    #[test]
    fn an_own_type_has_a_plain_name() {
        let header = "region,instance_type,usd_per_hour,vcpus,memory_mib\n";
        for name in ["<script>", "a b", "\u{202e}x", &"x".repeat(65)] {
            let error = parse(&format!("{header}us-east-1,{name},1,2,4096\n")).unwrap_err();
            assert!(error.contains("cannot name an instance type"), "{error}");
        }
    }

    #[test]
    fn headers_are_checked_before_rows() {
        for (text, says) in [
            ("", "p.csv:1:1: has no header line"),
            ("# only a comment\n\n", "p.csv:1:1: has no header line"),
            ("region,instance_type\n", "column \"usd_per_hour\" is missing"),
            ("region,instance_type,usd_per_hour,usd_per_huor\n", "unknown column \"usd_per_huor\""),
            (
                "region,region,instance_type,usd_per_hour\n",
                "p.csv:1:8: column \"region\" appears twice",
            ),
            ("Region,instance_type,usd_per_hour\n", "did you mean \"region\"?"),
            ("region,os,arch\n", "column \"purchase\" is missing"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(says), "{text:?}: {error}");
        }
    }

    #[test]
    fn line_ends_marks_comments_blank_lines_and_spaces_make_no_difference() {
        let plain = over("region,instance_type,usd_per_hour\nus-east-1,m5.large,0.05\n");
        for text in [
            "\u{feff}region,instance_type,usd_per_hour\nus-east-1,m5.large,0.05\n",
            "region,instance_type,usd_per_hour\r\nus-east-1,m5.large,0.05\r\n",
            "region,instance_type,usd_per_hour\nus-east-1,m5.large,0.05",
            "# mine\n\nregion, instance_type, usd_per_hour\n\n us-east-1 , m5.large , 0.05 \n",
            "usd_per_hour,region,instance_type\n0.05,us-east-1,m5.large\n",
        ] {
            let other = over(text);
            assert_eq!(
                other.on_demand("us-east-1", "m5.large"),
                plain.on_demand("us-east-1", "m5.large")
            );
        }
        let header_only = parse("region,instance_type,usd_per_hour\n").unwrap();
        assert!(header_only.is_empty());
    }

    #[test]
    fn lines_are_counted_as_an_editor_counts_them() {
        for end in ["\n", "\r\n"] {
            let text = "# a\n\nregion,instance_type,usd_per_hour\n# b\n\n\nus-east-1,m5.large,x\n";
            let error = parse(&text.replace('\n', end)).unwrap_err();
            assert!(error.starts_with("p.csv:7:20: "), "{end:?} {error}");
        }
    }

    #[test]
    fn a_very_long_field_is_shown_cut() {
        let long = "x".repeat(1 << 20);
        let text = format!("region,instance_type,usd_per_hour\nus-east-1,{long},1\n");
        let error = parse(&text).unwrap_err();
        assert!(error.starts_with("p.csv:2:1: the line is longer than 1 MiB"), "{}", error.len());
        let error = parse(&text.replace(&long, &long[..1_000])).unwrap_err();
        assert!(error.len() < 300 && error.contains("..."), "{}", error.len());
    }

    #[test]
    fn bytes_that_are_not_clean_text_are_refused_where_they_stand() {
        let bad: [(&[u8], &str); 4] = [
            (b"us-east-1,m5.\xfflarge,1\n", "p.csv:2:11: is not UTF-8 text"),
            (b"us-east-1,m5.\0large,1\n", "p.csv:2:14: has a control character"),
            (b"us-east-1,\"m5.large,1\n", "unknown instance type \"\\\"m5.large\""),
            (b"us-east-1,\xe2\x80\xaem5.large,1\n", "unknown instance type \"\\u{202e}m5.large\""),
        ];
        for (row, says) in bad {
            let bytes = [b"region,instance_type,usd_per_hour\n".as_slice(), row].concat();
            let problems = PriceFile::parse("p.csv", &bytes, &book()).unwrap_err();
            let text: String = problems.iter().map(ToString::to_string).collect();
            assert!(text.contains(says), "{text}");
        }
    }

    #[test]
    fn windows_spot_and_what_nobody_knows_are_refused() {
        let header = "region,os,arch,purchase,usd_per_vcpu_hour,usd_per_gb_hour\n";
        for (row, says) in [
            ("us-east-1,windows,x86_64,spot,0.1,0.1", "Fargate Spot has no Windows tasks"),
            ("xx-new-1,linux,x86_64,on_demand,0.1,0.1", "usd_per_ephemeral_gb_hour is missing"),
            ("us-east-1,macos,x86_64,on_demand,0.1,0.1", "valid: linux, windows"),
            ("us-east-1,linux,x86_64,,0.1,0.1", "purchase is missing"),
        ] {
            let error = parse(&format!("{header}{row}\n")).unwrap_err();
            assert!(error.contains(says), "{error}");
        }
    }

    #[test]
    fn a_flood_of_problems_is_cut_and_counted() {
        let mut text = String::from("region,instance_type,usd_per_hour\n");
        (0..1000).for_each(|_| text.push_str("us-east-1,m5.large,x\n"));
        let problems = PriceFile::parse("p.csv", text.as_bytes(), &book()).unwrap_err();
        assert_eq!(problems.len(), 100);
        assert!(problems[99].message.contains("and 900 more problems"));
    }

    proptest::proptest! {
        #![proptest_config(drawn(256))]

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..300)) {
            let _ = PriceFile::parse("p.csv", &bytes, &book());
            let text = [b"region,instance_type,usd_per_hour\n".as_slice(), &bytes].concat();
            let _ = PriceFile::parse("p.csv", &text, &book());
        }

        #[test]
        fn no_fields_make_it_panic(rows in proptest::collection::vec("[a-z0-9,.\\-# ]{0,60}", 0..6)) {
            let text = format!("region,os,arch,purchase,usd_per_vcpu_hour,usd_per_gb_hour\n{}", rows.join("\n"));
            let _ = PriceFile::parse("p.csv", text.as_bytes(), &book());
        }
    }
}

mod verb {
    use super::*;
    use clap::Parser;
    use std::io::{self, Write};

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        args: CatalogArgs,
    }

    fn answer(words: &str) -> Result<String, String> {
        let args =
            Program::try_parse_from(format!("catalog {words}").split_whitespace()).unwrap().args;
        let mut out = Vec::new();
        match run(&args, &mut out) {
            // The version moves with every new table; what is shown must not.
            Ok(_) => Ok(String::from_utf8(out).unwrap().replace(CATALOGUE_VERSION, "VERSION")),
            Err(CatalogFailure::Input(text)) => Err(text),
            Err(error) => panic!("{error}"),
        }
    }

    #[test]
    fn show_prints_what_a_type_holds_and_costs() {
        insta::assert_snapshot!(answer("show m5.large --region us-east-1").unwrap(), @r#"
        ┌───────────────────────────────────────────────┐
        │ instance type                m5.large         │
        ╞═══════════════════════════════════════════════╡
        │ architecture                 x86_64           │
        │ vCPUs                        2                │
        │ memory advertised, MiB       8192             │
        │ CPU units registered         2048             │
        │ memory registered, MiB       7617 (measured)  │
        │ GPUs                         0                │
        │ Neuron devices               0                │
        │ network interfaces           3                │
        │ awsvpc tasks                 2                │
        │ awsvpc tasks, trunking       10               │
        │ baseline bandwidth, Mbit/s   750              │
        │ traits                       older generation │
        └───────────────────────────────────────────────┘
        ┌───────────────────────────────────────────────────────────────────────────────────────────────────────────────┐
        │ region      USD/h On-Demand, Linux   as of        origin      USD/h Spot       USD/h fee of Managed Instances │
        ╞═══════════════════════════════════════════════════════════════════════════════════════════════════════════════╡
        │ us-east-1                    0.096   2026-07-20   karpenter   0.0336 assumed   0.01152 assumed                │
        └───────────────────────────────────────────────────────────────────────────────────────────────────────────────┘
        catalogue VERSION
        "#);
    }

    #[test]
    fn show_fargate_prints_prices_and_sizes() {
        insta::assert_snapshot!(answer("show fargate --region us-east-1").unwrap(), @r#"
        ┌─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────┐
        │ region      platform         purchase        vCPU-h         GB-h   storage GB-h   licence vCPU-h   basis     as of      │
        ╞═════════════════════════════════════════════════════════════════════════════════════════════════════════════════════════╡
        │ us-east-1   linux/x86_64     on_demand      0.04048     0.004445       0.000111                0   seen      2021-01-09 │
        │ us-east-1   linux/x86_64     spot        0.01264355   0.00138835       0.000111                0   seen      2021-01-09 │
        │ us-east-1   linux/arm64      on_demand      0.03238      0.00356       0.000111                0   seen      2026-08-28 │
        │ us-east-1   linux/arm64      spot        0.01011359   0.00111193       0.000111                0   derived   -          │
        │ us-east-1   windows/x86_64   on_demand     0.046552    0.0051117       0.000111            0.046   seen      2026       │
        └─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────┘
        ┌──────────────────────────────────────────────────────────────────────────────────────────┐
        │ CPU units   memory GB                                                            Windows │
        ╞══════════════════════════════════════════════════════════════════════════════════════════╡
        │       256   0.5 1 2                                                              no      │
        │       512   1 2 3 4                                                              no      │
        │      1024   2 3 4 5 6 7 8                                                        yes     │
        │      2048   4 5 6 7 8 9 10 11 12 13 14 15 16                                     yes     │
        │      4096   8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30   yes     │
        │      8192   16 20 24 28 32 36 40 44 48 52 56 60                                  no      │
        │     16384   32 40 48 56 64 72 80 88 96 104 112 120                               no      │
        │     32768   60 120 244                                                           no      │
        └──────────────────────────────────────────────────────────────────────────────────────────┘
        catalogue VERSION
        "#);
    }

    #[test]
    fn show_side_has_every_item_of_a_region_and_else_what_is_known_of_each() {
        let text = answer("show side --region sa-east-1").unwrap();
        let row = |item: &str| -> Vec<String> {
            let line = text.lines().find(|line| line.contains(&format!(" {item} "))).unwrap();
            let cells = line.trim_matches('│').split("  ").map(str::trim);
            cells.filter(|cell| !cell.is_empty()).map(str::to_string).collect()
        };
        assert_eq!(
            row("internet_gb_2"),
            ["sa-east-1", "internet_gb_2", "0.138", "gb", "third_party", "2026"]
        );
        let alb = ["sa-east-1", "alb", "0.0225", "hour", "assumed: that of us-east-1", "2026"];
        assert_eq!(row("alb"), alb);
        assert!(!text.contains("what is not told"), "{text}");
        let json: serde_json::Value =
            serde_json::from_str(&answer("show side --format json").unwrap()).unwrap();
        let prices = json["side_prices"].as_array().unwrap();
        let of = |region: &str| prices.iter().filter(|one| one["region"] == region).count();
        assert!(prices.iter().all(|one| one["is_assumed"] == false));
        assert_eq!((of("us-east-1"), of("sa-east-1"), of("eu-west-1")), (29, 4, 0));
        let text = answer("show side").unwrap();
        let told = "what is not told of a region has the price of us-east-1";
        assert!(text.contains(told), "{text}");
    }

    #[test]
    fn show_tells_prices_of_a_file_of_ones_own_and_that_it_lacks_a_region() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p.csv");
        let rows = "region,instance_type,usd_per_hour,purchase\nus-east-1,m5.large,0.03,spot\n\
                    region,item,usd\nus-east-1,alb,0.02\n";
        std::fs::write(&path, rows).unwrap();
        let path = path.display();
        let spot = |words: &str| -> serde_json::Value {
            let text = answer(&format!("{words} --format json --price-file {path}")).unwrap();
            let json: serde_json::Value = serde_json::from_str(&text).unwrap();
            let price = &json["instance_types"][0]["prices"][0];
            serde_json::json!([price["spot_usd_per_hour"], price["spot_is_assumed"]])
        };
        assert_eq!(spot("show m5.large --region us-east-1"), serde_json::json!([0.03, false]));
        assert_eq!(spot("list --family m5"), serde_json::json!([0.03, false]));
        // 35 % of 0.107 $ (assumed).
        let assumed = serde_json::json!([0.037_45, true]);
        assert_eq!(spot("show m5.large --region eu-west-1"), assumed);
        let words = format!("show side --region us-east-1 --price-file {path}");
        let text = answer(&words).unwrap();
        let line = text.lines().find(|line| line.contains(" alb ")).unwrap();
        assert!(line.contains("0.02 ") && line.contains("given") && line.contains(" - "), "{line}");
        let odd = |words: &str| {
            let words = format!("catalog {words} --price-file {path}");
            let args = Program::try_parse_from(words.split_whitespace()).unwrap().args;
            run(&args, &mut Vec::new()).unwrap()
        };
        let says = [format!("{path} has no price of eu-west-1: the book's are used")];
        assert_eq!(odd("show m5.large --region eu-west-1"), says);
        assert_eq!(odd("list --region eu-west-1"), says);
        assert_eq!((odd("show m5.large"), odd("list")), (vec![], vec![]));
    }

    #[test]
    fn list_keeps_what_is_asked_for_in_order_of_size() {
        insta::assert_snapshot!(answer("list --family t4g --min-vcpus 2").unwrap(), @r#"
        ┌───────────────────────────────────────────────────────────────────────────────────────────────────────────┐
        │ type          arch    vCPU   memory MiB   registered MiB   GPU   awsvpc tasks   trunked   USD/h us-east-1 │
        ╞═══════════════════════════════════════════════════════════════════════════════════════════════════════════╡
        │ t4g.nano      arm64      2          512              407     0              1         -            0.0042 │
        │ t4g.micro     arm64      2         1024              905     0              1         -            0.0084 │
        │ t4g.small     arm64      2         2048             1835     0              2         -            0.0168 │
        │ t4g.medium    arm64      2         4096             3824     0              2         -            0.0336 │
        │ t4g.large     arm64      2         8192             7802     0              2         -            0.0672 │
        │ t4g.xlarge    arm64      4        16384            15760     0              3         -            0.1344 │
        │ t4g.2xlarge   arm64      8        32768            31674     0              3         -            0.2688 │
        └───────────────────────────────────────────────────────────────────────────────────────────────────────────┘
        7 instance types, catalogue VERSION
        "#);
    }

    #[test]
    fn json_has_a_schema_and_exact_prices() {
        let text = answer("show m7g.xlarge --region eu-west-1 --format json").unwrap();
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(json["schema"], "ecsim/1");
        assert_eq!(json["catalog_version"], "VERSION");
        let kind = &json["instance_types"][0];
        assert_eq!(
            (&kind["instance_type"], &kind["arch"]),
            (&"m7g.xlarge".into(), &"arm64".into())
        );
        assert_eq!(kind["registered_cpu"], 4096);
        assert_eq!(kind["prices"][0]["region"], "eu-west-1");
        let list: serde_json::Value = serde_json::from_str(
            &answer("list --arch arm64 --min-vcpus 64 --format json").unwrap(),
        )
        .unwrap();
        let types = list["instance_types"].as_array().unwrap();
        assert!(
            !types.is_empty()
                && types.iter().all(|t| t["arch"] == "arm64" && t["vcpus"].as_u64() >= Some(64))
        );
        let fargate: serde_json::Value =
            serde_json::from_str(&answer("show Fargate --format json").unwrap()).unwrap();
        assert_eq!(fargate["fargate_prices"].as_array().unwrap().len(), 110);
        assert_eq!(fargate["fargate_sizes"].as_array().unwrap().len(), 77);
    }

    #[test]
    fn mistakes_are_answered_with_a_suggestion() {
        for (words, says) in [
            ("show m7g.xlrage", "did you mean m7g.xlarge"),
            ("show m5.large --region us-est-1", "did you mean us-east-1"),
            ("list --family m7gg", "did you mean m7g?"),
            ("list --region nowhere", "known: af-south-1, "),
            ("list --price-file no-such-file.csv", "cannot read no-such-file.csv"),
        ] {
            let error = answer(words).unwrap_err();
            assert!(error.contains(says), "{words}: {error}");
        }
    }

    #[test]
    fn a_reader_that_closed_the_pipe_is_no_error_and_a_full_disk_is() {
        struct Broken(io::ErrorKind);
        impl Write for Broken {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(self.0.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let args = Program::try_parse_from(["catalog", "list"]).unwrap().args;
        assert!(run(&args, &mut Broken(io::ErrorKind::BrokenPipe)).is_ok());
        let full = run(&args, &mut Broken(io::ErrorKind::StorageFull));
        assert!(matches!(full, Err(CatalogFailure::Output(_))));
    }
}
