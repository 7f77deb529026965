//! `ecsim catalog update`: what AWS publishes becomes a price file that a run takes, and `catalog list` in its orders.

use crate::support::program::{Desk, SMALL};
use ecsim::catalog::update::Update;
use ecsim::catalog::{Catalogue, PriceFile};

/// A product as `aws pricing get-products` gives it: JSON within JSON.
fn product(region: &str, name: &str, currency: &str, price: &str) -> String {
    let inner = format!(
        r#"{{"product":{{"productFamily":"Compute Instance","attributes":{{"servicecode":"AmazonEC2","regionCode":"{region}",
        "locationType":"AWS Region","instanceType":"{name}","operatingSystem":"Linux","tenancy":"Shared",
        "preInstalledSw":"NA","capacitystatus":"Used","marketoption":"OnDemand","usagetype":"BoxUsage:{name}","vcpu":"2",
        "memory":"8 GiB","physicalProcessor":"AWS Graviton9 Processor"}},"sku":"X"}},"serviceCode":"AmazonEC2",
        "terms":{{"OnDemand":{{"X.Y":{{"priceDimensions":{{"X.Y.Z":{{"unit":"Hrs","endRange":"Inf",
        "pricePerUnit":{{"{currency}":"{price}"}}}}}},"effectiveDate":"2026-10-01T00:00:00Z"}}}},
        "Reserved":{{"X.R":{{"priceDimensions":{{"X.R.Z":{{"unit":"Hrs","pricePerUnit":{{"USD":"0.06"}}}}}}}}}}}},
        "version":"1","publicationDate":"2026-10-20T17:00:00Z"}}"#
    );
    serde_json::to_string(&inner.replace('\n', " ")).unwrap()
}

fn products(all: &[String]) -> String {
    format!("{{\"FormatVersion\":\"aws_v1\",\"PriceList\":[{}]}}", all.join(","))
}

/// A part of Fargate as the bulk offer file has it.
fn part(sku: &str, usagetype: &str, price: &str) -> (String, String) {
    let product = format!(
        "\"{sku}\":{{\"sku\":\"{sku}\",\"productFamily\":\"Compute\",\"attributes\":{{\"servicecode\":\"AmazonECS\",\
         \"regionCode\":\"eu-west-1\",\"locationType\":\"AWS Region\",\"usagetype\":\"{usagetype}\"}}}}"
    );
    let term = format!(
        "\"{sku}\":{{\"{sku}.T\":{{\"priceDimensions\":{{\"d\":{{\"unit\":\"hours\",\"pricePerUnit\":{{\"USD\":\"{price}\"}}}}}}}}}}"
    );
    (product, term)
}

fn offer(parts: &[(String, String)]) -> String {
    let products: Vec<&str> = parts.iter().map(|(product, _)| product.as_str()).collect();
    let terms: Vec<&str> = parts.iter().map(|(_, term)| term.as_str()).collect();
    format!(
        "{{\"formatVersion\":\"v1.0\",\"offerCode\":\"AmazonECS\",\"publicationDate\":\"2026-09-30T00:00:00Z\",\
         \"products\":{{{}}},\"terms\":{{\"OnDemand\":{{{}}}}}}}",
        products.join(","),
        terms.join(",")
    )
}

/// Things beside compute and fees of Managed Instances, in the layout of a bulk offer file. Usage types, operations and units
/// were read in public programs that parse AWS's answers, and prices there, too (Tokyo, September 2026: gp3 0.096 a GB, a
/// GiB/s 49.152; c6a.2xlarge's fee is that of PR-56; tiers of transfer as Ireland's real ones begin, October 2026); the file
/// itself is written by hand.
fn beside_compute() -> String {
    let one = |sku: &str,
               (service, usage, operation): (&str, &str, &str),
               tiers: &[(&str, &str, &str)]| {
        let product = format!(
            "\"{sku}\":{{\"sku\":\"{sku}\",\"productFamily\":\"x\",\"attributes\":{{\"servicecode\":\"{service}\",\
             \"regionCode\":\"ap-northeast-1\",\"usagetype\":\"{usage}\",\"operation\":\"{operation}\"}}}}"
        );
        let dimension = |(begin, unit, price): &(&str, &str, &str)| {
            format!(
                "\"{begin}\":{{\"unit\":\"{unit}\",\"beginRange\":\"{begin}\",\"endRange\":\"Inf\",\
                 \"pricePerUnit\":{{\"USD\":\"{price}\"}}}}"
            )
        };
        let all: Vec<String> = tiers.iter().map(dimension).collect();
        let term =
            format!("\"{sku}\":{{\"{sku}.T\":{{\"priceDimensions\":{{{}}}}}}}", all.join(","));
        (product, term)
    };
    // Transfer is by the region that it leaves.
    let leaving =
        |(product, term): (String, String)| (product.replace("regionCode", "fromRegionCode"), term);
    let (ec2, elb) = ("AmazonEC2", "AWSELB");
    let alb = "LoadBalancing:Application";
    let fee = |name: &str| format!("APN1-ECS-Managed-Instances:{name}-management-hours");
    offer(&[
        one("A", (ec2, "APN1-EBS:VolumeUsage.gp3", ""), &[("0", "GB-Mo", "0.0960000000")]),
        one("B", (ec2, "APN1-EBS:VolumeP-IOPS.gp3", ""), &[("0", "IOPS-Mo", "0.0060000000")]),
        one(
            "C",
            (ec2, "APN1-EBS:VolumeP-Throughput.gp3", ""),
            &[("0", "GiBps-mo", "49.1520000000")],
        ),
        one("D", (ec2, "APN1-EBS:VolumeUsage.gp2", ""), &[("0", "GB-Mo", "0.12")]),
        one("E", ("AmazonECS", &fee("c6a.2xlarge"), ""), &[("0", "Hrs", "0.0367200000")]),
        one("F", ("AmazonECS", &fee("m99g.large"), ""), &[("0", "Hrs", "0.01")]),
        one("G", (elb, "APN1-LoadBalancerUsage", alb), &[("0", "Hrs", "0.0243")]),
        one("H", (elb, "APN1-TS-LoadBalancerUsage", alb), &[("0", "Hrs", "0.0056")]),
        one(
            "I",
            ("AmazonVPC", "APN1-VpcEndpoint-Bytes", "VpcEndpoint"),
            &[("0", "GB", "0.01"), ("1048576", "GB", "0.006")],
        ),
        one(
            "J",
            ("AmazonCloudWatch", "APN1-CW:MetricMonitorUsage", ""),
            &[("0", "Metrics", "0"), ("10", "Metrics", "0.3"), ("10000", "Metrics", "0.1")],
        ),
        leaving(one(
            "K",
            ("AWSDataTransfer", "APN1-DataTransfer-Out-Bytes", ""),
            &[
                ("153600", "GB", "0.084"),
                ("0", "GB", "0.114"),
                ("10240", "GB", "0.089"),
                ("51200", "GB", "0.086"),
            ],
        )),
        leaving(one(
            "M",
            ("AWSDataTransfer", "APN1-DataTransfer-Regional-Bytes", ""),
            &[("0", "GB", "0.01")],
        )),
        leaving(one(
            "N",
            ("AWSDataTransfer", "APN1-USE1-AWS-Out-Bytes", ""),
            &[("0", "GB", "0.09")],
        )),
        one("L", (ec2, "APN1-NatGateway-Hours", "NatGateway"), &[("0", "Fortnights", "5")]),
    ])
}

fn fargate() -> String {
    offer(&[
        part("A", "EUW1-Fargate-vCPU-Hours:perCPU", "0.0404800000"),
        part("B", "EUW1-Fargate-GB-Hours", "0.0044450000"),
        part("C", "EUW1-Fargate-ARM-vCPU-Hours:perCPU", "0.0323800000"),
        part("D", "EUW1-Fargate-ARM-GB-Hours", "0.0035600000"),
        part("E", "EUW1-Fargate-EphemeralStorage-GB-Hours", "0.0001110000"),
        part("F", "EUW1-Fargate-Windows-vCPU-Hours:perCPU", "0.0914800000"),
        part("G", "EUW1-EKS-Fargate-GB-Hours", "9"),
    ])
}

const SPOT: &str = r#"{"SpotPriceHistory":[
    {"AvailabilityZone":"us-east-1a","InstanceType":"m5.large","ProductDescription":"Linux/UNIX","SpotPrice":"0.040000",
     "Timestamp":"2026-10-19T10:00:00+00:00"},
    {"AvailabilityZone":"us-east-1a","InstanceType":"m5.large","ProductDescription":"Linux/UNIX","SpotPrice":"0.090000",
     "Timestamp":"2026-10-18T10:00:00+00:00"},
    {"AvailabilityZone":"us-east-1-bos-1a","InstanceType":"m5.large","ProductDescription":"Linux/UNIX","SpotPrice":"0.7",
     "Timestamp":"2026-10-19T10:00:00+00:00"},
    {"AvailabilityZone":"us-east-1b","InstanceType":"m5.large","ProductDescription":"Linux/UNIX","SpotPrice":"0.030001",
     "Timestamp":"2026-10-19T09:00:00+00:00"},
    {"AvailabilityZone":"us-east-1b","InstanceType":"m5.large","ProductDescription":"Windows","SpotPrice":"0.2",
     "Timestamp":"2026-10-19T09:00:00+00:00"}]}"#;

const TYPES: &str = r#"{"InstanceTypes":[{"InstanceType":"m99g.large","VCpuInfo":{"DefaultVCpus":2,"DefaultCores":2},
    "MemoryInfo":{"SizeInMiB":8192},"ProcessorInfo":{"SupportedArchitectures":["arm64"]},
    "NetworkInfo":{"MaximumNetworkInterfaces":3,"Ipv4AddressesPerInterface":10},"Unknown":{"x":[1]}}]}"#;

const PLANS: &str = r#"{"searchResults":[
    {"savingsPlanOffering":{"offeringId":"o","paymentOption":"No Upfront","planType":"Compute","durationSeconds":31536000,
     "currency":"USD"},"rate":"0.0702","unit":"Hrs","productType":"EC2","usageType":"BoxUsage:m5.large",
     "properties":[{"name":"region","value":"us-east-1"},{"name":"instanceType","value":"m5.large"},
     {"name":"productDescription","value":"Linux/UNIX"},{"name":"tenancy","value":"shared"}]},
    {"savingsPlanOffering":{"offeringId":"o","paymentOption":"No Upfront","planType":"Compute","durationSeconds":31536000,
     "currency":"USD"},"rate":"0.0323","unit":"Hrs","productType":"Fargate","usageType":"USE1-Fargate-vCPU-Hours:perCPU",
     "properties":[{"name":"region","value":"us-east-1"}]},
    {"savingsPlanOffering":{"offeringId":"o","paymentOption":"No Upfront","planType":"Compute","durationSeconds":31536000,
     "currency":"USD"},"rate":"0.0259","unit":"Hrs","productType":"Fargate","usageType":"USE1-Fargate-ARM-vCPU-Hours:perCPU",
     "properties":[{"name":"region","value":"us-east-1"}]},
    {"savingsPlanOffering":{"offeringId":"o","paymentOption":"No Upfront","planType":"Compute","durationSeconds":31536000,
     "currency":"USD"},"rate":"0.9","unit":"Hrs","productType":"Fargate","usageType":"USE1-EKS-Fargate-GB-Hours",
     "properties":[{"name":"region","value":"us-east-1"}]},
    {"savingsPlanOffering":{"offeringId":"p","paymentOption":"All Upfront","planType":"EC2Instance","durationSeconds":94608000,
     "currency":"USD"},"rate":"0.0371","unit":"Hrs","productType":"EC2","usageType":"BoxUsage:m5.large",
     "properties":[{"name":"region","value":"us-east-1"},{"name":"instanceType","value":"m5.large"}]},
    {"savingsPlanOffering":{"offeringId":"q","paymentOption":"No Upfront","planType":"SageMaker","durationSeconds":31536000,
     "currency":"USD"},"rate":"1","unit":"Hrs","productType":"SageMaker","properties":[]}]}"#;

fn finish(files: &[(&str, &str)], regions: &[&str]) -> Result<(String, Vec<String>), String> {
    let mut update = Update::new();
    files.iter().for_each(|(name, text)| update.read(name, text.as_bytes()));
    let regions: Vec<String> = regions.iter().map(|region| (*region).to_string()).collect();
    let lines = |all: Vec<ecsim::catalog::update::Problem>| -> String {
        all.iter().map(|problem| format!("{problem}\n")).collect()
    };
    update.finish(&regions).map(|written| (written.csv, written.notes)).map_err(lines)
}

#[test]
fn what_aws_publishes_becomes_a_price_file_that_reads_back() {
    let ec2 = products(&[
        product("us-east-1", "m5.large", "USD", "0.0960000000"),
        product("eu-west-1", "m5.large", "USD", "0.1070000000"),
        product("us-east-1", "m99g.large", "USD", "0.0900000000"),
        product("us-east-1", "m98g.large", "USD", "0.0800000000"),
    ]);
    let files = [
        ("ec2.json", ec2.as_str()),
        ("ecs.json", &fargate()),
        ("spot.json", SPOT),
        ("types.json", TYPES),
    ];
    let (csv, notes) = finish(&files, &[]).unwrap();
    insta::assert_snapshot!(csv, @r"
    # made by ecsim catalog update
    # as of: 2026-09-30
    region,instance_type,usd_per_hour,purchase,vcpus,memory_mib,arch,registered_mib,gpus,max_enis
    eu-west-1,m5.large,0.107,on_demand,,,,,,
    us-east-1,m5.large,0.096,on_demand,,,,,,
    us-east-1,m5.large,0.0350005,spot,,,,,,
    us-east-1,m98g.large,0.08,on_demand,2,8192,arm64,,0,
    us-east-1,m99g.large,0.09,on_demand,2,8192,arm64,,0,3
    region,os,arch,purchase,usd_per_vcpu_hour,usd_per_gb_hour,usd_per_ephemeral_gb_hour,usd_licence_per_vcpu_hour
    eu-west-1,linux,x86_64,on_demand,0.04048,0.004445,0.000111,
    eu-west-1,linux,arm64,on_demand,0.03238,0.00356,0.000111,
    ");
    assert_eq!(
        notes,
        [
            "left out: 1 Spot prices of local zones and others that are no region",
            "left out: 1 Spot prices of other systems than Linux",
            "left out: 1 products of Fargate for others than ECS",
            "left out: Fargate windows/x86_64 in eu-west-1, of which not every price was found",
        ]
    );
    let book = Catalogue::embedded();
    let file = PriceFile::parse("prices.csv", csv.as_bytes(), &book).unwrap();
    assert_eq!((file.len(), file.as_of()), (7, Some("2026-09-30")));
    let book = book.with_price_file(file);
    assert_eq!(book.on_demand("us-east-1", "m99g.large").unwrap().to_string(), "0.09");
    assert_eq!(book.ec2_spot("us-east-1", "m5.large").unwrap().to_string(), "0.0350005");
    let only = finish(&files, &["eu-west-1"]).unwrap().0;
    assert!(!only.contains("us-east-1") && only.contains("eu-west-1,linux"), "{only}");
}

/// Volumes, load balancers and their like become items of the book; a fee is of its type; of tiers the first that costs
/// anything; a GiB/s is 1,024 MiB/s. What is left out is named, with how many there are of it.
#[test]
fn what_is_charged_beside_compute_and_fees_are_read_and_the_rest_is_named() {
    let (csv, notes) = finish(&[("x.json", &beside_compute())], &[]).unwrap();
    insta::assert_snapshot!(csv, @r"
    # made by ecsim catalog update
    # as of: 2026-09-30
    region,item,usd
    ap-northeast-1,alb,0.0243
    ap-northeast-1,custom_metric,0.3
    ap-northeast-1,gp3_gb,0.096
    ap-northeast-1,gp3_iops,0.006
    ap-northeast-1,gp3_mbps,0.048
    ap-northeast-1,internet_gb_1,0.114
    ap-northeast-1,internet_gb_2,0.089
    ap-northeast-1,internet_gb_3,0.086
    ap-northeast-1,internet_gb_4,0.084
    ap-northeast-1,vpc_endpoint_gb,0.01
    ap-northeast-1,zone_gb,0.01
    region,instance_type,managed_fee_usd_per_hour
    ap-northeast-1,c6a.2xlarge,0.03672
    ");
    insta::assert_snapshot!(notes.join("\n"), @r"
    left out: 1 fees of types that neither the catalogue nor any priced row describes
    left out: 1 prices in other units than the book's
    left out: 2 prices of later tiers of what the book prices once
    left out: 1 prices of nothing
    left out: 1 products of transfer that no run is charged for: between regions, into AWS and the like
    left out: 1 products that no run is charged for
    left out: 1 volumes of other kinds than gp3, snapshots and their like
    ");
    let book = Catalogue::embedded();
    let file = PriceFile::parse("x.csv", csv.as_bytes(), &book).unwrap();
    assert!(file.warnings.is_empty(), "{:?}", file.warnings);
    let book = book.with_price_file(file);
    let fee = |region, name| book.managed_fee_of(region, name).map(|(fee, _)| fee.to_string());
    assert_eq!(fee("ap-northeast-1", "c6a.2xlarge"), Some("0.03672".into()));
    assert_eq!(fee("us-east-1", "c6a.2xlarge"), Some("0.03672".into()), "12 % of 0.306, assumed");
    let usd = |item| book.side_price("ap-northeast-1", item).unwrap().usd.to_string();
    assert_eq!((usd("gp3_mbps"), usd("nlb")), ("0.048".into(), "0.0225".into()));
    // Files of one's own are above.
    let own = "region,instance_type,managed_fee_usd_per_hour\nap-northeast-1,c6a.2xlarge,0.05\n\
               region,item,usd\nap-northeast-1,alb,1\n";
    let (csv, _) = finish(&[("own.csv", own), ("x.json", &beside_compute())], &[]).unwrap();
    assert!(csv.contains("c6a.2xlarge,0.05\n") && csv.contains("ap-northeast-1,alb,1\n"), "{csv}");
    // Two prices of one thing are none.
    let other = beside_compute().replace("0.0367200000", "0.0368");
    let said = finish(&[("x.json", &beside_compute()), ("y.json", &other)], &[]).unwrap_err();
    assert!(
        said.contains("the fee of c6a.2xlarge in ap-northeast-1 costs 0.0368 here and 0.03672"),
        "{said}"
    );
}

/// What ECS charges for a Managed Instance is a column of the price book: the file's fee of the type, unless the scenario says
/// otherwise, and 12 % where neither does.
#[test]
fn a_managed_instance_costs_the_fee_of_its_type_in_the_price_file() {
    let desk = Desk::new();
    desk.write(
        "p.csv",
        "region,instance_type,managed_fee_usd_per_hour\nus-east-1,c6a.2xlarge,0.04\n",
    );
    let fee = |of: &str, prices: &str| -> String {
        desk.write(
            "m.toml",
            format!(
                "[simulation]\nduration = \"2h\"\n{prices}[[capacity_provider]]\nname = \"m\"\n\
                 instance_types = [\"c6a.2xlarge\"]\n[capacity_provider.managed_instances]\n{of}\n\
                 [[task_definition]]\nfamily = \"t\"\ncpu = 1024\nmemory = 1024\nnetwork_mode = \"host\"\n\
                 [[service]]\nname = \"s\"\ntask_definition = \"t\"\ndesired_count = 1\n\
                 capacity_provider_strategy = [{{ capacity_provider = \"m\", weight = 1 }}]\n"
            ),
        );
        desk.ok("run m.toml --out m --force --charts none");
        let table = desk.read("m/cost.csv");
        let mut lines = csv::Reader::from_reader(table.as_bytes());
        let rows = lines.deserialize::<std::collections::BTreeMap<String, String>>();
        let rows: Vec<_> = rows.map(Result::unwrap).collect();
        let fee = rows.iter().find(|row| row["category"].contains("fee")).unwrap();
        fee["usd_per_hour"].clone()
    };
    let file = "[prices]\nfile = \"p.csv\"\n";
    assert_eq!(fee("", file), "0.04");
    assert_eq!(fee("", ""), "0.03672");
    assert_eq!(fee("fee_percent = 10", file), "0.0306");
    assert_eq!(fee("fee_usd_per_hour = 0.01", file), "0.01");
}

/// A bad row of fees is told like any other: its place, what is wrong, what to do.
#[test]
fn bad_fees_are_told_with_their_places() {
    let csv = "region,instance_type,managed_fee_usd_per_hour\nus-east-1,c6a.2xlarge,-1\nus-east-1,c6a.2xlargo,1\n\
               us-east-1,m5.large,1\nus-east-1,m5.large,2\nregion,instance_type,managed_fee_usd_per_hour,purchase\n";
    let said = finish(&[("own.csv", csv)], &[]).unwrap_err();
    for wanted in [
        "own.csv:2:23: managed_fee_usd_per_hour",
        "own.csv:3:11: unknown instance type \"c6a.2xlargo\"",
        "own.csv:5:1: the fee of m5.large in us-east-1 was already priced on line 4",
        "own.csv:6:47: unknown column \"purchase\"",
    ] {
        assert!(said.contains(wanted), "{wanted}\n{said}");
    }
}

/// Prices in another currency are refused with what to do, however the column says so.
#[test]
fn a_column_in_another_currency_is_told_that_prices_are_in_dollars() {
    for (header, place) in [
        ("region,instance_type,eur_per_hour", "1:22"),
        ("region,instance_type,usd_per_hour,currency", "1:35"),
        ("region,instance_type,usd_per_hour,Currency_Code", "1:35"),
        ("region,os,arch,purchase,jpy_per_vcpu_hour,usd_per_gb_hour", "1:25"),
    ] {
        let said = finish(&[("own.csv", &format!("{header}\n"))], &[]).unwrap_err();
        let line = said
            .lines()
            .position(|line| line.starts_with(&format!("own.csv:{place}: unknown column")));
        let help = said.lines().nth(line.expect(&said) + 1).unwrap();
        assert!(help.contains("prices are in US dollars: convert them"), "{header}\n{said}");
    }
    let said = finish(&[("own.csv", "region,instance_type,usd_per_houre\n")], &[]).unwrap_err();
    assert!(said.contains("did you mean \"usd_per_hour\"?"), "{said}");
}

#[test]
fn a_csv_of_ours_outranks_what_aws_says_and_the_last_one_the_others() {
    let ec2 = products(&[product("us-east-1", "m5.large", "USD", "0.096")]);
    let first =
        "region,instance_type,usd_per_hour\nus-east-1,m5.large,0.09\nus-east-1,c5.large,0.08\n";
    let second =
        "# as of: 2026-11-01\nregion,instance_type,usd_per_hour\nus-east-1,m5.large,0.07\n";
    let side = "region,item,usd\nus-east-1,internet_gb_1,0.5\n";
    let files = [("a.csv", first), ("ec2.json", ec2.as_str()), ("b.csv", second), ("c.csv", side)];
    let (csv, _) = finish(&files, &[]).unwrap();
    assert!(csv.ends_with(side), "{csv}");
    assert!(PriceFile::parse("all.csv", csv.as_bytes(), &Catalogue::embedded()).is_ok());
    assert!(csv.contains("m5.large,0.07,on_demand") && csv.contains("c5.large,0.08"), "{csv}");
    assert!(csv.contains("# as of: 2026-10-20\n"), "the oldest of both: {csv}");
}

#[test]
fn everything_that_is_wrong_is_told_at_once_with_its_place() {
    let ec2 = products(&[
        product("us-east-1", "m5.large", "USD", "0.096"),
        product("cn-north-1", "m5.large", "CNY", "0.6"),
        product("", "m5.large", "USD", "0.096"),
        product("us-east-1", "c5.large", "USD", "-0.085"),
        product("us-east-1", "m5.large", "USD", "0.097"),
        product("us-east-1", "r5.large", "USD", "dear"),
        product("us-east-1", "m99g.large,x", "USD", "0.1"),
    ]);
    let said = finish(
        &[
            ("ec2.json", &ec2),
            ("x.json", "{\"a\": 1}"),
            ("y.json", "{\"PriceList\": 3}"),
            ("z.json", " \n[]"),
        ],
        &[],
    );
    let said = said.unwrap_err();
    for wanted in [
        "ec2.json: PriceList[1]: a price in CNY",
        "ec2.json: PriceList[2]: a price without its region",
        "ec2.json: PriceList[3]: the price -0.085 is below zero",
        "ec2.json: PriceList[4]: m5.large in us-east-1 (on_demand) costs 0.097 here and 0.096 at ec2.json: PriceList[0]",
        "ec2.json: PriceList[5]: the price \"dear\"",
        "ec2.json: PriceList[6]: \"m99g.large,x in us-east-1 (on_demand)\" is no name that a price file takes",
        "x.json: is nothing that AWS publishes about prices",
        "y.json:1:",
        "z.json: is a JSON list, and nothing that AWS publishes about prices is one\n  = help: take the whole answer",
    ] {
        assert!(said.contains(wanted), "{wanted}\n{said}");
    }
    let plan = PLANS.replacen("\"currency\":\"USD\"", "\"currency\":\"CNY\"", 1);
    let said = finish(&[("plans.json", &plan)], &[]).unwrap_err();
    assert!(said.contains("plans.json: searchResults[0]: a rate in CNY"), "{said}");
    let ec2 = products(&[product("us-east-1", "m5.large", "USD", "0.096")]);
    let said = finish(&[("ec2.json", &ec2)], &["eu-west-1"]).unwrap_err();
    assert!(said.contains("ec2.json: no price of eu-west-1"), "{said}");
    let csv = "region,instance_type,usd_per_hour\nus-east-1,m5.large,-1\nus-east-1,m5.large,2,3\n";
    let said = finish(&[("own.csv", csv)], &[]).unwrap_err();
    assert!(said.contains("own.csv:2:20") && said.contains("own.csv:3:1"), "{said}");
    let twice = "region,instance_type,usd_per_hour\nus-east-1,m5.large,1\nus-east-1,m5.large,2\n";
    let said = finish(&[("own.csv", twice)], &[]).unwrap_err();
    assert!(said.contains("was already priced on line 2"), "{said}");
}

#[test]
fn a_run_uses_the_file_and_its_manifest_says_which_and_how_old() {
    let desk = Desk::with(SMALL);
    let ec2 = products(&[product("us-east-1", "m5.large", "USD", "0.5")]);
    desk.write("ec2.json", &ec2);
    desk.write("plans.json", PLANS);
    desk.write("spot.json", SPOT);
    let done =
        desk.ok("catalog update ec2.json spot.json plans.json -o prices.csv --plans plans.toml");
    assert!(
        done.stdout.is_empty() && done.stderr.contains("2 prices in prices.csv"),
        "{}",
        done.stderr
    );
    let again = desk.run("catalog update ec2.json -o prices.csv").ends_with(2);
    assert!(again.stderr.contains("is there already"), "{}", again.stderr);
    desk.ok("catalog update ec2.json spot.json -o prices.csv --force");
    desk.ok("run small.toml --out own --set prices.file=prices.csv");
    desk.ok("run small.toml --out book");
    let manifest = |folder: &str| -> serde_json::Value {
        let text = std::fs::read(desk.path(&format!("{folder}/manifest.json"))).unwrap();
        serde_json::from_slice(&text).unwrap()
    };
    let (own, book) = (manifest("own"), manifest("book"));
    assert_eq!(own["prices_as_of"]["price_file"], "2026-10-19", "the oldest of the files");
    assert_eq!(book["prices_as_of"]["price_file"], serde_json::Value::Null);
    assert_eq!(own["prices_as_of"]["catalog"], book["prices_as_of"]["catalog"]);
    let version = |of: &serde_json::Value| of["catalog_version"].as_str().unwrap().to_string();
    assert!(version(&own).starts_with(&format!("{}+", version(&book))), "{own}");
    // The plans are tables of a scenario.
    let plans = std::fs::read_to_string(desk.path("plans.toml")).unwrap();
    assert!(
        plans.contains("type = \"EC2Instance\"\ninstance_family = \"m5\"\nterm = \"3y\""),
        "{plans}"
    );
    assert!(plans.contains("fargate_vcpu_usd_per_hour = 0.0323"), "{plans}");
    assert!(plans.contains("fargate_arm_vcpu_usd_per_hour = 0.0259"), "{plans}");
    assert!(!plans.contains("gb_usd"), "tasks of EKS have rates of their own: {plans}");
    desk.write("with.toml", format!("{SMALL}\n{plans}"));
    desk.ok("validate with.toml");
}

/// A price that a run in another region never sees is no price of it: the run says so, and what region was not known.
#[test]
fn a_price_file_without_the_region_of_a_run_is_told() {
    let desk = Desk::new();
    desk.write("p.csv", "region,instance_type,usd_per_hour\neu-west-11,m5.large,0.3\n");
    desk.write("small.toml", format!("[prices]\nfile = \"p.csv\"\n{SMALL}"));
    let done = desk.run("validate small.toml").ends_with(0);
    let done = done.says("p.csv:2:1: region \"eu-west-11\" is not in the catalogue");
    done.says("p.csv has no price of us-east-1: the book's are used");
    let rows = "region,instance_type,usd_per_hour\nus-east-1,m5.large,0.3\neu-west-1,m5.large,0.4\n\
                region,item,usd\neu-west-1,alb,0.02\n";
    desk.write("p.csv", rows);
    let done = desk.run("validate small.toml").ends_with(0);
    assert_eq!(done.stderr, "");
    desk.ok("run small.toml --out own");
    let text = std::fs::read(desk.path("own/manifest.json")).unwrap();
    let manifest: serde_json::Value = serde_json::from_slice(&text).unwrap();
    let rows = serde_json::json!({"file": "p.csv", "read": 3, "used": 1, "adjusted": {},
        "skipped": {"of another region than the run's": 2}});
    assert_eq!(manifest["traces"]["prices"], rows);
}

#[test]
fn nothing_is_written_where_anything_is_wrong() {
    let desk = Desk::new();
    desk.write("ec2.json", products(&[product("us-east-1", "m5.large", "USD", "-1")]));
    let done = desk.run("catalog update ec2.json -o prices.csv").ends_with(2);
    assert!(done.stderr.contains("is below zero") && done.stdout.is_empty(), "{}", done.stderr);
    assert!(!desk.path("prices.csv").exists());
    let done = desk.run("catalog update missing.json").ends_with(2);
    assert!(done.stderr.contains("cannot read missing.json"), "{}", done.stderr);
    assert_eq!(desk.run("catalog update").ends_with(2).stdout, "");
}

#[test]
fn the_list_is_filtered_and_sorted() {
    let desk = Desk::new();
    let names = |arguments: &str| -> Vec<String> {
        let done = desk.ok(&format!("catalog list --format json {arguments}"));
        let json: serde_json::Value = serde_json::from_str(&done.stdout).unwrap();
        let all = json["instance_types"].as_array().unwrap();
        all.iter().map(|one| one["instance_type"].as_str().unwrap().to_string()).collect()
    };
    assert_eq!(names("--family t3 --sort price --max-usd 0.0104"), ["t3.nano", "t3.micro"]);
    assert_eq!(names("--family m5 --max-vcpus 4 --sort memory"), ["m5.large", "m5.xlarge"]);
    assert_eq!(names("--family c5 --min-memory 8 --max-memory 16"), ["c5.xlarge", "c5.2xlarge"]);
    let gpus = names("--gpu --sort price --current");
    assert!(!gpus.is_empty() && gpus.iter().all(|name| !name.starts_with('m')), "{gpus:?}");
    // An m6a costs less a vCPU than an m5, and both less than a GB of a c5 costs a GB.
    let cheap = names(
        "--arch x86_64 --min-vcpus 2 --max-vcpus 2 --min-memory 8 --max-memory 8 --sort vcpu-price",
    );
    let place = |name: &str| cheap.iter().position(|of| of == name).unwrap();
    assert!(place("m6a.large") < place("m5.large"), "{cheap:?}");
    assert!(desk.run("catalog list --max-usd many").ends_with(2).stderr.contains("--max-usd"));
}
