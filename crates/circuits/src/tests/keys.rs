//! The committed key set is the one that the circuits give.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use sotto_model::{MANIFEST_FILE, Strategy, program::Shape};

use crate::{
    CircuitError, KeySet, LeafCircuit, SheetCircuit, SheetKey, SheetShape,
    classes::{class_capacities, class_keys, standard_classes, standard_keys},
};

#[test]
fn keys_out_of_form_are_refused() {
    let keys = KeySet::committed().unwrap().keys().to_vec();
    let refused = |change: fn(&mut SheetKey)| {
        let mut keys = keys.clone();
        change(&mut keys[1]);
        assert!(matches!(KeySet::new(keys), Err(CircuitError::KeySet { index: 1, .. })));
    };
    refused(|key| key.digest[0] = sotto_types::GOLDILOCKS_ORDER);
    refused(|key| key.cap[15][3] = u64::MAX);
    refused(|key| key.cap.truncate(15));
    refused(|key| key.class_id ^= 1);
    assert!(KeySet::new(vec![keys[0].clone(); 257]).is_err());
}

#[test]
fn the_key_of_a_seal_is_of_whole_rounds_alone() {
    let keys = KeySet::committed().unwrap();
    let key = keys.keys().iter().find(|key| key.class_id == 1).unwrap();
    assert!(KeySet::new(vec![key.clone()]).is_ok());
    for capacity in [0, 1, 16, 31, 33] {
        let result = KeySet::new(vec![SheetKey { capacity, ..key.clone() }]);
        assert!(matches!(result, Err(CircuitError::KeySet { index: 0, .. })), "{capacity}");
    }
}

/// One commitment could be opened by either shape, with the choice left until the round is known.
#[test]
fn two_shapes_with_one_id_are_refused() {
    let key = KeySet::committed().unwrap().keys()[0].clone();
    let mut seen = HashMap::new();
    let descriptors = (1..).map(|width| format!("dense:36-{width}-1"));
    let named = |descriptor: String| SheetKey {
        class_id: sotto_types::class_id(&descriptor),
        descriptor,
        ..key.clone()
    };
    // 32 bits: about 2^16 descriptors have two of one id among them.
    let [first, second] = descriptors
        .map(named)
        .find_map(|key| seen.insert(key.class_id, key.clone()).map(|earlier| [earlier, key]))
        .unwrap();
    assert!(KeySet::new(vec![first.clone()]).is_ok() && KeySet::new(vec![second.clone()]).is_ok());
    let other_capacity = SheetKey { capacity: 32, ..first.clone() };
    assert!(KeySet::new(vec![first.clone(), other_capacity]).is_ok());
    assert!(KeySet::new(vec![first.clone(), first.clone()]).is_err());
    assert!(matches!(KeySet::new(vec![first, second]), Err(CircuitError::KeySet { index: 1, .. })));
}

// covers: Z1
#[test]
fn key_files_write_hashes_as_hexadecimal_strings() {
    let key = KeySet::committed().unwrap().keys()[0].clone();
    let text = serde_json::to_string(&key).unwrap();
    assert_eq!(serde_json::from_str::<SheetKey>(&text).unwrap(), key);
    assert!(text.contains(&format!("\"{:016x}{:016x}", key.digest[0], key.digest[1])));
    for bad in ["+", "G", ""] {
        let forged = text.replacen(&format!("{:016x}", key.digest[0])[..1], bad, 1);
        assert!(forged == text || serde_json::from_str::<SheetKey>(&forged).is_err(), "{bad}");
    }
}

#[test]
fn the_root_depends_on_every_part_of_a_key() {
    let set = KeySet::committed().unwrap();
    let root = |change: fn(&mut SheetKey)| {
        let mut keys = set.keys().to_vec();
        change(&mut keys[0]);
        KeySet::new(keys).unwrap().root()
    };
    assert_eq!(root(|_| {}), set.root());
    assert_ne!(root(|key| key.digest[3] ^= 1), set.root());
    assert_ne!(root(|key| key.cap[0][0] ^= 1), set.root());
    assert_ne!(root(|key| key.cap[15][3] ^= 1), set.root());
}

/// Folders of the strategies that come with the project, in order.
pub(super) fn bundled_folders() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../strategies");
    let mut folders: Vec<_> = std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.retain(|folder| folder.join(MANIFEST_FILE).exists());
    folders.sort();
    folders
}

pub(super) fn folder_name(folder: &Path) -> &str {
    folder.file_name().and_then(|name| name.to_str()).unwrap()
}

/// Their classes beyond the standard ones.
fn bundled_classes() -> Vec<Shape> {
    let mut classes = standard_classes().unwrap();
    let standard = classes.len();
    for folder in bundled_folders() {
        let class = Strategy::load(&folder)
            .unwrap_or_else(|error| panic!("{}: {error}", folder_name(&folder)))
            .program()
            .shape()
            .clone();
        if !classes.contains(&class) {
            classes.push(class);
        }
    }
    classes.split_off(standard)
}

/// The committed set: the standard classes, the levels of the tournament, then the classes of the bundled strategies.
fn circuits_keys() -> Vec<SheetKey> {
    let shared = SheetShape::canonical().unwrap();
    let bundled = bundled_classes();
    let bundled = bundled.iter().flat_map(|class| class_keys(class, &shared).unwrap());
    standard_keys().unwrap().into_iter().chain(bundled).collect()
}

/// Class of the tournament's last level; those of strategies are greater.
const LAST_LEVEL: u32 = 4;
const CHANGED: &str = "the circuits changed: regenerate the keys";

/// Every class and capacity by name; of the circuits a sample, the cheapest of each kind. The soak builds all of them.
///
/// covers: Z20 Z22
#[test]
fn the_committed_keys_are_those_of_the_circuits() {
    if std::env::var_os("SOTTO_WRITE_KEYS").is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/keys/keys.json");
        std::fs::write(path, serde_json::to_string_pretty(&circuits_keys()).unwrap() + "\n").unwrap();
        return;
    }
    let committed = KeySet::committed().unwrap();
    let classes = [standard_classes().unwrap(), bundled_classes()].concat();
    let expected = classes.iter().flat_map(|class| {
        let capacities = class_capacities(class);
        capacities.into_iter().map(|capacity| (class.descriptor(), class.id(), capacity))
    });
    let (seals, sheets): (Vec<&SheetKey>, Vec<&SheetKey>) =
        committed.keys().iter().partition(|key| key.class_id <= LAST_LEVEL);
    let named = sheets.into_iter().map(|key| (key.descriptor.clone(), key.class_id, key.capacity));
    assert!(named.eq(expected), "{CHANGED}");
    assert!(seals.iter().map(|key| key.class_id).eq(1..=LAST_LEVEL), "{CHANGED}");
    let first_of = |kind: &str| classes.iter().find(|class| class.descriptor().starts_with(kind)).unwrap();
    for (class, capacity) in
        [(first_of("dense"), 1), (first_of("dense"), 32), (first_of("trees"), 1), (first_of("net"), 1)]
    {
        let sheet = SheetCircuit::build(&LeafCircuit::build(class, capacity).unwrap()).unwrap();
        assert_eq!(Some(&sheet.key()), committed.key(class.id(), capacity), "{CHANGED}");
    }
}

// covers: Z20 Z22
#[test]
#[ignore = "soak: builds every circuit of the set"]
fn every_committed_key_is_that_of_its_circuit() {
    assert_eq!(circuits_keys(), KeySet::committed().unwrap().keys(), "{CHANGED}");
}

#[test]
fn a_sheet_of_another_shape_is_refused() {
    let class = &standard_classes().unwrap()[0];
    let sheet = SheetCircuit::build(&LeafCircuit::build(class, 1).unwrap()).unwrap();
    let shape = sheet.shape();
    assert_eq!(sheet.check_shape(&shape), Ok(()));
    let mut other = shape.0;
    other.num_public_inputs += 1;
    assert!(matches!(sheet.check_shape(&SheetShape(other)), Err(CircuitError::Shape { .. })));
}
