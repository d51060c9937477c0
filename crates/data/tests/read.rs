//! Files as NumPy, pandas and spreadsheets write them, and files made to do harm.
#![allow(clippy::unwrap_used, reason = "what is missing here is a failed test")]

use proptest::prelude::*;
use sotto_data::{DataError, FileKind, Table};

const NPZ: &[u8] = include_bytes!("data/plain.npz");

fn npz(bytes: &[u8]) -> Result<Table, DataError> {
    Table::read(bytes.to_vec(), FileKind::Npz)
}

fn csv(text: &str) -> Result<Table, DataError> {
    Table::read(text.as_bytes().to_vec(), FileKind::Csv)
}

/// The table that every file under `data/` with `plain` in its name holds.
fn plain(names: &[&str]) -> Table {
    let values = (0..12).map(|i| f64::from(i) * 0.5 - 2.0).collect();
    let names = names.iter().map(|&name| name.to_owned()).collect();
    Table::new(names, 3, values, Some(vec![1.0, -2.0, 3.5, 0.0])).unwrap()
}

#[test]
fn archives_are_read_whatever_their_compression_order_and_type() {
    for bytes in [
        NPZ,
        include_bytes!("data/plain-deflate.npz"),
        include_bytes!("data/plain-fortran.npz"),
        include_bytes!("data/plain-f4.npz"),
        include_bytes!("data/plain-big-endian.npz"),
    ] {
        assert_eq!(npz(bytes).unwrap(), plain(&[]));
    }
    for bytes in [&include_bytes!("data/plain-columns.npz")[..], include_bytes!("data/plain-names-bytes.npz")]
    {
        assert_eq!(npz(bytes).unwrap(), plain(&["a", "b b", "é"][..]));
    }
}

#[test]
fn steps_of_a_sequence_are_flattened_row_by_row() {
    // Shape [2, 3, 2], values 0 to 11, in C and in Fortran order.
    for bytes in [&include_bytes!("data/steps.npz")[..], include_bytes!("data/steps-fortran.npz")] {
        let table = npz(bytes).unwrap();
        assert_eq!((table.len(), table.width()), (2, 6));
        assert_eq!(
            table.rows().flatten().copied().collect::<Vec<_>>(),
            (0..12).map(f64::from).collect::<Vec<_>>()
        );
    }
}

#[test]
fn columns_of_parquet_are_read_with_the_reference_apart() {
    for bytes in [
        &include_bytes!("data/plain-snappy.parquet")[..],
        include_bytes!("data/plain-zstd.parquet"),
        include_bytes!("data/plain-mixed.parquet"),
    ] {
        let table = Table::read(bytes.to_vec(), FileKind::Parquet).unwrap();
        assert_eq!(table.names(), ["a", "b b", "é"]);
        assert_eq!(table.reference().unwrap(), [1.0, -2.0, 3.5, 0.0]);
    }
    let table = Table::read(include_bytes!("data/plain-snappy.parquet").to_vec(), FileKind::Parquet).unwrap();
    assert_eq!(table, plain(&["a", "b b", "é"]));
}

#[test]
fn missing_values_texts_and_lists_in_parquet_are_refused_by_name() {
    let missing = Table::read(include_bytes!("data/missing.parquet").to_vec(), FileKind::Parquet);
    assert!(matches!(&missing, Err(DataError::Value { row: 2, column, .. }) if column == "b"), "{missing:?}");
    for bytes in [&include_bytes!("data/text.parquet")[..], include_bytes!("data/list.parquet")] {
        let refused = Table::read(bytes.to_vec(), FileKind::Parquet);
        assert!(matches!(&refused, Err(DataError::Type { part, .. }) if part.contains('b')), "{refused:?}");
    }
}

#[test]
fn csv_with_quotes_and_a_reference_is_read() {
    let table = csv("\u{feff}a,\"b b\", y,é\r\n-2,-1.5,1,-1\n\"-0.5\",0,-2,5e-1\n1,1.5,3.5,2\n2.5,3,0,3.5\n")
        .unwrap();
    assert_eq!(table, plain(&["a", "b b", "é"]));
}

#[test]
fn a_value_that_is_no_finite_number_is_refused_with_its_place() {
    for (text, at, name) in [
        ("a,b\n1,2\n3,nan\n", 1, "b"),
        ("a,b\n1,2\n3,4\ninf,1\n", 2, "a"),
        ("a,b\n,2\n", 0, "a"),
        ("a,y\n1,x\n", 0, "y"),
    ] {
        let refused = csv(text);
        assert!(
            matches!(&refused, Err(DataError::Value { row, column, .. }) if *row == at && column == name),
            "{text:?}: {refused:?}"
        );
    }
    for (bytes, at, name) in
        [(&include_bytes!("data/nan.npz")[..], 2, "1"), (include_bytes!("data/nan-y.npz"), 1, "y")]
    {
        let refused = npz(bytes);
        assert!(
            matches!(&refused, Err(DataError::Value { row, column, .. }) if *row == at && column == name),
            "{refused:?}"
        );
    }
}

#[test]
fn tables_without_a_header_or_rows_or_with_ragged_rows_are_refused() {
    assert!(matches!(csv("1,2\n3,4\n"), Err(DataError::Missing { .. })));
    assert!(matches!(csv(""), Err(DataError::Missing { .. })));
    assert!(matches!(csv("a,b\n"), Err(DataError::Missing { what: "rows" })));
    assert!(matches!(csv("a,a\n1,2\n"), Err(DataError::Name { .. })));
    assert!(matches!(csv("a,\n1,2\n"), Err(DataError::Name { .. })));
    assert!(matches!(csv("a,b\n1,2\n3\n"), Err(DataError::Malformed { .. })));
    assert!(matches!(npz(include_bytes!("data/no-x.npz")), Err(DataError::Missing { .. })));
    assert!(matches!(npz(include_bytes!("data/short-y.npz")), Err(DataError::Count { .. })));
    assert!(matches!(npz(include_bytes!("data/objects.npz")), Err(DataError::Type { .. })));
    assert!(matches!(npz(include_bytes!("data/four-dimensions.npz")), Err(DataError::Malformed { .. })));
}

#[test]
fn sizes_that_a_header_claims_take_no_memory() {
    // A header of 2^60 rows, and one whose product of dimensions overflows, before no data.
    for bytes in [&include_bytes!("data/huge.npz")[..], include_bytes!("data/overflow.npz")] {
        let refused = npz(bytes);
        assert!(matches!(refused, Err(DataError::TooLarge { .. })), "{refused:?}");
    }
    assert!(matches!(npz(include_bytes!("data/cut.npz")), Err(DataError::Malformed { .. })));
}

#[test]
fn the_kind_is_the_end_of_the_name() {
    assert_eq!(FileKind::of("a/b.c.NPZ").unwrap(), FileKind::Npz);
    assert_eq!(FileKind::of("x.parquet").unwrap(), FileKind::Parquet);
    assert!(FileKind::of("x.xlsx").is_err());
    assert!(FileKind::of("npz").is_err());
}

// covers: M1
proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn damaged_files_are_errors_or_tables_and_never_panics(
        at in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in any::<prop::sample::Index>(),
        whole in any::<bool>(),
    ) {
        let files: [(&[u8], FileKind); 4] = [
            (include_bytes!("data/plain-columns.npz"), FileKind::Npz),
            (include_bytes!("data/plain-deflate.npz"), FileKind::Npz),
            (include_bytes!("data/plain-snappy.parquet"), FileKind::Parquet),
            (b"a,\"b\"\n1,2\n\"3\",4\n", FileKind::Csv),
        ];
        for (bytes, kind) in files {
            let mut bytes = bytes.to_vec();
            for (index, value) in &at {
                let index = index.index(bytes.len());
                bytes[index] = *value;
            }
            if !whole {
                bytes.truncate(cut.index(bytes.len()));
            }
            let _ = Table::read(bytes, kind);
        }
    }

    #[test]
    fn random_bytes_are_errors_or_tables_and_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..256)) {
        for kind in [FileKind::Npz, FileKind::Csv, FileKind::Parquet] {
            let _ = Table::read(bytes.clone(), kind);
        }
    }
}
