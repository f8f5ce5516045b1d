//! A container: the image's own server, its data in memory, published on loopback alone.

use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use sqlx::postgres::PgConnection;
use sqlx::{ConnectOptions as _, Connection as _};
use testcontainers::core::IntoContainerPort as _;
use testcontainers::runners::AsyncRunner as _;
use testcontainers::{GenericImage, ImageExt as _};

use crate::HarnessError;
use crate::backend::engine::Engine;
use crate::backend::local;
use crate::shared::{Record, assert_not_durable};
use crate::state::{State, unique};
use crate::template;
use crate::watcher::Owned;

const SUPERUSER: &str = "postgres";
/// How long the image may take from its creation to the first connection, its initdb included.
const PATIENCE: Duration = Duration::from_secs(60);

/// The image: `RUNBOOK_POSTGRES_IMAGE`, or the official one.
pub fn image() -> String {
    match std::env::var("RUNBOOK_POSTGRES_IMAGE") {
        Ok(image) if !image.is_empty() => image,
        _ => "postgres:17-bookworm".into(),
    }
}

/// Starts the shared server in a container. The caller holds a share of the lease and the `start` lock.
pub(crate) async fn start(state: &State, engine: &Engine, minimum: u32) -> Result<Record, HarnessError> {
    let name = format!("runbook-{}", unique());
    state.write("engine", engine.address.as_bytes())?;
    state.own(Owned::Container(&name))?;
    let password = unique() + &unique();
    let port = run(&name, &password, &state.folder.display().to_string()).await?;
    let url = format!("postgres://{SUPERUSER}:{password}@127.0.0.1:{port}/postgres");
    let mut admin = connect(&url).await?;
    let version_num: i32 = sqlx::query_scalar("SELECT current_setting('server_version_num')::int")
        .fetch_one(&mut admin)
        .await
        .map_err(HarnessError::sql("asking for the version"))?;
    let version_num = u32::try_from(version_num).unwrap_or(0);
    let version = format!("{}.{}", version_num / 10_000, version_num % 10_000);
    if version_num / 10_000 < minimum {
        return Err(HarnessError::TooOld {
            what: format!("the image {}", image()),
            found: version,
            minimum,
            remedy: "RUNBOOK_POSTGRES_IMAGE",
        });
    }
    local::set_password(&mut admin, version_num / 10_000, &password).await?;
    assert_not_durable(&mut admin).await?;
    let strategy = template::faster_strategy(&mut admin, "template0").await?;
    admin.close().await.map_err(HarnessError::sql("closing the first connection"))?;
    // For the line that a person is given when a test fails.
    state.write("pgpass", format!("127.0.0.1:{port}:*:{SUPERUSER}:{password}\n").as_bytes())?;
    Ok(Record {
        backend: "container".into(),
        version,
        version_num,
        url,
        folder: None,
        socket: None,
        pid: None,
        scope: String::new(),
        strategy,
    })
}

/// Runs the image and returns the port it is published on. Whoever holds the lease owns the container, so it is
/// not removed when the handle goes: the watcher does that.
async fn run(name: &str, password: &str, state: &str) -> Result<u16, HarnessError> {
    let image = image();
    // A colon before the last slash belongs to the registry's port.
    let (repository, tag) = match image.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => (repository.to_owned(), tag.to_owned()),
        _ => (image.clone(), "latest".into()),
    };
    let mut command = vec!["postgres".to_owned()];
    for (setting, value) in local::TUNING.iter().chain(&local::STATISTICS) {
        command.extend(["-c".to_owned(), format!("{setting}={value}")]);
    }
    let failed = |error: testcontainers::TestcontainersError| HarnessError::Server {
        what: "could not be started in a container",
        reason: format!("{image}: {error}"),
    };
    let container = GenericImage::new(repository, tag)
        .with_container_name(name)
        .with_label("runbook.state", state)
        .with_mapped_port(0, 5432.tcp())
        .with_env_var("POSTGRES_USER", SUPERUSER)
        .with_env_var("POSTGRES_PASSWORD", password)
        .with_env_var("POSTGRES_DB", "postgres")
        // Takes passwords that are stored either way.
        .with_env_var("POSTGRES_HOST_AUTH_METHOD", "md5")
        .with_env_var("POSTGRES_INITDB_ARGS", "--no-sync --data-checksums --locale=C --encoding=UTF8")
        .with_env_var("PGDATA", "/var/lib/postgresql/data")
        .with_cmd(command)
        .with_host_config_modifier(|host| {
            host.tmpfs = Some([("/var/lib/postgresql".to_owned(), "rw".to_owned())].into());
            for bindings in host.port_bindings.iter_mut().flat_map(|all| all.values_mut()).flatten() {
                for binding in bindings {
                    binding.host_ip = Some("127.0.0.1".into());
                }
            }
        })
        .with_startup_timeout(PATIENCE)
        .start()
        .await
        .map_err(failed)?;
    let port = container.get_host_port_ipv4(5432.tcp()).await.map_err(failed)?;
    std::mem::forget(container);
    Ok(port)
}

async fn connect(url: &str) -> Result<PgConnection, HarnessError> {
    let options: sqlx::postgres::PgConnectOptions =
        url.parse().map_err(HarnessError::sql("reading the container's address"))?;
    runbook::wait::until("the container's server accepts connections", PATIENCE, || async {
        options.connect().await.map_err(|error| runbook::context::describe(&error))
    })
    .await
    .map_err(|late| HarnessError::Server {
        what: "did not come up in its container",
        reason: late.to_string(),
    })
}

/// Whether anything listens on the address of a container's server.
pub(crate) fn listens(host: &str, port: u16) -> bool {
    let address: Result<SocketAddr, _> = format!("{host}:{port}").parse();
    address.is_ok_and(|address| TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok())
}
