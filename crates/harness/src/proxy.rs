//! A TCP proxy that breaks the network: it delays, cuts, refuses and heals.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};

use crate::{HarnessError, keeper};

/// What the proxy does to its connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// Passes everything on.
    None,
    /// Passes everything on, each piece this much later.
    Delay(Duration),
    /// Ends open connections, and new ones right after they are accepted: with a reset, or in an orderly way.
    Cut { reset: bool },
    /// Does not listen: new connections are refused. Open ones live on.
    Refuse,
}

/// What has gone through a proxy.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Bytes from the client to the server.
    pub sent: u64,
    /// Bytes from the server to the client.
    pub received: u64,
    /// Whether the connection is open.
    pub open: bool,
}

/// A proxy on a loopback port of its own. Dropping it closes its connections.
pub struct Proxy {
    address: SocketAddr,
    fault: watch::Sender<Fault>,
    traffic: Arc<std::sync::Mutex<Vec<Traffic>>>,
    listening: watch::Receiver<bool>,
    // Dropped with the proxy, which ends its tasks.
    _stop: oneshot::Sender<()>,
}

impl Proxy {
    /// Listens on a free loopback port and passes connections on to `to`.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn to(to: SocketAddr) -> Result<Self, HarnessError> {
        let (fault, faults) = watch::channel(Fault::None);
        let (stop, stopped) = oneshot::channel();
        let (listens, listening) = watch::channel(true);
        let traffic = Arc::<std::sync::Mutex<Vec<Traffic>>>::default();
        let seen = Arc::clone(&traffic);
        // On the keeper's runtime: a test whose own runtime is busy or blocked does not slow its network.
        let address = keeper::run(async move {
            let name = Path::new("127.0.0.1:0");
            let listener = TcpListener::bind("127.0.0.1:0").await.map_err(HarnessError::io(name))?;
            let address = listener.local_addr().map_err(HarnessError::io(name))?;
            tokio::spawn(async move {
                tokio::select! {
                    () = serve(listener, address, to, faults, listens, seen) => {}
                    _ = stopped => {}
                }
            });
            Ok(address)
        })
        .await?;
        Ok(Self { address, fault, traffic, listening, _stop: stop })
    }

    /// Where to connect instead of the server.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Passes each piece on this much later.
    pub fn delay(&self, by: Duration) {
        self.fault.send_replace(Fault::Delay(by));
    }

    /// Resets open connections, and new ones as soon as they are accepted.
    pub fn cut(&self) {
        self.fault.send_replace(Fault::Cut { reset: true });
    }

    /// Ends open connections in an orderly way, and new ones as soon as they are accepted.
    pub fn close(&self) {
        self.fault.send_replace(Fault::Cut { reset: false });
    }

    /// Refuses new connections; waits until the port is closed. Open connections live on.
    ///
    /// # Errors
    /// When the proxy has ended.
    pub async fn refuse(&self) -> Result<(), HarnessError> {
        self.fault.send_replace(Fault::Refuse);
        self.wait_listening(false).await
    }

    /// Passes everything on again; waits until the port is open.
    ///
    /// # Errors
    /// When the proxy has ended.
    pub async fn heal(&self) -> Result<(), HarnessError> {
        self.fault.send_replace(Fault::None);
        self.wait_listening(true).await
    }

    /// What has gone through each connection, in the order in which they came.
    pub fn traffic(&self) -> Vec<Traffic> {
        self.traffic.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    async fn wait_listening(&self, wanted: bool) -> Result<(), HarnessError> {
        let mut listening = self.listening.clone();
        let ended = |_| HarnessError::Other(format!("the proxy on {} has ended", self.address));
        listening.wait_for(|now| *now == wanted).await.map(drop).map_err(ended)
    }
}

async fn serve(
    listener: TcpListener,
    address: SocketAddr,
    to: SocketAddr,
    mut faults: watch::Receiver<Fault>,
    listens: watch::Sender<bool>,
    traffic: Arc<std::sync::Mutex<Vec<Traffic>>>,
) {
    let mut listener = Some(listener);
    let mut open = tokio::task::JoinSet::new();
    loop {
        let refusing = *faults.borrow_and_update() == Fault::Refuse;
        if refusing {
            listener = None;
        } else if listener.is_none() {
            // The port was ours a moment ago; should somebody have taken it, healing waits until it is free.
            listener = TcpListener::bind(address).await.ok();
        }
        listens.send_replace(listener.is_some());
        let Some(accepting) = &listener else {
            if refusing {
                if faults.changed().await.is_err() {
                    return;
                }
            } else {
                tokio::task::yield_now().await;
            }
            continue;
        };
        tokio::select! {
            accepted = accepting.accept() => if let Ok((client, _)) = accepted {
                let number = {
                    let mut all = traffic.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                    all.push(Traffic { open: true, ..Traffic::default() });
                    all.len() - 1
                };
                open.spawn(connection(client, to, faults.clone(), Arc::clone(&traffic), number));
            },
            changed = faults.changed() => if changed.is_err() { return },
            Some(_) = open.join_next() => {}
        }
    }
}

async fn connection(
    client: TcpStream,
    to: SocketAddr,
    mut faults: watch::Receiver<Fault>,
    traffic: Arc<std::sync::Mutex<Vec<Traffic>>>,
    number: usize,
) {
    let count = |sent: u64, received: u64, open: bool| {
        let mut all = traffic.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(one) = all.get_mut(number) {
            *one = Traffic { sent: one.sent + sent, received: one.received + received, open };
        }
    };
    let delays = faults.clone();
    let (mut client, mut reset) = (client, false);
    if let Fault::Cut { reset: hard } = *faults.borrow_and_update() {
        reset = hard;
    } else if let Ok(mut server) = TcpStream::connect(to).await {
        let _ = (client.set_nodelay(true), server.set_nodelay(true));
        let (mut from_client, mut to_client) = client.split();
        let (mut from_server, mut to_server) = server.split();
        let cut = async {
            match faults.wait_for(|fault| matches!(fault, Fault::Cut { .. })).await {
                Ok(fault) => matches!(*fault, Fault::Cut { reset: true }),
                Err(_) => false,
            }
        };
        tokio::select! {
            hard = cut => reset = hard,
            _ = async { tokio::join!(
                pass(&mut from_client, &mut to_server, &delays, |bytes| count(bytes, 0, true)),
                pass(&mut from_server, &mut to_client, &delays, |bytes| count(0, bytes, true)),
            ) } => {}
        }
    }
    if reset {
        // No lingering: the kernel answers with RST instead of FIN.
        let _ = client.set_zero_linger();
    }
    drop(client);
    count(0, 0, false);
}

async fn pass<R, W>(from: &mut R, to: &mut W, faults: &watch::Receiver<Fault>, count: impl Fn(u64))
where
    R: tokio::io::AsyncRead + Unpin,
    W: tokio::io::AsyncWrite + Unpin,
{
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        let fault = *faults.borrow();
        if let Fault::Delay(by) = fault {
            #[allow(clippy::disallowed_methods, reason = "letting time pass is this proxy's purpose")]
            tokio::time::sleep(by).await;
        }
        if to.write_all(&buffer[..read]).await.is_err() {
            break;
        }
        count(read as u64);
    }
    let _ = to.shutdown().await;
}
