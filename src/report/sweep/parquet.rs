//! `sweep.csv` as a Parquet file, with the cargo feature `parquet`: one row group, columns with types.
//!
//! | Column | Type |
//! | --- | --- |
//! | `seed` | 64-bit unsigned |
//! | `expectations_hold` | boolean |
//! | `cell`, `status`, `error`, `event_digest` | text |
//! | axes and metrics | double where each cell is a number, else text |
//!
//! An empty cell is null.

use parquet::basic::{LogicalType, Repetition, Type as Physical};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use parquet::errors::Result;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::types::Type;
use std::sync::Arc;

/// What a column holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Seed,
    Flag,
    Number,
    Text,
}

impl Kind {
    fn of<'a>(name: &str, cells: impl Iterator<Item = &'a str>) -> Kind {
        match name {
            "seed" => Kind::Seed,
            "expectations_hold" => Kind::Flag,
            "cell" | "status" | "error" | "event_digest" => Kind::Text,
            _ => {
                let mut given = cells.filter(|cell| !cell.is_empty());
                let is_number = |cell: &str| cell.parse::<f64>().is_ok_and(f64::is_finite);
                if given.all(is_number) { Kind::Number } else { Kind::Text }
            }
        }
    }

    fn column(self, name: &str) -> Result<Type> {
        let (physical, logical) = match self {
            Kind::Seed => (Physical::INT64, Some(LogicalType::integer(64, false))),
            Kind::Flag => (Physical::BOOLEAN, None),
            Kind::Number => (Physical::DOUBLE, None),
            Kind::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
        };
        let of = Type::primitive_type_builder(name, physical).with_repetition(Repetition::OPTIONAL);
        of.with_logical_type(logical).build()
    }
}

/// The Parquet file of a CSV table with a header, as [`gather`](super::gather) makes one.
///
/// # Errors
/// The library's own; none is known for such a table.
pub fn of_table(csv: &[u8]) -> Result<Vec<u8>> {
    let mut reader = csv::Reader::from_reader(csv);
    let outside = |error: csv::Error| parquet::errors::ParquetError::External(Box::new(error));
    let header = reader.headers().map_err(outside)?.clone();
    let rows: Vec<csv::StringRecord> =
        reader.records().collect::<std::result::Result<_, _>>().map_err(outside)?;
    let cells = |at: usize| rows.iter().map(move |row| row.get(at).unwrap_or_default());
    let kinds: Vec<Kind> =
        header.iter().enumerate().map(|(at, name)| Kind::of(name, cells(at))).collect();
    let fields = header.iter().zip(&kinds).map(|(name, kind)| Ok(Arc::new(kind.column(name)?)));
    let fields = fields.collect::<Result<Vec<_>>>()?;
    let schema = Arc::new(Type::group_type_builder("sweep").with_fields(fields).build()?);
    let mut file =
        SerializedFileWriter::new(Vec::new(), schema, Arc::new(WriterProperties::default()))?;
    let mut group = file.next_row_group()?;
    let mut at = 0;
    while let Some(mut column) = group.next_column()? {
        write(&mut column, kinds[at], cells(at))?;
        column.close()?;
        at += 1;
    }
    group.close()?;
    file.into_inner()
}

fn write<'a>(
    column: &mut SerializedColumnWriter<'_>,
    kind: Kind,
    cells: impl Iterator<Item = &'a str>,
) -> Result<()> {
    match kind {
        // Parquet keeps unsigned numbers in the bits of signed ones.
        Kind::Seed => {
            put::<Int64Type>(column, cells, |cell| cell.parse::<u64>().ok().map(u64::cast_signed))
        }
        Kind::Flag => put::<BoolType>(column, cells, |cell| cell.parse().ok()),
        Kind::Number => put::<DoubleType>(column, cells, |cell| cell.parse().ok()),
        Kind::Text => put::<ByteArrayType>(column, cells, |cell| Some(ByteArray::from(cell))),
    }
}

fn put<'a, T: DataType>(
    column: &mut SerializedColumnWriter<'_>,
    cells: impl Iterator<Item = &'a str>,
    value: impl Fn(&str) -> Option<T::T>,
) -> Result<()> {
    let cells = cells.map(|cell| if cell.is_empty() { None } else { value(cell) });
    let cells: Vec<Option<T::T>> = cells.collect();
    let levels: Vec<i16> = cells.iter().map(|cell| i16::from(cell.is_some())).collect();
    let values: Vec<T::T> = cells.into_iter().flatten().collect();
    column.typed::<T>().write_batch(&values, Some(&levels), None)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use parquet::file::reader::{FileReader, SerializedFileReader};

    #[test]
    fn the_table_comes_back_with_types_and_gaps() {
        let csv = "size,seed,cell,status,error,expectations_hold,total_usd,note\n\
                   3,18446744073709551615,a,done,,true,1.5,x\n4,7,b,failed,\"no, not\",,,2\n";
        let bytes = of_table(csv.as_bytes()).unwrap();
        let reader = SerializedFileReader::new(bytes::Bytes::from(bytes)).unwrap();
        let rows: Vec<String> =
            reader.get_row_iter(None).unwrap().map(|row| row.unwrap().to_string()).collect();
        assert_eq!(
            rows,
            [
                "{size: 3.0, seed: 18446744073709551615, cell: \"a\", status: \"done\", error: null, \
                 expectations_hold: true, total_usd: 1.5, note: \"x\"}",
                "{size: 4.0, seed: 7, cell: \"b\", status: \"failed\", error: \"no, not\", expectations_hold: null, \
                 total_usd: null, note: \"2\"}",
            ]
        );
        assert_eq!(of_table(csv.as_bytes()).unwrap(), of_table(csv.as_bytes()).unwrap());
    }
}
