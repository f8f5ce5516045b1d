//! Example values of a query's parameters, taken from the database once and sent back as they came.

use runbook::check::CheckError;
use runbook::reader::Reader;
use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::postgres::{PgArgumentBuffer, PgArguments, PgRow, PgTypeInfo};
use sqlx::{Arguments as _, Encode, Postgres, Row as _, Type, TypeInfo as _, ValueRef as _};

use crate::query::{Distribution, Parameter, Query};

/// Classes of errors that lie in the text: what this server cannot do, more rows than one, a value that does not fit, a schema
/// that does not exist, a name or a type that does not exist or fit.
const OF_THE_TEXT: [&str; 5] = ["0A", "21", "22", "3F", "42"];

/// Why a query could not be looked at.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Stopped {
    /// The database says that it cannot be: a table is missing, a type does not fit.
    #[error("{0}")]
    Broken(String),
    /// It could not be found out: a lock, a timeout, a missing right, an example that selects nothing.
    #[error("{0}")]
    Unmeasured(String),
}

impl From<CheckError> for Stopped {
    fn from(error: CheckError) -> Self {
        let broken = match &error {
            CheckError::Database(sqlx::Error::Database(database)) => {
                database.code().is_some_and(|code| OF_THE_TEXT.iter().any(|class| code.starts_with(class)))
            }
            CheckError::Refused(_) => true,
            _ => false,
        };
        if broken { Self::Broken(error.to_string()) } else { Self::Unmeasured(error.to_string()) }
    }
}

/// A value of any type, in the server's own binary form: nothing here needs to know the type.
#[derive(Debug, Clone)]
pub struct Value {
    of_type: PgTypeInfo,
    bytes: Vec<u8>,
    /// Its type's name with its schema, as the catalogue has it. `character` and `bit` would be those of length 1.
    type_name: String,
    /// Its text form.
    shown: String,
}

impl Value {
    /// The value as a literal with its type, for a statement that takes no parameters.
    pub fn literal(&self) -> String {
        format!("'{}'::{}", self.shown.replace('\'', "''"), self.type_name)
    }

    /// Its text form.
    pub fn shown(&self) -> &str {
        &self.shown
    }

    /// The name of its type with its schema, as SQL writes it.
    pub fn type_name(&self) -> &str {
        &self.type_name
    }
}

impl Type<Postgres> for Value {
    fn type_info() -> PgTypeInfo {
        <str as Type<Postgres>>::type_info()
    }
}

impl Encode<'_, Postgres> for Value {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        buffer.extend_from_slice(&self.bytes);
        Ok(IsNull::No)
    }

    fn produces(&self) -> Option<PgTypeInfo> {
        Some(self.of_type.clone())
    }
}

/// The example values of one query.
#[derive(Debug, Clone)]
pub struct Bound {
    /// In the order of the placeholders.
    pub values: Vec<Value>,
}

impl Bound {
    /// Evaluates each example on the database.
    ///
    /// # Errors
    /// [`Stopped`], naming the parameter and its line. The reader's transaction is then aborted.
    pub async fn of(query: &Query, reader: &mut Reader) -> Result<Self, Stopped> {
        let mut values = Vec::with_capacity(query.parameters.len());
        for (index, parameter) in query.parameters.iter().enumerate() {
            let place =
                format!("{}:{}: parameter ${} ({})", query.file, parameter.line, index + 1, parameter.name);
            values.push(evaluate(&place, parameter, reader).await?);
        }
        Ok(Self { values })
    }

    /// The values with that of one parameter taken from its distribution: the first value of the column in this `order` of
    /// how often it stands there (`ASC` is the rarest).
    ///
    /// # Errors
    /// As [`Self::of`].
    pub async fn with(
        &self,
        query: &Query,
        distribution: &Distribution,
        order: &str,
        reader: &mut Reader,
    ) -> Result<Self, Stopped> {
        let Distribution { number, table, column, line } = distribution;
        let expression = format!(
            "(SELECT {column} FROM {table} WHERE {column} IS NOT NULL GROUP BY {column} ORDER BY count(*) {order}, {column} \
             LIMIT 1)"
        );
        let of_type = self.values.get(number - 1).map(|value| value.type_name.clone());
        let parameter = Parameter { name: format!("${number}"), of_type, expression, line: *line };
        let mut other = self.clone();
        let place = place_of(query, distribution);
        other.values[number - 1] = evaluate(&place, &parameter, reader).await?;
        Ok(other)
    }

    /// Whether the column of a distribution is there and holds values of the parameter's kind. Nothing is read from it.
    ///
    /// # Errors
    /// [`Stopped::Broken`] with the distribution's line where it does not.
    pub async fn fits(
        &self,
        query: &Query,
        distribution: &Distribution,
        reader: &mut Reader,
    ) -> Result<(), Stopped> {
        let Distribution { number, table, column, .. } = distribution;
        let place = place_of(query, distribution);
        let Some(value) = self.values.get(number - 1) else { return Ok(()) };
        let asked = include_str!("fits.sql").replace("{type}", &value.type_name.replace('\'', "''"));
        let asked = asked.replace("{table}", table).replace("{column}", column);
        let rows: Vec<(bool, String, String)> =
            reader.fetch(&asked).await.map_err(|error| placed(&place, error.into()))?;
        match rows.into_iter().next() {
            Some((false, held, wanted)) => Err(Stopped::Broken(format!(
                "{place}: {table}.{column} is {held}, and the parameter is {wanted}"
            ))),
            _ => Ok(()),
        }
    }

    /// The values as arguments of a statement.
    ///
    /// # Errors
    /// When a value cannot be encoded.
    pub fn arguments(&self) -> Result<PgArguments, CheckError> {
        let mut arguments = PgArguments::default();
        for value in &self.values {
            arguments.add(value.clone()).map_err(|error| CheckError::Other(error.to_string()))?;
        }
        Ok(arguments)
    }
}

fn place_of(query: &Query, distribution: &Distribution) -> String {
    format!("{}:{}: distribution of ${}", query.file, distribution.line, distribution.number)
}

fn placed(place: &str, stopped: Stopped) -> Stopped {
    match stopped {
        Stopped::Broken(why) => Stopped::Broken(format!("{place}: {why}")),
        Stopped::Unmeasured(why) => Stopped::Unmeasured(format!("{place}: {why}")),
    }
}

async fn evaluate(place: &str, parameter: &Parameter, reader: &mut Reader) -> Result<Value, Stopped> {
    let rows = reader.rows(&evaluation(parameter), PgArguments::default()).await;
    let rows = rows.map_err(|error| placed(place, error.into()))?;
    let value = rows.first().map(value).transpose();
    let value = value.map_err(|error| Stopped::Unmeasured(format!("{place}: {error}")))?.flatten();
    value
        .ok_or_else(|| Stopped::Unmeasured(format!("{place} has no value here: its example selects nothing")))
}

fn evaluation(parameter: &Parameter) -> String {
    let expression = match &parameter.of_type {
        Some(of_type) => format!("CAST(({}) AS {of_type})", parameter.expression),
        None => format!("({})", parameter.expression),
    };
    include_str!("example.sql").replace("{expression}", &expression)
}

fn value(row: &PgRow) -> Result<Option<Value>, BoxDynError> {
    let raw = row.try_get_raw(0)?;
    if raw.is_null() {
        return Ok(None);
    }
    let of_type = raw.type_info().into_owned();
    debug_assert!(!of_type.is_null(), "a value has a type");
    Ok(Some(Value {
        of_type,
        bytes: raw.as_bytes()?.to_vec(),
        type_name: row.try_get(1)?,
        shown: row.try_get(2)?,
    }))
}
