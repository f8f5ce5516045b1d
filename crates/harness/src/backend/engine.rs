//! A container engine (Docker or Podman), asked over its socket: does it answer, has it an image.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

/// An engine that answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Engine {
    /// `unix:///var/run/docker.sock`, `tcp://host:2375`.
    pub address: String,
    /// `Docker 20.10.24`, `Podman 5.2.1`.
    pub version: String,
    /// Whether testcontainers finds it by itself; Podman's own socket has to be named in `DOCKER_HOST`.
    pub is_default: bool,
}

/// An engine that is busy is no engine: this is asked before every start of a server.
const PATIENCE: Duration = Duration::from_secs(3);

impl Engine {
    /// The first engine that answers: `DOCKER_HOST` alone when it is set, else the usual sockets.
    ///
    /// # Errors
    /// What was asked, and why nothing answered, as one fragment.
    pub fn find() -> Result<Self, String> {
        let named = std::env::var("DOCKER_HOST").ok().filter(|host| !host.is_empty());
        let sockets = match &named {
            Some(host) => vec![(host.clone(), true)],
            None => {
                usual().into_iter().map(|(path, own)| (format!("unix://{}", path.display()), own)).collect()
            }
        };
        let mut problems = Vec::new();
        for (address, is_default) in sockets {
            match get(&address, "/version") {
                Ok((200, body)) => return Ok(Self { version: version(&body), address, is_default }),
                Ok((status, _)) => problems.push(format!("{address} answers {status}")),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound && named.is_none() => {}
                Err(error) => problems.push(format!("{address}: {error}")),
            }
        }
        Err(if problems.is_empty() {
            "no Docker or Podman socket is there".into()
        } else {
            problems.join("; ")
        })
    }

    /// Whether the image is there, or can be pulled.
    ///
    /// # Errors
    /// Why not, as one fragment.
    pub fn has(&self, image: &str) -> Result<&'static str, String> {
        match get(&self.address, &format!("/images/{image}/json")) {
            Ok((200, _)) => return Ok("is there"),
            Ok(_) => {}
            Err(error) => return Err(format!("{}: {error}", self.address)),
        }
        // The engine asks the registry for the image's manifest, and downloads nothing.
        match get(&self.address, &format!("/distribution/{image}/json")) {
            Ok((200, _)) => Ok("can be pulled"),
            Ok(_) => Err(format!("the image {image} is not there and no registry that answers has it")),
            Err(_) => Err(format!("the image {image} is not there and the registry does not answer")),
        }
    }
}

impl Engine {
    /// Whether a container of this name exists, running or not.
    ///
    /// # Errors
    /// When the engine does not answer.
    pub fn holds(&self, container: &str) -> Result<bool, String> {
        get(&self.address, &format!("/containers/{container}/json"))
            .map(|(status, _)| status == 200)
            .map_err(|error| format!("{}: {error}", self.address))
    }
}

/// Where engines listen, and whether testcontainers looks there.
fn usual() -> Vec<(PathBuf, bool)> {
    let below = |variable: &str, path: &str| {
        std::env::var_os(variable).map(|folder| PathBuf::from(folder).join(path))
    };
    let mut sockets = vec![(PathBuf::from("/var/run/docker.sock"), true)];
    sockets.extend(below("XDG_RUNTIME_DIR", ".docker/run/docker.sock").map(|path| (path, true)));
    sockets.extend(below("HOME", ".docker/run/docker.sock").map(|path| (path, true)));
    sockets.extend(below("HOME", ".docker/desktop/docker.sock").map(|path| (path, true)));
    sockets.extend(below("XDG_RUNTIME_DIR", "podman/podman.sock").map(|path| (path, false)));
    sockets.push((PathBuf::from("/run/podman/podman.sock"), false));
    sockets
}

/// One GET: status and body.
fn get(address: &str, path: &str) -> std::io::Result<(u16, String)> {
    let request = format!("GET {path} HTTP/1.0\r\nHost: engine\r\n\r\n");
    let answer = if let Some(path) = address.strip_prefix("unix://") {
        let stream = UnixStream::connect(path)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        exchange(stream, &request)?
    } else if let Some(host) = address.strip_prefix("tcp://").or_else(|| address.strip_prefix("http://")) {
        let stream = TcpStream::connect(host)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        exchange(stream, &request)?
    } else {
        return Err(std::io::Error::other("neither unix:// nor tcp://"));
    };
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.split_whitespace().nth(1).and_then(|status| status.parse().ok());
    Ok((status.ok_or_else(|| std::io::Error::other("it does not speak HTTP"))?, body.to_owned()))
}

fn exchange(mut stream: impl Read + Write, request: &str) -> std::io::Result<String> {
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

fn version(body: &str) -> String {
    let value: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
    let name = if body.contains("Podman Engine") { "Podman" } else { "Docker" };
    format!("{name} {}", value["Version"].as_str().unwrap_or("of unknown version"))
}
