//! Several sessions that work off one list, side by side on one snapshot.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use runbook::check::CheckError;
use runbook::context::Context;
use runbook::meter::Meter;
use runbook::reader::Reader;
use tokio::sync::watch;

use crate::pace::Pace;
use crate::picture::Picture;
use crate::session::Session;

/// What is done with each item of a list.
pub(crate) trait Work: Sync {
    /// What is worked on.
    type Item: Sync;
    /// What comes of it.
    type Done: Send;

    /// How much there is to an item, in pages: the largest are begun first.
    fn weight(&self, item: &Self::Item) -> f64;

    /// The relation that an item reads most of. Two sessions keep off the same one while there is another: index scans side
    /// by side over one table were measured to take twice the processor's time each, for the pages that both pin.
    fn place(&self, _item: &Self::Item) -> Option<i64> {
        None
    }

    /// Works on one.
    fn carry_out(
        &self,
        session: &mut Session<'_>,
        item: &Self::Item,
    ) -> impl Future<Output = Self::Done> + Send;
}

/// What came of a list.
pub(crate) struct Worked<T> {
    /// In the order of the list.
    pub done: Vec<T>,
    /// How many snapshots were looked at.
    pub pictures: BTreeSet<u32>,
    /// How often it was waited for the target.
    pub pauses: u64,
}

/// How many sessions may be open at a time: those of the settings, and no more than a quarter of what the server has
/// left.
pub(crate) async fn strength(context: &Context, reader: &mut Reader) -> Result<usize, CheckError> {
    let free: i64 = reader.scalar(include_str!("free_connections.sql")).await?;
    let wanted = i64::from(context.settings.integrity.connections);
    Ok(usize::try_from(wanted.min(free / 4).max(1)).unwrap_or(1))
}

/// For how long the first session is waited for while the snapshot is held: a pooler that gives no second server never
/// says so.
const PATIENCE: Duration = Duration::from_secs(5);

/// Works off `items` over so many sessions. One that cannot be opened, or not yet, leaves its share to the others; the first does
/// what is left, and says of each item why it could not.
pub(crate) async fn work_off<W: Work>(
    context: &Context,
    picture: &Picture,
    sessions: usize,
    noun: &str,
    work: &W,
    items: &[W::Item],
) -> Worked<W::Done> {
    let list = List::of(context, noun, work, items);
    let pace = Pace::new(context.settings.integrity.back_off);
    let workers = (0..sessions.min(items.len()).max(1)).map(|number| {
        let (list, pace) = (&list, &pace);
        async move {
            let mut session = Session::new(context, picture);
            let opened = match number {
                0 => open_first(&mut session, picture, list).await,
                // Where none is to be had, this one comes late or never: nobody waits for it once the list is at its end.
                _ => tokio::select! {
                    opened = session.reader() => opened.is_ok(),
                    () = list.exhausted() => false,
                },
            };
            if !opened {
                return session.seen().clone();
            }
            list.begin();
            while let Some(index) = list.next(number) {
                if let Ok(reader) = session.reader().await {
                    pace.wait(reader).await;
                }
                let done = work.carry_out(&mut session, &items[index]).await;
                session.rest().await;
                list.finish(index, done);
            }
            session.seen().clone()
        }
    });
    let pictures = join_all(workers).await.into_iter().flatten().collect();
    Worked { done: list.into_done(), pictures, pauses: pace.pauses() }
}

/// Opens the first session, which is to say of each item that is left why it could not: only a list at its end needs it
/// no more. Where none comes while the snapshot is held, and no other works, the snapshot is let go of.
async fn open_first<T>(session: &mut Session<'_>, picture: &Picture, list: &List<'_, T>) -> bool {
    let waited = tokio::time::timeout(PATIENCE, async {
        tokio::select! {
            _ = session.reader() => true,
            () = list.exhausted() => false,
        }
    });
    match waited.await {
        Ok(needed) => return needed,
        Err(_) if !list.is_begun() => picture.hold_no_more().await,
        Err(_) => {}
    }
    tokio::select! {
        _ = session.reader() => true,
        () = list.exhausted() => false,
    }
}

/// The list, and who has what of it.
struct List<'a, T> {
    context: &'a Context,
    noun: &'a str,
    weights: Vec<f64>,
    places: Vec<Option<i64>>,
    began: Instant,
    state: Mutex<State<T>>,
    exhausted: watch::Sender<bool>,
}

struct State<T> {
    /// Indexes, the heaviest last.
    waiting: Vec<usize>,
    /// Where each session is.
    busy: BTreeMap<usize, i64>,
    /// Whether a session works on it.
    begun: bool,
    done: Vec<Option<T>>,
}

impl<'a, T> List<'a, T> {
    fn of<W: Work<Done = T>>(context: &'a Context, noun: &'a str, work: &W, items: &[W::Item]) -> Self {
        let weights: Vec<f64> = items.iter().map(|item| work.weight(item).max(1.0)).collect();
        let mut waiting: Vec<usize> = (0..items.len()).collect();
        waiting.sort_by(|a, b| weights[*a].total_cmp(&weights[*b]).then(b.cmp(a)));
        let places = items.iter().map(|item| work.place(item)).collect();
        let done = items.iter().map(|_| None).collect();
        Self {
            context,
            noun,
            weights,
            places,
            began: Instant::now(),
            state: Mutex::new(State { waiting, busy: BTreeMap::new(), begun: false, done }),
            exhausted: watch::Sender::new(false),
        }
    }

    /// A session works on it from now on.
    fn begin(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).begun = true;
    }

    fn is_begun(&self) -> bool {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).begun
    }

    /// The heaviest where no other session is, or the heaviest.
    fn next(&self, session: usize) -> Option<usize> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.busy.remove(&session);
        let is_free = |index: &usize| {
            self.places[*index].is_none_or(|place| !state.busy.values().any(|taken| *taken == place))
        };
        let found = state.waiting.iter().rposition(is_free).or(state.waiting.len().checked_sub(1));
        let next = found.map(|position| state.waiting.remove(position));
        if let Some(place) = next.and_then(|index| self.places[index]) {
            state.busy.insert(session, place);
        }
        if state.waiting.is_empty() {
            self.exhausted.send_replace(true);
        }
        next
    }

    /// Waits until nothing is left to be begun.
    async fn exhausted(&self) {
        let _ = self.exhausted.subscribe().wait_for(|exhausted| *exhausted).await;
    }

    fn finish(&self, index: usize, done: T) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.done[index] = Some(done);
        let finished: Vec<bool> = state.done.iter().map(Option::is_some).collect();
        drop(state);
        Meter::say(
            self.context,
            &progress(self.noun, &self.weights, &finished, self.began.elapsed().as_secs_f64()),
        );
    }

    fn into_done(self) -> Vec<T> {
        let state = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        state.done.into_iter().flatten().collect()
    }
}

/// `3 of 12 foreign keys, about 40 s left`: by the pages that were read so far.
fn progress(noun: &str, weights: &[f64], finished: &[bool], seconds: f64) -> String {
    let number = finished.iter().filter(|done| **done).count();
    let all: f64 = weights.iter().sum();
    let read: f64 = weights.iter().zip(finished).filter(|(_, done)| **done).map(|(weight, _)| weight).sum();
    let left = if read > 0.0 { seconds * (all - read) / read } else { 0.0 };
    let words = format!("{number} of {} {noun}", finished.len());
    if left >= 1.0 { format!("{words}, about {left:.0} s left") } else { words }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_estimate_goes_by_the_pages_and_not_by_the_number() {
        let weights = [900.0, 50.0, 50.0];
        assert_eq!(progress("keys", &weights, &[false, true, true], 10.0), "2 of 3 keys, about 90 s left");
        assert_eq!(progress("keys", &weights, &[true, true, true], 10.0), "3 of 3 keys");
        assert_eq!(progress("keys", &weights, &[false; 3], 10.0), "0 of 3 keys");
    }
}
