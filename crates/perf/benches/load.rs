//! Latency against rate: `RUNBOOK_LOAD=QUERY cargo bench -p perf --bench load`, QUERY being a critical one. It takes two
//! minutes, and does nothing without the variable.
//!
//! A closed loop finds the knee: connections that each send the query again as soon as the last one answered. Then an
//! open loop offers set rates up to it: an execution is due at a time of its own, whether or not those before it have
//! answered, and its latency counts from when it was due, so that a stall is felt by all who would have come meanwhile
//! (no coordinated omission). At half the lower of both knees pgbench runs the same statement at the same rate, in turns with ours.
//! What our client adds is measured apart, on one connection; without it the p95 of both are to agree (else exit code 1; 3 where there
//! is no pgbench). The chart is `target/runbook/load.svg`.

#[allow(dead_code, reason = "each bench uses its part of it")]
mod common;

use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Barrier, OnceLock};
use std::time::{Duration, Instant};

use common::data::{Data, sizes};
use common::pgbench::Pgbench;
use common::{Result, begin, ended, reading, say};
use perf::{Bound, Latencies, Query, Random};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

/// Connections, on either side.
const CONNECTIONS: usize = 8;
/// How long each rate is offered.
const WINDOW: Duration = Duration::from_secs(3);
/// A turn of ours or pgbench's: short, since a connection is a process, and where the system puts it makes it quicker or slower
/// as long as it lives.
const TURN: Duration = Duration::from_secs(1);
/// Turns of either; what counts is the median.
const TURNS: usize = 11;
/// The exit code where the peer could not be asked, as everywhere here.
const NOT_MEASURED: u8 = 3;
/// How far apart their p95 may be, as a factor: two cores are shared by the client, the server and the rest of the machine.
const AGREE: f64 = 1.25;

fn main() -> ExitCode {
    let named = std::env::var("RUNBOOK_LOAD").ok().filter(|name| !name.is_empty());
    if let Err(code) = begin("load") {
        return code;
    }
    let Some(name) = named else { return ExitCode::SUCCESS };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let answer = match runtime {
        Ok(runtime) => runtime.block_on(measure(&name)),
        Err(error) => Err(error.into()),
    };
    answer.unwrap_or_else(|error| ended("load", &*error))
}

async fn measure(name: &str) -> Result<ExitCode> {
    let queries = Query::some(&harness::settings())?;
    let query = queries.into_iter().find(|query| query.name == name);
    let query = query.ok_or_else(|| format!("RUNBOOK_LOAD={name} is no critical query"))?;
    let scale = sizes("RUNBOOK_SCALE", &[10_000])?[0];
    let data = Data::of(scale).await?;
    let options = reading(data.url().connect_options());
    let mut reader = data.reader().await?;
    let bound = Bound::of(&query, &mut reader).await?;
    // Judged by what this database knows of its functions, before it is executed.
    perf::explain(&query, &bound, &mut reader).await?;
    drop(reader);
    let subject = Subject { query, bound, options };
    // Once unmeasured: the server's memory and the processor's clock are warm then.
    closed(&subject, CONNECTIONS, WINDOW)?;
    let (knee, _) = closed(&subject, CONNECTIONS, WINDOW)?;
    say(&format!("{}: closed loop, {CONNECTIONS} connections: {knee:.0} a second\n", subject.query.name));
    say("offered/s   answered/s      p50      p95      p99   (ms, from when each was due)");
    let mut points = Vec::new();
    for share in [0.1, 0.25, 0.5, 0.7, 0.85, 1.0] {
        let (answered, latencies) = open(&subject, knee * share, 1, WINDOW)?;
        points.push((
            knee * share,
            latencies.quantile_ms(0.5),
            latencies.p95_ms(),
            latencies.quantile_ms(0.99),
        ));
        say(&format!(
            "{:9.0}   {answered:10.0} {:8.3} {:8.3} {:8.3}",
            knee * share,
            latencies.quantile_ms(0.5),
            latencies.p95_ms(),
            latencies.quantile_ms(0.99)
        ));
    }
    chart(&points)?;
    let agree = against_pgbench(&data, &subject, knee).await?;
    data.close().await?;
    Ok(match agree {
        Some(true) => ExitCode::SUCCESS,
        Some(false) => ExitCode::FAILURE,
        None => ExitCode::from(NOT_MEASURED),
    })
}

/// What is executed again and again.
struct Subject {
    query: Query,
    bound: Bound,
    options: PgConnectOptions,
}

/// A connection with a thread to itself, as a client of pgbench has: it waits for what is due asleep. (A runtime's
/// clock ticks in milliseconds, which is longer than a lookup, and to wait for the last of them by yielding takes a core from
/// the server that is measured.)
struct Client {
    runtime: tokio::runtime::Runtime,
    connection: PgConnection,
}

impl Client {
    /// Connects and executes once, so that the statement is prepared.
    fn of(subject: &Subject) -> std::result::Result<Self, String> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| error.to_string())?;
        let connection = runtime.block_on(PgConnection::connect_with(&subject.options));
        let mut client = Self { runtime, connection: connection.map_err(|error| error.to_string())? };
        client.execute(subject)?;
        Ok(client)
    }

    fn execute(&mut self, subject: &Subject) -> std::result::Result<(), String> {
        let arguments = subject.bound.arguments().map_err(|error| error.to_string())?;
        let statement = sqlx::query_with(AssertSqlSafe(subject.query.sql().to_owned()), arguments);
        let rows = self.runtime.block_on(statement.fetch_all(&mut self.connection));
        if rows.map_err(|error| error.to_string())?.is_empty() {
            return Err("its example selects no rows, so its time would say nothing".into());
        }
        Ok(())
    }

    fn close(self) -> std::result::Result<(), String> {
        self.runtime.block_on(self.connection.close()).map_err(|error| error.to_string())
    }
}

/// Executions answered a second, and their latencies, of so many clients that begin together; `work` is what each of them does
/// from that moment on.
fn side_by_side(
    subject: &Subject,
    clients: usize,
    work: impl Fn(&mut Client, usize, Instant) -> std::result::Result<Vec<Duration>, String> + Sync,
) -> Result<(f64, Latencies)> {
    // Whoever cannot connect comes to it too, so that nobody waits for it.
    let ready = Barrier::new(clients + 1);
    let start = OnceLock::new();
    let (seconds, worked) = std::thread::scope(|scope| {
        let (ready, start, work) = (&ready, &start, &work);
        let workers: Vec<_> = (0..clients)
            .map(|number| {
                scope.spawn(move || {
                    let client = Client::of(subject);
                    ready.wait();
                    let mut client = client?;
                    let times = work(&mut client, number, *start.get_or_init(Instant::now))?;
                    client.close()?;
                    Ok(times)
                })
            })
            .collect();
        ready.wait();
        let started = *start.get_or_init(Instant::now);
        let worked: Vec<_> = workers.into_iter().map(std::thread::ScopedJoinHandle::join).collect();
        (started.elapsed().as_secs_f64(), worked)
    });
    let mut latencies = Latencies::default();
    for times in worked {
        let times: std::result::Result<Vec<Duration>, String> =
            times.map_err(|_| "a client's thread panicked")?;
        times?.into_iter().for_each(|time| latencies.record(time));
    }
    Ok((latencies.count() as f64 / seconds, latencies))
}

/// Executions a second over so many connections, and their latencies from when each was sent.
fn closed(subject: &Subject, connections: usize, window: Duration) -> Result<(f64, Latencies)> {
    side_by_side(subject, connections, |client, _, started| {
        let mut times = Vec::new();
        while started.elapsed() < window {
            let sent = Instant::now();
            client.execute(subject)?;
            times.push(sent.elapsed());
        }
        Ok(times)
    })
}

/// Executions answered a second, and their latencies from when each was due: by one schedule for all connections, as of a
/// pool, or by so many of which each connection has its own.
fn open(subject: &Subject, rate: f64, schedules: usize, window: Duration) -> Result<(f64, Latencies)> {
    let schedules: Vec<Schedule> =
        (0..schedules).map(|number| Schedule::of(number, rate / schedules as f64, window)).collect();
    side_by_side(subject, CONNECTIONS, |client, number, started| {
        let Schedule { due, next } = &schedules[number % schedules.len()];
        let mut times = Vec::new();
        while let Some(due) = due.get(next.fetch_add(1, Ordering::Relaxed)) {
            if let Some(early) = due.checked_sub(started.elapsed()) {
                #[allow(clippy::disallowed_methods, reason = "it is the clock that says when it is due")]
                std::thread::sleep(early);
            }
            client.execute(subject)?;
            times.push(started.elapsed().saturating_sub(*due));
        }
        Ok(times)
    })
}

/// When executions are due: times between them are exponential, as of many users who know nothing of each other.
struct Schedule {
    due: Vec<Duration>,
    next: AtomicUsize,
}

impl Schedule {
    fn of(number: usize, rate: f64, window: Duration) -> Self {
        let mut random = Random::new(11 + number as u64);
        let mut due = Vec::new();
        let mut at = 0.0;
        while at < window.as_secs_f64() {
            at += -((random.below(1_000_000) + 1) as f64 / 1_000_001.0).ln() / rate;
            due.push(Duration::from_secs_f64(at));
        }
        Self { due, next: AtomicUsize::new(0) }
    }
}

/// Whether both say the same of the database, apart from what the clients cost; `None` where there is no pgbench to ask.
async fn against_pgbench(data: &Data, subject: &Subject, knee: f64) -> Result<Option<bool>> {
    let Some(program) = Pgbench::installed() else {
        say("\nagainst pgbench: not measured, the program is not installed");
        return Ok(None);
    };
    // In memory, where there is a place for it: the log is not to wait for a disk.
    let memory = Path::new("/dev/shm");
    let folder = if memory.is_dir() { tempfile::tempdir_in(memory)? } else { tempfile::tempdir()? };
    let script = folder.path().join("script.sql");
    // From the last placeholder, so that $1 does not stand for a part of $10.
    let mut text = subject.query.sql().to_owned();
    for (number, value) in subject.bound.values.iter().enumerate().rev() {
        text = text.replace(&format!("${}", number + 1), &value.literal());
    }
    std::fs::write(&script, format!("{text};\n"))?;
    let pgbench = Pgbench { program, data, script, folder: folder.path() };
    // At a rate that is half a load to the one may be most of what the other can send.
    pgbench.run(CONNECTIONS, None, WINDOW)?;
    let theirs = pgbench.run(CONNECTIONS, None, WINDOW)?.count() as f64 / WINDOW.as_secs_f64();
    let rate = knee.min(theirs) / 2.0;
    say(&format!("\npgbench, closed loop, {CONNECTIONS} connections: {theirs:.0} a second"));
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let (mut ours_alone, mut theirs_alone) = ([Vec::new(), Vec::new()], [Vec::new(), Vec::new()]);
    for _ in 0..TURNS {
        ours.push(open(subject, rate, CONNECTIONS, TURN)?.1.p95_ms());
        theirs.push(pgbench.run(CONNECTIONS, Some(rate), TURN)?.p95_ms());
        for (alone, latencies) in
            [(&mut ours_alone, closed(subject, 1, TURN)?.1), (&mut theirs_alone, pgbench.run(1, None, TURN)?)]
        {
            alone[0].push(latencies.quantile_ms(0.5));
            alone[1].push(latencies.p95_ms());
        }
    }
    let server = server_ms(data, subject).await?;
    let (ours, theirs) = (middle(&mut ours), middle(&mut theirs));
    let [ours_p50, ours_p95] = ours_alone.map(|mut values| middle(&mut values));
    let [theirs_p50, theirs_p95] = theirs_alone.map(|mut values| middle(&mut values));
    let added = ours_p95 - theirs_p95;
    let agreement = (ours - added) / theirs;
    say(&format!(
        "open loop at half the lower knee ({rate:.0}/s), p95 from when each was due, median of {TURNS} turns:\n  \
         ours (sqlx)      {ours:.3} ms\n  pgbench (libpq)  {theirs:.3} ms\n  ratio            {:.2}\n\
         one connection, one execution after the other: ours p50 {ours_p50:.3}, p95 {ours_p95:.3} ms; pgbench {theirs_p50:.3}, \
         {theirs_p95:.3} ms\n  our client adds  {:.3} ms at p50, {added:.3} ms at p95",
        ours / theirs,
        ours_p50 - theirs_p50
    ));
    if let Some(server) = server {
        say(&format!("  the database's own time is {server:.3} ms an execution on average"));
    }
    let agree = (AGREE.recip()..=AGREE).contains(&agreement);
    say(&format!(
        "{} without what our client adds, ours is {agreement:.2} of pgbench's (they agree within {AGREE})",
        if agree { "✔" } else { "✘" }
    ));
    Ok(Some(agree))
}

/// What the server says that an execution took it, on average: of a hundred that are explained.
async fn server_ms(data: &Data, subject: &Subject) -> Result<Option<f64>> {
    let mut total = 0.0;
    for _ in 0..100 {
        let plan = perf::analyze(&subject.query, &subject.bound, data).await?;
        total += plan.execution_ms.unwrap_or(0.0);
    }
    Ok((total > 0.0).then_some(total / 100.0))
}

fn middle(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Latency (logarithmic) against rate.
fn chart(points: &[(f64, f64, f64, f64)]) -> Result<()> {
    let (width, height, left, top) = (640.0, 320.0, 60.0, 30.0);
    let most = points.iter().map(|point| point.0).fold(1.0, f64::max);
    let tallest = points.iter().map(|point| point.3).fold(1.0, f64::max).log10().ceil();
    let lowest = -2.0;
    let x = |rate: f64| left + rate / most * (width - left - 20.0);
    let y = |ms: f64| {
        let share = (ms.max(0.01).log10() - lowest) / (tallest - lowest);
        top + (1.0 - share) * (height - top - 40.0)
    };
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" \
         font-size=\"11\"><title>Latency against rate</title><rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n"
    );
    let mut power = lowest;
    while power <= tallest {
        let at = y(10_f64.powf(power));
        out += &format!(
            "<line x1=\"{left}\" x2=\"{width}\" y1=\"{at:.1}\" y2=\"{at:.1}\" stroke=\"#ddd\"/><text x=\"4\" y=\"{:.1}\">{} ms</text>\n",
            at + 4.0,
            10_f64.powf(power)
        );
        power += 1.0;
    }
    for (name, colour, value) in [("p50", "#4c78a8", 0_usize), ("p95", "#e0913a", 1), ("p99", "#d1495b", 2)] {
        let of = |point: &(f64, f64, f64, f64)| [point.1, point.2, point.3][value];
        let path: Vec<String> =
            points.iter().map(|point| format!("{:.1},{:.1}", x(point.0), y(of(point)))).collect();
        out += &format!(
            "<polyline fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\" points=\"{}\"/>",
            path.join(" ")
        );
        if let Some(last) = points.last() {
            out += &format!(
                "<text x=\"{:.1}\" y=\"{:.1}\" fill=\"{colour}\">{name}</text>\n",
                x(last.0) - 24.0,
                y(of(last)) - 6.0
            );
        }
    }
    for point in points {
        out += &format!(
            "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">{:.0}/s</text>",
            x(point.0),
            height - 16.0,
            point.0
        );
    }
    out += "</svg>\n";
    let program = std::env::current_exe()?;
    let folder = program.ancestors().nth(3).unwrap_or(&program).join("runbook");
    std::fs::create_dir_all(&folder)?;
    std::fs::write(folder.join("load.svg"), out)?;
    say(&format!("\nchart: {}", folder.join("load.svg").display()));
    Ok(())
}
