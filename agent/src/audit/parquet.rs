//! Rows as an Apache Parquet file: a column for each, of its kind, in which what is not there is null.

use std::io::{self, Write};
use std::sync::Arc;

use parquet::basic::{Compression, LogicalType, Repetition, TimeUnit, Type as Physical, ZstdLevel};
use parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::types::Type;

use super::sheet::{Cell, Kind};

/// Rows of a row group: so many are held in memory, of some 1 KiB each.
const GROUP: usize = 16_384;
/// Digits of a sum of dollars, as many as 64 bits have; and those after the point.
const DIGITS: (i32, i32) = (18, 9);

/// What a column has, row by row; its levels say where it has something (the format's "definition levels").
#[derive(Debug)]
enum Values {
    Texts(Vec<ByteArray>),
    Numbers(Vec<i64>),
}

struct Column {
    levels: Vec<i16>,
    values: Values,
}

/// A file in the making.
pub(super) struct Table<W: Write + Send> {
    file: SerializedFileWriter<W>,
    columns: Vec<Column>,
    rows: usize,
}

impl<W: Write + Send> Table<W> {
    pub(super) fn new(out: W, columns: &[(String, Kind)]) -> io::Result<Self> {
        let fields = columns.iter().map(|(name, kind)| Ok(Arc::new(field(name, *kind)?)));
        let fields = fields.collect::<Result<Vec<_>, _>>().map_err(failed)?;
        let schema = Type::group_type_builder("audit").with_fields(fields).build().map_err(failed)?;
        let properties = WriterProperties::builder()
            .set_created_by(concat!("spanwire version ", env!("CARGO_PKG_VERSION")).to_owned())
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .build();
        let file = SerializedFileWriter::new(out, Arc::new(schema), Arc::new(properties)).map_err(failed)?;
        let columns = columns.iter().map(|(_, kind)| Column { levels: Vec::new(), values: empty(*kind) });
        Ok(Self { file, columns: columns.collect(), rows: 0 })
    }

    /// Takes a row, which has a cell for each column.
    pub(super) fn row(&mut self, cells: Vec<Cell>) -> io::Result<()> {
        for (column, cell) in self.columns.iter_mut().zip(cells) {
            let before = column.values.len();
            match (&mut column.values, cell) {
                (Values::Texts(texts), Cell::Text(text)) if !text.is_empty() => {
                    texts.push(text.into_bytes().into());
                }
                (Values::Numbers(numbers), Cell::Number(number) | Cell::Dollars(number)) => {
                    numbers.push(i64::try_from(number).unwrap_or(i64::MAX));
                }
                (Values::Numbers(numbers), Cell::Time(micros)) => numbers.push(micros),
                (Values::Texts(_) | Values::Numbers(_), _) => {}
            }
            column.levels.push(i16::from(column.values.len() > before));
        }
        self.rows += 1;
        if self.rows >= GROUP { self.write() } else { Ok(()) }
    }

    /// Writes the rows that are held as a row group.
    fn write(&mut self) -> io::Result<()> {
        let mut group = self.file.next_row_group().map_err(failed)?;
        for column in &mut self.columns {
            let mut writer =
                group.next_column().map_err(failed)?.ok_or_else(|| io::Error::other("a column"))?;
            column.write(&mut writer).map_err(failed)?;
            writer.close().map_err(failed)?;
        }
        group.close().map_err(failed)?;
        self.rows = 0;
        Ok(())
    }

    /// Writes the rest, and the file's end.
    pub(super) fn end(mut self) -> io::Result<()> {
        if self.rows > 0 {
            self.write()?;
        }
        self.file.close().map_err(failed)?;
        Ok(())
    }
}

impl Values {
    fn len(&self) -> usize {
        match self {
            Self::Texts(texts) => texts.len(),
            Self::Numbers(numbers) => numbers.len(),
        }
    }
}

impl Column {
    fn write(&mut self, writer: &mut SerializedColumnWriter<'_>) -> Result<(), ParquetError> {
        let levels = Some(self.levels.as_slice());
        match &mut self.values {
            Values::Texts(texts) => {
                writer.typed::<ByteArrayType>().write_batch(texts, levels, None)?;
                texts.clear();
            }
            Values::Numbers(numbers) => {
                writer.typed::<Int64Type>().write_batch(numbers, levels, None)?;
                numbers.clear();
            }
        }
        self.levels.clear();
        Ok(())
    }
}

fn empty(kind: Kind) -> Values {
    if kind == Kind::Text { Values::Texts(Vec::new()) } else { Values::Numbers(Vec::new()) }
}

fn field(name: &str, kind: Kind) -> Result<Type, ParquetError> {
    let (physical, logical) = match kind {
        Kind::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
        Kind::Number => (Physical::INT64, None),
        Kind::Time => (Physical::INT64, Some(LogicalType::timestamp(true, TimeUnit::MICROS))),
        Kind::Dollars => (Physical::INT64, Some(LogicalType::decimal(DIGITS.1, DIGITS.0))),
    };
    Type::primitive_type_builder(name, physical)
        .with_repetition(Repetition::OPTIONAL)
        .with_logical_type(logical)
        .with_precision(if kind == Kind::Dollars { DIGITS.0 } else { -1 })
        .with_scale(if kind == Kind::Dollars { DIGITS.1 } else { -1 })
        .build()
}

/// What the file or the pipe said, which says whether anybody reads any more.
fn failed(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(cause) => match cause.downcast::<io::Error>() {
            Ok(cause) => *cause,
            Err(cause) => io::Error::other(cause),
        },
        other => io::Error::other(other),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use parquet::file::reader::{FileReader as _, SerializedFileReader};
    use parquet::record::RowAccessor as _;

    use super::*;

    #[test]
    fn rows_come_back_from_several_groups() {
        let mut file = Vec::new();
        let columns = [("number".to_owned(), Kind::Number), ("text".to_owned(), Kind::Text)];
        let mut table = Table::new(&mut file, &columns).unwrap();
        let rows = 2 * GROUP + 3;
        for row in 0..rows {
            let number = if row % 3 == 0 { Cell::None } else { Cell::Number(row as u64) };
            table.row(vec![number, Cell::Text("x".repeat(row % 2))]).unwrap();
        }
        table.end().unwrap();
        let reader = SerializedFileReader::new(bytes::Bytes::from(file)).unwrap();
        assert_eq!(reader.num_row_groups(), 3);
        let read: Vec<_> = reader.get_row_iter(None).unwrap().map(Result::unwrap).collect();
        assert_eq!(read.len(), rows);
        for (at, row) in read.iter().enumerate() {
            assert_eq!(row.get_long(0).ok(), (at % 3 != 0).then_some(at as i64), "{at}");
            assert_eq!(row.get_string(1).ok().map(String::as_str), (at % 2 != 0).then_some("x"), "{at}");
        }
    }

    #[test]
    fn a_reader_that_has_gone_is_known_as_such() {
        struct Gone;
        impl Write for Gone {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut table = Table::new(Gone, &[("a".to_owned(), Kind::Number)]).unwrap();
        table.row(vec![Cell::Number(1)]).unwrap();
        assert_eq!(table.end().unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }
}
