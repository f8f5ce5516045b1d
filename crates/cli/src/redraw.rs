//! `runbook report`: a stored report, drawn again.

use runbook::report::Report;

use crate::arguments::Redraw;
use crate::failure::{Exit, Failure};
use crate::screen::Screen;

/// Draws it to standard output. The exit status says whether that was possible, not what the report says.
pub(crate) fn redraw(command: &Redraw, screen: &Screen) -> Result<Exit, Failure> {
    let report = Report::read(&command.file).map_err(Failure::said)?;
    let text = if command.html {
        report.html()
    } else if command.junit {
        report.junit().map_err(Failure::said)?
    } else if command.markdown {
        report.markdown()
    } else if screen.json {
        report.to_json().map_err(Failure::said)?
    } else if screen.quiet {
        screen.style.verdict(&report, None).trim_start_matches('\n').to_owned()
    } else {
        report.terminal(&screen.style)
    };
    screen.print(&text);
    Ok(Exit::Go)
}
