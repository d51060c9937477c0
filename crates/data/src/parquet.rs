//! Apache Parquet: flat columns of numbers.

use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;
use parquet::basic::{ConvertedType, Type};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::DataType;
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, RowGroupReader, SerializedFileReader};
use parquet::schema::types::ColumnDescriptor;

use crate::DataError;
use crate::table::{MAX_COLUMNS, MAX_VALUES, Table, limit, with_reference};

/// Rows that are decoded at a time.
const BATCH: usize = 1 << 12;
/// What pandas calls its row labels, which are no data.
const INDEX: &str = "__index_level_";

/// Reads all columns.
pub(crate) fn read(bytes: Vec<u8>) -> Result<Table, DataError> {
    // The decoder indexes into pages in places; a file made to break it is an error like any other.
    catch_unwind(AssertUnwindSafe(|| read_columns(bytes)))
        .unwrap_or_else(|_| Err(DataError::malformed("Parquet", "a page is damaged")))
}

fn malformed(error: &ParquetError) -> DataError {
    DataError::malformed("Parquet", error)
}

fn read_columns(bytes: Vec<u8>) -> Result<Table, DataError> {
    let reader = SerializedFileReader::new(Bytes::from(bytes)).map_err(|e| malformed(&e))?;
    let metadata = reader.metadata();
    let schema = metadata.file_metadata().schema_descr();
    limit("columns", schema.num_columns() as u64, MAX_COLUMNS as u64 + 2)?;
    let rows = u64::try_from(metadata.file_metadata().num_rows()).unwrap_or(u64::MAX);
    let values = rows.saturating_mul(schema.num_columns() as u64);
    limit("values", values, MAX_VALUES as u64 + rows.min(MAX_VALUES as u64))?;
    let kept = schema.columns().iter().enumerate().filter(|(_, c)| !c.path().string().starts_with(INDEX));
    let kept: Vec<_> =
        kept.map(|(at, descriptor)| (at, descriptor.clone(), descriptor.path().string())).collect();
    let mut columns = vec![Vec::new(); kept.len()];
    for group in 0..reader.num_row_groups() {
        let group = reader.get_row_group(group).map_err(|e| malformed(&e))?;
        for ((at, descriptor, name), into) in kept.iter().zip(&mut columns) {
            read_column(group.as_ref(), *at, descriptor, name, into)?;
        }
    }
    with_reference(kept.into_iter().map(|(_, _, name)| name).collect(), columns)
}

fn read_column(
    group: &dyn RowGroupReader,
    at: usize,
    descriptor: &ColumnDescriptor,
    name: &str,
    into: &mut Vec<f64>,
) -> Result<(), DataError> {
    let wrong = |got: String| DataError::Type {
        part: format!("column `{name}`"),
        got,
        expected: "plain float, double, bool or integer",
    };
    if descriptor.max_rep_level() > 0 {
        return Err(wrong("lists".to_owned()));
    }
    let converted = descriptor.converted_type();
    let unsigned = matches!(
        converted,
        ConvertedType::UINT_8 | ConvertedType::UINT_16 | ConvertedType::UINT_32 | ConvertedType::UINT_64
    );
    let signed = matches!(
        converted,
        ConvertedType::NONE
            | ConvertedType::INT_8
            | ConvertedType::INT_16
            | ConvertedType::INT_32
            | ConvertedType::INT_64
    );
    if !unsigned && !signed {
        return Err(wrong(format!("{converted}")));
    }
    let cells = Cells { name, levels: descriptor.max_def_level(), into };
    match group.get_column_reader(at).map_err(|e| malformed(&e))? {
        ColumnReader::BoolColumnReader(reader) => cells.read(reader, |&x| f64::from(u8::from(x))),
        ColumnReader::Int32ColumnReader(reader) if unsigned => {
            cells.read(reader, |x| f64::from(x.cast_unsigned()))
        }
        ColumnReader::Int32ColumnReader(reader) => cells.read(reader, |&x| f64::from(x)),
        ColumnReader::Int64ColumnReader(reader) if unsigned => {
            cells.read(reader, |x| x.cast_unsigned() as f64)
        }
        ColumnReader::Int64ColumnReader(reader) => cells.read(reader, |&x| x as f64),
        ColumnReader::FloatColumnReader(reader) => cells.read(reader, |&x| f64::from(x)),
        ColumnReader::DoubleColumnReader(reader) => cells.read(reader, |&x| x),
        _ => Err(wrong(match descriptor.physical_type() {
            Type::BYTE_ARRAY => "text or bytes".to_owned(),
            other => other.to_string(),
        })),
    }
}

/// Where the values of a column go.
struct Cells<'a> {
    name: &'a str,
    /// Definition level of a value that is there.
    levels: i16,
    into: &'a mut Vec<f64>,
}

impl Cells<'_> {
    fn read<T: DataType>(
        self,
        mut reader: ColumnReaderImpl<T>,
        number: impl Fn(&T::T) -> f64,
    ) -> Result<(), DataError> {
        loop {
            let (mut values, mut present) = (Vec::new(), Vec::new());
            let (records, count, _) = reader
                .read_records(BATCH, (self.levels > 0).then_some(&mut present), None, &mut values)
                .map_err(|e| malformed(&e))?;
            if records == 0 && count == 0 {
                return Ok(());
            }
            if let Some(at) = present.iter().position(|&level| level < self.levels) {
                let (row, column) = (self.into.len() + at, self.name.to_owned());
                return Err(DataError::Value { row, column, got: "a missing value".to_owned() });
            }
            self.into.extend(values.iter().map(&number));
            limit("rows", self.into.len() as u64, MAX_VALUES as u64)?;
        }
    }
}
