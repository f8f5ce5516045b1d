//! Prose that means nothing, in lengths as people write them: most texts are short, a few are very long.

use super::random::{below, mix, normal};

const WORDS: [&str; 48] = [
    "the", "of", "and", "to", "with", "for", "on", "as", "by", "from", "river", "stone", "garden", "window",
    "letter", "north", "south", "front", "back", "above", "below", "early", "late", "again", "small", "open",
    "heavy", "light", "bread", "paper", "road", "bridge", "field", "market", "colour", "winter", "number",
    "people", "before", "after", "please", "answer", "always", "never", "naïve", "façade", "größer", "señal",
];

/// Appends a text of about `median` words (log-normal, a standard deviation of a factor e), `longest` at most.
pub(super) fn write(mut random: u64, median: f64, longest: u32, out: &mut Vec<u8>) {
    let length = (median * normal(random).exp()).round().clamp(1.0, f64::from(longest.max(1)));
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped above")]
    for number in 0..length as u32 {
        if number > 0 {
            out.push(b' ');
        }
        random = mix(random);
        let word = usize::try_from(below(random, WORDS.len() as u64)).unwrap_or(0);
        out.extend_from_slice(WORDS[word].as_bytes());
    }
}
