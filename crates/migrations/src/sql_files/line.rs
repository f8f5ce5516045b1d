//! From positions to line numbers.

/// The line, from 1, of a byte offset.
pub(super) fn of_byte(text: &[u8], offset: usize) -> usize {
    1 + text.iter().take(offset).filter(|byte| **byte == b'\n').count()
}

/// The line, from 1, of a character position as Postgres counts it, from 1.
pub(super) fn of_character(text: &str, position: usize) -> usize {
    1 + text.chars().take(position.saturating_sub(1)).filter(|character| *character == '\n').count()
}

/// The line of a byte offset with a caret before it: `CREATE ^TABEL t`. A long line is cut on both sides.
pub(super) fn with_caret(text: &str, offset: usize) -> String {
    const AROUND: usize = 40;
    let mut at = offset.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    let (before, after) = text.split_at(at);
    let before = before.rsplit('\n').next().unwrap_or_default();
    let after = after.split('\n').next().unwrap_or_default().trim_end();
    let skip = before.chars().count().saturating_sub(AROUND);
    let start: String = before.chars().skip(skip).collect();
    let end: String = after.chars().take(AROUND).collect();
    let cut = |cut: bool| if cut { "…" } else { "" };
    format!("{}{}^{end}{}", cut(skip > 0), start.trim_start(), cut(end.len() < after.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_caret_stands_before_what_is_wrong() {
        assert_eq!(with_caret("SELECT 1;\n  CREATE TABEL t (a int);\n", 19), "CREATE ^TABEL t (a int);");
        assert_eq!(with_caret("x", 9), "x^");
        assert_eq!(with_caret(&format!("{}é!", "ä".repeat(50)), 100), format!("…{}^é!", "ä".repeat(40)));
    }

    #[test]
    fn a_position_after_wide_characters_is_on_its_own_line() {
        assert_eq!(of_character("-- ä\nSELECT\nx", 13), 3);
        assert_eq!(of_byte("-- ä\nSELECT".as_bytes(), 7), 2);
        assert_eq!(of_byte(b"", 0), 1);
    }
}
