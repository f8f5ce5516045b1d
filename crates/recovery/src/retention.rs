//! Which dumps are kept: the newest of each of the last days, weeks and months that have one.

use runbook::settings::Retention;
use time::{Date, Month};

use crate::folder::Dump;

/// What a retention keeps and what it lets go, both newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// Kept.
    pub keep: Vec<Dump>,
    /// No rule keeps these.
    pub remove: Vec<Dump>,
}

/// Judges dumps, given newest first. "The last 30 days" are the 30 latest days that *have* a dump: when backups stop,
/// the ones that are there are not thrown away. The newest dump is always kept.
pub fn plan(dumps: &[Dump], retention: &Retention) -> Plan {
    let mut days: Kept<Date> = Kept::new(retention.daily);
    let mut weeks: Kept<(i32, u8)> = Kept::new(retention.weekly);
    let mut months: Kept<(i32, Month)> = Kept::new(retention.monthly);
    let mut plan = Plan::default();
    for (number, dump) in dumps.iter().enumerate() {
        let date = dump.taken_at.date();
        let (year, week, _) = date.to_iso_week_date();
        // Each is asked: a dump may be the newest of its day and of its week.
        let wanted = [days.takes(date), weeks.takes((year, week)), months.takes((date.year(), date.month()))];
        if number == 0 || wanted.contains(&true) {
            plan.keep.push(dump.clone());
        } else {
            plan.remove.push(dump.clone());
        }
    }
    plan
}

struct Kept<T> {
    left: usize,
    last: Option<T>,
}

impl<T: PartialEq + Copy> Kept<T> {
    fn new(left: usize) -> Self {
        Self { left, last: None }
    }

    /// Whether this is the first, so the newest, of its period, and one of the last periods.
    fn takes(&mut self, period: T) -> bool {
        if self.last == Some(period) || self.left == 0 {
            return false;
        }
        self.last = Some(period);
        self.left -= 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use time::Duration;
    use time::macros::datetime;

    use super::*;

    fn dumps(count: i64, apart: Duration) -> Vec<Dump> {
        let newest = datetime!(2026-03-01 03:00 UTC);
        (0..count)
            .map(|n| {
                let taken_at = newest - apart * i32::try_from(n).unwrap();
                Dump { path: format!("/b/{n}.dump").into(), taken_at }
            })
            .collect()
    }

    #[test]
    fn two_years_of_daily_dumps_become_a_month_of_days_and_a_year_of_months() {
        let plan = plan(&dumps(730, Duration::days(1)), &Retention::default());
        assert_eq!(plan.keep.len() + plan.remove.len(), 730);
        let oldest = plan.keep.last().unwrap().taken_at.date();
        assert_eq!((oldest.year(), oldest.month()), (2025, Month::April));
        // 30 days, then the weeks and months that lie before them.
        assert!((45..=54).contains(&plan.keep.len()), "{}", plan.keep.len());
    }

    #[test]
    fn of_several_dumps_a_day_the_newest_is_kept() {
        let plan = plan(&dumps(10, Duration::hours(1)), &Retention { daily: 2, weekly: 0, monthly: 0 });
        let kept: Vec<_> = plan.keep.iter().map(|dump| dump.taken_at).collect();
        assert_eq!(kept, [datetime!(2026-03-01 03:00 UTC), datetime!(2026-02-28 23:00 UTC)]);
    }

    #[test]
    fn old_dumps_stay_when_backups_have_stopped_and_the_newest_always_does() {
        let few = dumps(3, Duration::days(400));
        assert_eq!(plan(&few, &Retention { daily: 3, weekly: 0, monthly: 0 }).keep.len(), 3);
        assert_eq!(plan(&few, &Retention { daily: 0, weekly: 0, monthly: 0 }).keep.len(), 1);
    }
}
