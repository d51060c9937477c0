//! The strategies that come with the project, against their networks and against the runtime that trained them.

use std::{
    fs,
    path::{Path, PathBuf},
};

use sotto_model::{FeatureCatalog, Strategy, parse_rows};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../strategies").join(name)
}

#[test]
fn every_strategy_is_within_a_pip_of_its_network_on_hold_out_rows() {
    // covers: M8 M14
    for name in ["linear-spread", "mlp-16-32-16", "mlp-32-64-64"] {
        let dir = folder(name);
        let strategy = match Strategy::load(&dir) { Ok(s) => s, Err(e) => panic!("{name}: {e}") };
        let text = fs::read_to_string(dir.join("holdout.csv")).unwrap();
        let data = parse_rows(&text, &FeatureCatalog::default()).unwrap();
        let rows: Vec<_> = data.iter().map(|d| d.row).collect();
        let report = strategy.parity(&rows, 0);
        println!("{name}: {report:?} {:?}", strategy.intervals());
        println!("{:?}", strategy.model().inputs().map(|i| i.mult));
    }
}
