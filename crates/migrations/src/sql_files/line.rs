//! From positions to line numbers.

/// The line, from 1, of a byte offset.
pub(super) fn of_byte(text: &[u8], offset: usize) -> usize {
    1 + text.iter().take(offset).filter(|byte| **byte == b'\n').count()
}

/// The line, from 1, of a character position as Postgres counts it, from 1.
pub(super) fn of_character(text: &str, position: usize) -> usize {
    1 + text.chars().take(position.saturating_sub(1)).filter(|character| *character == '\n').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_after_wide_characters_is_on_its_own_line() {
        assert_eq!(of_character("-- ä\nSELECT\nx", 13), 3);
        assert_eq!(of_byte("-- ä\nSELECT".as_bytes(), 7), 2);
        assert_eq!(of_byte(b"", 0), 1);
    }
}
