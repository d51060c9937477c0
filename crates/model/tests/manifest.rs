//! `strategy.toml` and the folder around it.

mod support;

use std::fs;

use sotto_model::{
    DEFAULT_MARKET, FeatureCatalog, MANIFEST_FILE, Manifest, ModelError, Strategy, Unit, parse_rows,
};
use support::*;

fn text() -> String {
    manifest(&bytes(&small()), 2, 1.0)
}

/// The result of parsing the manifest with one piece of its text replaced.
fn with(from: &str, to: &str) -> Result<Manifest, ModelError> {
    let text = text();
    assert!(text.contains(from), "{from} is not in {text}");
    Manifest::parse(&text.replacen(from, to, 1))
}

#[test]
fn unknown_and_missing_keys_are_refused_with_their_place() {
    assert!(Manifest::parse(&text()).is_ok());
    let cases = [
        ("name = \"test\"", "name = \"test\"\nnmae = 1"),
        ("file =", "path ="),
        ("[tokens]", "[tokens]\nprice-decimals = 3"),
        ("[output]", "[output]\nbias = 3.0"),
        ("[policy]", "[policy]\nmaxslots = 3"),
        ("min-quote", "min_quote"),
        ("{ range =", "{ ranges ="),
        ("offset =", "shift ="),
        ("[[input]]", "[[inputs]]"),
        ("unit = \"pips\"", "unit = \"bips\""),
        ("name = \"test\"", ""),
    ];
    for (from, to) in cases {
        let refused = with(from, to);
        let Err(ModelError::Manifest { reason }) = refused else { panic!("{to}: {refused:?}") };
        assert!(reason.contains("line"), "{reason}");
    }
    assert!(with("max-slots = 32", "max-slots = 32\nmax-slots = 32").is_err());
    assert!(Manifest::parse(&"#".repeat(1 << 19)).is_err());
}

#[test]
fn values_out_of_range_are_refused() {
    // covers: M6
    let cases = [
        ("name = \"test\"", "name = \"\""),
        ("name = \"test\"", "name = \"a/b\""),
        ("\"model.onnx\"", "\"../model.onnx\""),
        ("\"model.onnx\"", "\"/etc/passwd\""),
        ("\"model.onnx\"", "\"..\""),
        ("base-decimals = 18", "base-decimals = 37"),
        ("scale = 1.0", "scale = 0.0"),
        ("scale = 1.0", "scale = nan"),
        ("scale = 1.0", "scale = inf"),
        ("scale = 1.0", "scale = 1e-310"),
        ("min-quote = -900000", "min-quote = -1000000"),
        ("min-quote = -900000", "min-quote = 900001"),
        ("max-slots = 32", "max-slots = 33"),
        ("max-slots = 32", "max-slots = 0"),
        ("range = [9.0, 13.0]", "range = [13.0, 9.0]"),
        ("range = [9.0, 13.0]", "range = [nan, 9.0]"),
        ("offset = 9.0", "offset = inf"),
        ("scale = 4.0", "scale = 0.0"),
        ("scale = 4.0", "scale = 4.0\nrange = [1.0, 1.0]"),
        ("\"uniswap-v2.price\" = 1.0", "\"uniswap-v2.price\" = nan"),
        ("\"uniswap-v2.price\" = 1.0", "\"chain.base-fee\" = 1.0"),
        ("terms = { \"uniswap-v2.price\" = 1.0 }", "terms = {}"),
        ("[features]", "[features]\n\"chain.base-fee\" = { range = [0.0, 1.0] }"),
    ];
    for (from, to) in cases {
        let refused = with(from, to);
        assert!(matches!(refused, Err(ModelError::ManifestValue { .. })), "{to}: {refused:?}");
    }
    assert!(with("base-decimals = 18", "base-decimals = 256").is_err());
    assert!(with("max-quote = 900000", "max-quote = 2147483648").is_err());
}

#[test]
fn ranges_that_do_not_fit_the_features_are_refused() {
    let onnx = bytes(&small());
    let load = |from: &str, to: &str| {
        Strategy::from_parts(&text().replacen(from, to, 1), &onnx, &FeatureCatalog::default())
    };
    for range in ["[9.0, 1e6]", "[-1e6, 9.0]", "[1e300, 1e301]", "[9.0, 9.00000000001]"] {
        let refused = load("[9.0, 13.0]", range);
        assert!(matches!(refused, Err(ModelError::ManifestValue { .. })), "{range}: {refused:?}");
    }
    // More than 2^28 raw units: 64 doublings.
    let refused = load("[9.0, 13.0]", "[-30.0, 40.0]");
    assert!(matches!(refused, Err(ModelError::Unrepresentable { layer: 0, .. })), "{refused:?}");
    let refused = load("uniswap-v2.price", "uniswap-v2.prize").map_err(|_| {
        let everywhere = text().replace("uniswap-v2.price", "uniswap-v2.prize");
        Strategy::from_parts(&everywhere, &onnx, &FeatureCatalog::default()).unwrap_err()
    });
    assert!(matches!(refused, Err(ModelError::UnknownFeature { .. })), "{refused:?}");
}

#[test]
fn catalogues_follow_the_order_of_the_market() {
    let catalog = FeatureCatalog::default();
    for (index, name) in DEFAULT_MARKET.iter().enumerate() {
        assert_eq!(catalog.feature(name).unwrap().index, index);
        assert_eq!(catalog.name(index), Some(*name));
    }
    assert_eq!(catalog.feature("slot.direction").unwrap().index, 32);
    assert_eq!(catalog.feature("slot.limit").unwrap().index, 35);
    assert_eq!(catalog.feature("slot.size").unwrap().unit, Unit::Sold);
    assert_eq!((catalog.name(11), catalog.name(35), catalog.name(36)), (None, Some("slot.limit"), None));
    assert!(matches!(catalog.feature(""), Err(ModelError::UnknownFeature { .. })));

    let market = FeatureCatalog::new(["chain.base-fee", "pyth.price", "", ""]).unwrap();
    assert_eq!(market.feature("pyth.price").unwrap().index, 1);
    assert_eq!(market.feature("pyth.price").unwrap().unit, Unit::Price);
    assert!(market.feature("uniswap-v2.price").is_err());
    assert!(matches!(FeatureCatalog::new(["a.b", "a.b"]), Err(ModelError::DuplicateName { .. })));
    assert!(matches!(FeatureCatalog::new(["slot.size"]), Err(ModelError::DuplicateName { .. })));
    let many = (0..33).map(|i| format!("feed.f{i}"));
    assert!(matches!(FeatureCatalog::new(many), Err(ModelError::TooLarge { .. })));
}

#[test]
fn a_strategy_reads_the_same_features_at_another_markets_places() {
    let onnx = bytes(&small());
    let moved = FeatureCatalog::new(["chain.base-fee", "uniswap-v2.volatility", "uniswap-v2.price"]).unwrap();
    let (here, there) = (
        Strategy::from_parts(&text(), &onnx, &FeatureCatalog::default()).unwrap(),
        Strategy::from_parts(&text(), &onnx, &moved).unwrap(),
    );
    let (mut a, mut b) = ([0; 32], [0; 32]);
    (a[0], a[2]) = (12 << 22, 1 << 15);
    (b[2], b[1]) = (12 << 22, 1 << 15);
    assert_eq!(here.program().output(&a, &[0; 4]), there.program().output(&b, &[0; 4]));
}

#[test]
fn a_model_swapped_on_disk_is_refused() {
    // covers: M12
    let dir = tempfile::tempdir().unwrap();
    let onnx = bytes(&small());
    fs::write(dir.path().join(MANIFEST_FILE), text()).unwrap();
    fs::write(dir.path().join("model.onnx"), &onnx).unwrap();
    let strategy = Strategy::load(dir.path()).unwrap();
    strategy.check(dir.path()).unwrap();

    let mut other = small();
    other.graph.as_mut().unwrap().initializer[0].float_data[0] += 1.0;
    fs::write(dir.path().join("model.onnx"), bytes(&other)).unwrap();
    assert!(matches!(strategy.check(dir.path()), Err(ModelError::ModelHash { .. })));
    assert!(matches!(Strategy::load(dir.path()), Err(ModelError::ModelHash { .. })));

    // The hash pinned anew: still not the strategy that was loaded.
    fs::write(dir.path().join(MANIFEST_FILE), manifest(&bytes(&other), 2, 1.0)).unwrap();
    assert!(Strategy::load(dir.path()).is_ok());
    assert!(matches!(strategy.check(dir.path()), Err(ModelError::ManifestValue { .. })));

    fs::remove_file(dir.path().join("model.onnx")).unwrap();
    assert!(matches!(Strategy::load(dir.path()), Err(ModelError::Read { .. })));
    fs::write(dir.path().join("model.onnx"), vec![0; sotto_model::import::MAX_MODEL_BYTES + 1]).unwrap();
    assert!(matches!(Strategy::load(dir.path()), Err(ModelError::TooLarge { .. })));
}

#[test]
fn hold_out_rows_are_read_by_column_name() {
    let catalog = FeatureCatalog::default();
    let rows = parse_rows("slot.size,chain.timestamp,float-pips\n5,-6,7.5\n\n2147483647,0,-1e3\n", &catalog)
        .unwrap();
    assert_eq!((rows[0].row.slot[1], rows[0].row.market[10], rows[0].float_pips), (5, -6, Some(7.5)));
    assert_eq!((rows[1].row.slot[1], rows[1].float_pips), (i32::MAX, Some(-1000.0)));
    assert_eq!(parse_rows("slot.size\n1", &catalog).unwrap()[0].float_pips, None);
    for bad in [
        "slot.size\n1,2",
        "slot.size\nx",
        "slot.size\n2147483648",
        "slot.size,slot.limit\n1",
        "float-pips\nnan",
    ] {
        assert!(matches!(parse_rows(bad, &catalog), Err(ModelError::Row { line: 2, .. })), "{bad}");
    }
    assert!(matches!(
        parse_rows("slot.size,slot.size\n1,1", &catalog),
        Err(ModelError::DuplicateName { .. })
    ));
    assert!(matches!(parse_rows("slot.sise\n1", &catalog), Err(ModelError::UnknownFeature { .. })));
    assert!(matches!(parse_rows("", &catalog), Err(ModelError::Missing { .. })));
}

#[test]
fn units_classes_and_sizes_are_read() {
    use sotto_model::{Choice, ElementChoice, OutputChoice, TreeTable};
    let pips = |unit: &str| with("unit = \"pips\"", &format!("unit = \"{unit}\"")).unwrap().output.pips();
    assert_eq!((pips("pips"), pips("bps"), pips("fraction")), (1.0, 100.0, 1e6));
    let choice =
        |value: &str| with("[policy]", &format!("choice = {value}\n[policy]")).unwrap().output.choice;
    assert_eq!(choice("2"), Some(Choice::Score(2)));
    assert_eq!(choice("\"label\""), Some(Choice::Name("label".to_owned())));
    let element = ElementChoice { output: "p".to_owned(), position: 3 };
    assert_eq!(choice("{ output = \"p\", position = 3 }"), Some(Choice::Element(element)));
    // A class by its name is found in the model.
    let up = Manifest::parse(&text().replace("[policy]", "choice = \"up\"\n[policy]")).unwrap().output;
    let classes = ["down".to_owned(), "up".to_owned()];
    assert_eq!(up.output_choice(&classes).unwrap(), OutputChoice::Score(1));
    assert!(matches!(up.output_choice(&[]), Err(ModelError::ManifestValue { .. })));
    let shape = with("[policy]", "[shape]\ntrees = 100\nrank-bits = 8\n[policy]").unwrap().shape;
    assert_eq!(shape, Some(TreeTable { trees: Some(100), depth: None, rank_bits: Some(8) }));
    assert!(with("[policy]", "[shape]\nleaves = 3\n[policy]").is_err());
    let ranges = with("[policy]", "[calibration]\nleast = [[0.0]]\ngreatest = [[1.0]]\n[policy]").unwrap();
    assert_eq!(ranges.calibration.unwrap().greatest, [[1.0]]);
    for bad in ["greatest = [[nan]]", "least = [[2.0]]\ngreatest = [[1.0]]"] {
        let refused = with("[policy]", &format!("[calibration]\n{bad}\n[policy]"));
        assert!(matches!(refused, Err(ModelError::ManifestValue { .. })), "{bad}: {refused:?}");
    }
}

#[test]
fn a_written_manifest_reads_back_as_itself() {
    use sotto_model::{
        Calibration, Choice, FeatureRange, MarketLayout, NetworkInput, OutputUnit, PolicyTable, TreeTable,
    };
    use std::collections::BTreeMap;
    let parsed = Manifest::parse(&text()).unwrap();
    assert_eq!(Manifest::parse(&parsed.render()).unwrap(), parsed);

    let mut input = NetworkInput::of_feature("uniswap-v3.tick-15");
    input.terms.insert("market.3".to_owned(), -1.5e-7);
    (input.name, input.range) = (Some("a \"name\"\u{e9}".to_owned()), Some([-1e-9, 2e20]));
    let features = BTreeMap::from(
        [("uniswap-v3.tick-15", [9.0, 13.0]), ("market.3", [-5.0, 1e6])]
            .map(|(n, range)| (n.to_owned(), FeatureRange { range })),
    );
    let policy = PolicyTable { min_quote: -100, max_quote: 200, max_slots: 3 };
    let mut manifest = Manifest::for_model("mine", "m.onnx", b"model", vec![input], features, policy);
    manifest.check().unwrap();
    manifest.market = MarketLayout::UniswapV3;
    manifest.output.unit = OutputUnit::Bps;
    manifest.output.choice = Some(Choice::Score(1));
    manifest.shape = Some(TreeTable { trees: Some(8), depth: Some(3), rank_bits: None });
    manifest.calibration =
        Some(Calibration { least: vec![vec![-1e-5], vec![]], greatest: vec![vec![0.5], vec![]] });
    assert_eq!(Manifest::parse(&manifest.render()).unwrap(), manifest, "{}", manifest.render());
}

#[test]
fn the_markets_of_uniswap_v3_and_features_by_position_have_names() {
    use sotto_model::{MarketLayout, V3_MARKET};
    let catalog = MarketLayout::UniswapV3.catalog();
    for (index, name) in V3_MARKET.iter().enumerate() {
        assert_eq!(catalog.feature(name).unwrap().index, index);
    }
    let unit = |name: &str| catalog.feature(name).unwrap().unit;
    assert_eq!((unit("uniswap-v3.tick-0"), unit("uniswap-v3.price-recent")), (Unit::Price, Unit::Price));
    assert_eq!((unit("uniswap-v3.depth"), unit("uniswap-v3.age")), (Unit::Log2, Unit::Count));
    assert_eq!((unit("market.16"), catalog.feature("market.31").unwrap().index), (Unit::Count, 31));
    for bad in ["market.32", "market.", "market.01", "market.-1", "market.+1", "market.x"] {
        assert!(matches!(catalog.feature(bad), Err(ModelError::UnknownFeature { .. })), "{bad}");
    }
    // One feature by two names.
    let onnx = bytes(&small());
    let twice = text().replace("uniswap-v2.volatility", "market.0").replace("0.0625", "1000000");
    let refused = Strategy::from_parts(&twice, &onnx, &FeatureCatalog::default());
    assert!(matches!(refused, Err(ModelError::DuplicateName { .. })), "{refused:?}");
}

#[test]
fn a_strategy_for_uniswap_v3_reads_its_features() {
    let dir = tempfile::tempdir().unwrap();
    let onnx = bytes(&small());
    let v3 = text().replace("uniswap-v2.", "uniswap-v3.");
    fs::write(dir.path().join("model.onnx"), &onnx).unwrap();
    fs::write(dir.path().join(MANIFEST_FILE), &v3).unwrap();
    assert!(matches!(Strategy::load(dir.path()), Err(ModelError::UnknownFeature { .. })));
    fs::write(
        dir.path().join(MANIFEST_FILE),
        v3.replace("name = \"test\"", "name = \"test\"\nmarket = \"uniswap-v3\""),
    )
    .unwrap();
    let strategy = Strategy::load(dir.path()).unwrap();
    // The price and the volatility of that market.
    let read: Vec<usize> = (0..36).filter(|&i| strategy.program().inputs()[i].mult > 0).collect();
    assert_eq!(read, [16, 18]);
}
