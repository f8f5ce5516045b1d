//! When people work: times of the week that are more frequent than others.

use serde::Deserialize;

const HOUR: f64 = 3600.0;
const WEEK_HOURS: usize = 168;
const WEEK: f64 = HOUR * WEEK_HOURS as f64;
/// From Monday 2000-01-03 back to Saturday 2000-01-01, where Postgres starts to count.
const TO_MONDAY: f64 = 2.0 * 24.0 * HOUR;

/// `week = { hours = [24 weights], weekend = 0.2 }`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Week {
    /// The weight of each hour of a day, in UTC, from midnight.
    pub hours: [f64; 24],
    /// What the hours of Saturday and Sunday are multiplied by.
    pub weekend: f64,
}

/// The share of a week's work that is done by each of its hours, from Monday.
#[derive(Debug, Clone)]
pub(super) struct Profile {
    done: [f64; WEEK_HOURS + 1],
}

impl Profile {
    /// `None` when the weights are not above zero.
    pub(super) fn of(week: &Week) -> Option<Self> {
        let mut done = [0.0; WEEK_HOURS + 1];
        for hour in 0..WEEK_HOURS {
            let factor = if hour / 24 >= 5 { week.weekend } else { 1.0 };
            let weight = week.hours[hour % 24] * factor;
            if !(weight >= 0.0 && weight.is_finite()) {
                return None;
            }
            done[hour + 1] = done[hour] + weight;
        }
        let all = done[WEEK_HOURS];
        (all > 0.0).then(|| {
            done.iter_mut().for_each(|share| *share /= all);
            Self { done }
        })
    }

    /// The seconds after `start` (seconds from 2000-01-01) at which `share` (0 to 1) of the work of the time from
    /// `least` to `most` seconds after it is done. It rises with `share`.
    pub(super) fn place(&self, start: f64, least: f64, most: f64, share: f64) -> f64 {
        let from = self.work(start + least);
        let to = self.work(start + most);
        (self.time(from + share * (to - from)) - start).clamp(least, most)
    }

    /// Weeks of work until this moment.
    fn work(&self, moment: f64) -> f64 {
        let weeks = (moment - TO_MONDAY) / WEEK;
        let hours = (weeks - weeks.floor()) * WEEK_HOURS as f64;
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 167")]
        let hour = (hours as usize).min(WEEK_HOURS - 1);
        let within = (hours - hour as f64) * (self.done[hour + 1] - self.done[hour]);
        weeks.floor() + self.done[hour] + within
    }

    /// The moment at which so many weeks of work are done.
    fn time(&self, work: f64) -> f64 {
        let rest = work - work.floor();
        let hour = self.done.partition_point(|done| *done <= rest).clamp(1, WEEK_HOURS) - 1;
        let (before, after) = (self.done[hour], self.done[hour + 1]);
        let within = if after > before { (rest - before) / (after - before) } else { 0.0 };
        TO_MONDAY + (work.floor() + (hour as f64 + within) / WEEK_HOURS as f64) * WEEK
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_done_in_working_hours_and_never_goes_back() {
        let mut hours = [0.0; 24];
        hours[8..17].fill(1.0);
        let profile = Profile::of(&Week { hours, weekend: 0.0 }).unwrap();
        // 2025-03-01 is a Saturday: 9,191 days after 2000-01-01.
        let start = 9_191.0 * 24.0 * HOUR;
        let mut last = -1.0;
        for share in 0..1000 {
            let after = profile.place(start, 0.0, 28.0 * 24.0 * HOUR, f64::from(share) / 1000.0);
            assert!(after >= last, "{share}: {after} after {last}");
            last = after;
            let day = ((start + after) / (24.0 * HOUR)).floor();
            let hour = ((start + after) % (24.0 * HOUR)) / HOUR;
            // Day 0 is a Saturday.
            assert!(day % 7.0 >= 2.0 && (7.999..17.001).contains(&hour), "{share}: day {day} hour {hour}");
        }
    }

    #[test]
    fn weights_that_are_none_are_refused() {
        assert!(Profile::of(&Week { hours: [0.0; 24], weekend: 1.0 }).is_none());
        assert!(Profile::of(&Week { hours: [-1.0; 24], weekend: 1.0 }).is_none());
    }
}
