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
    desk.write("with.toml", format!("{SMALL}\n{plans}"));
    desk.ok("validate with.toml");
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
