#![doc = include_str!("../README.md")]

mod arguments;
mod describe;
mod diff;
mod doctor;
mod explain;
mod failure;
mod hazards;
mod list;
#[cfg(feature = "rehearse")]
mod load;
mod progress;
mod redraw;
mod registry;
#[cfg(feature = "rehearse")]
mod rehearse;
mod screen;
mod settings;
mod signals;
mod smoke;
mod surroundings;
mod verify;

use std::process::ExitCode;

use arguments::{Arguments, Command};
use failure::{Exit, Failure};
use screen::Screen;

fn main() -> ExitCode {
    let arguments = Arguments::given();
    let screen = Screen::new(&arguments.global);
    failure::install(&screen);
    logging(arguments.global.verbose, screen.errors_in_colour);
    let ended = run(arguments, &screen).and_then(|exit| match screen.unwritten() {
        Some(failure) if exit != Exit::Interrupted => Err(failure),
        _ => Ok(exit),
    });
    match ended {
        Ok(exit) => exit.into(),
        Err(failure) => {
            screen.failure(failure);
            Exit::Usage.into()
        }
    }
}

fn run(arguments: Arguments, screen: &Screen) -> Result<Exit, Failure> {
    surroundings::leave_to_others(&arguments.command)?;
    let global = &arguments.global;
    // What needs no database needs no runtime either.
    match arguments.command {
        Command::List => return list::list(global, screen),
        Command::Report(command) => return redraw::redraw(&command, screen),
        _ => {}
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime =
        runtime.map_err(|error| Failure::said(format!("the program cannot start its threads: {error}")))?;
    let exit = runtime.block_on(async {
        match arguments.command {
            Command::Verify(command) => verify::verify(&command, global, screen).await,
            Command::Smoke(command) => smoke::smoke(&command, global, screen).await,
            Command::Describe(command) => describe::describe(&command, global, screen).await,
            Command::Diff(command) => diff::diff(&command, global, screen).await,
            Command::Doctor => doctor::doctor(global, screen).await,
            Command::Hazards(command) => hazards::hazards(&command, global, screen).await,
            #[cfg(feature = "rehearse")]
            Command::Rehearse(command) => rehearse::rehearse(&command, global, screen).await,
            #[cfg(not(feature = "rehearse"))]
            Command::Rehearse(_) => Err(Failure::said(
                "this program was built without the feature `rehearse`, so that it carries nothing that starts a \
                 database; rehearse with a build of the default features: cargo run -p cli -- rehearse",
            )),
            #[cfg(feature = "rehearse")]
            Command::Load(command) => load::load(&command, global, screen).await,
            #[cfg(not(feature = "rehearse"))]
            Command::Load(_) => Err(Failure::said(
                "this program was built without the feature `rehearse`, which generates rows; use a build of the default \
                 features: cargo run -p cli -- load",
            )),
            Command::Explain(command) => explain::explain(&command, global, screen).await,
            Command::List | Command::Report(_) => Ok(Exit::Go),
        }
    });
    // A thread that waits for a name server or a child must not keep the program.
    runtime.shutdown_timeout(std::time::Duration::from_secs(2));
    exit
}

fn logging(verbose: u8, colours: bool) {
    use tracing_subscriber::EnvFilter;
    let default = match verbose {
        0 => "off",
        1 => "warn,runbook=info,harness=info,cli=info",
        _ => "info,runbook=debug,harness=debug,recovery=debug,cli=debug",
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(colours)
        .with_writer(std::io::stderr)
        .try_init();
}
