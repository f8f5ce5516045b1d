//! What stands for the measurement in a program that starts no database: one sentence.

use schema::hazards::Found;
use schema::hazards::corpus::Case;
use schema::hazards::page::Record;
use schema::hazards::score::Score;

use super::Looked;
use super::show::Shown;
use crate::failure::Failure;
use crate::settings::System;

const NO_COPY: &str = "this program was built without the feature `rehearse`, so it can make no copy to measure on; \
     leave --measure out, or use a build of the default features";

pub(super) async fn measured(
    _: &System,
    _: &Looked,
    _: Vec<Found>,
    _: Option<u64>,
) -> Result<Shown, Failure> {
    Err(Failure::said(NO_COPY))
}

pub(super) async fn score(_: &System, _: Vec<(Case, Vec<Found>)>, _: bool) -> Result<Score, Failure> {
    Err(Failure::said(NO_COPY))
}

pub(super) async fn examples(_: &System, _: &mut Record) -> Result<(), Failure> {
    Err(Failure::said(NO_COPY))
}
