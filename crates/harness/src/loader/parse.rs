//! Values that are given as texts, as Postgres prints them.

use std::net::Ipv4Addr;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Microseconds from 2000-01-01 to `2025-03-01`, `2025-03-01 10:00:00.5` or `2025-03-01 10:00:00+01`.
pub(super) fn moment(text: &str) -> Option<i64> {
    let (date, rest) = text.split_once([' ', 'T']).unwrap_or((text, "00:00:00"));
    let (time, zone) = rest.split_at(rest.find(['+', '-', 'Z']).unwrap_or(rest.len()));
    let zone = match zone.len() {
        0 => "Z".to_owned(),
        3 => format!("{zone}:00"),
        _ => zone.to_owned(),
    };
    let moment = OffsetDateTime::parse(&format!("{date}T{time}{zone}"), &Rfc3339).ok()?;
    i64::try_from(moment.unix_timestamp_nanos() / 1000 - 946_684_800_000_000).ok()
}

/// Seconds of `10:30:00`, as a time of day or an interval.
pub(super) fn seconds(text: &str) -> Option<f64> {
    let parts: Vec<f64> = text.split(':').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    match parts.as_slice() {
        [hours, minutes, seconds] if *hours >= 0.0 => Some(hours * 3600.0 + minutes * 60.0 + seconds),
        _ => None,
    }
}

pub(super) fn uuid(text: &str) -> Option<[u8; 16]> {
    let digits: String = text.chars().filter(|c| *c != '-').collect();
    let number = u128::from_str_radix(&digits, 16).ok().filter(|_| digits.len() == 32)?;
    Some(number.to_be_bytes())
}

/// The number of an address of four bytes.
pub(super) fn address(text: &str) -> Option<u32> {
    text.trim_end_matches("/32").parse::<Ipv4Addr>().ok().map(u32::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_as_postgres_prints_them() {
        assert_eq!(moment("2000-01-02"), Some(86_400_000_000));
        assert_eq!(moment("2000-01-01 01:00:00.5+01"), Some(500_000));
        assert_eq!(moment("infinity"), None);
        assert_eq!(seconds("01:00:01"), Some(3601.0));
        assert_eq!(uuid("00000000-0000-4000-8000-000000000001").unwrap()[15], 1);
        assert_eq!(uuid("1"), None);
        assert_eq!(address("10.0.0.1/32"), Some(167_772_161));
    }
}
