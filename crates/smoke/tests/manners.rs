//! Services that are right, and speak HTTP in another way than the reference service: no check alarms.

use axum::http::{HeaderMap, Method};
use harness::Database;
use rstest::rstest;
use runbook::context::{Api, Context};
use runbook::verdict::Outcome;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::wrong::faultless;

/// How an answer is written.
#[derive(Clone, Copy)]
enum Manner {
    /// HTTP/1.0: no length, the end of the connection is the end of the body.
    Old,
    /// Chunks of seven bytes, an extension, and a trailer.
    Chunked,
    /// Announces to keep the connection, and closes it.
    Closing,
    /// Early hints before the answer.
    Hinting,
    /// Names of headers in capitals, more of them than anybody reads, a charset.
    Verbose,
}

/// What stands before a service, and writes its answers in another manner; its address.
async fn before(to: String, manner: Manner) -> String {
    at("127.0.0.1:0", "", to, manner).await
}

/// [`before`], at an address of its own and below a path.
async fn at(address: &str, path: &'static str, to: String, manner: Manner) -> String {
    let listener = TcpListener::bind(address).await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let client = crate::bad_days::client(std::time::Duration::from_secs(30));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (client, to) = (client.clone(), to.clone());
            tokio::spawn(async move {
                stream.set_nodelay(true).unwrap();
                let mut stream = BufReader::new(stream);
                while let Some(answer) = answered(&mut stream, path, &client, &to).await {
                    let last = written(stream.get_mut(), answer, manner).await;
                    if last {
                        break;
                    }
                }
            });
        }
    });
    base
}

/// Reads one request and has the service answer it; `None` at the end of the connection.
async fn answered(
    stream: &mut BufReader<TcpStream>,
    below: &str,
    client: &reqwest::Client,
    to: &str,
) -> Option<(u16, HeaderMap, Vec<u8>)> {
    let mut line = String::new();
    stream.read_line(&mut line).await.ok().filter(|read| *read > 0)?;
    let mut words = line.split(' ');
    let method: Method = words.next()?.parse().unwrap();
    let path = words.next()?;
    let path = path.strip_prefix(below).unwrap_or_else(|| panic!("{path} is not below {below}"));
    let mut request = client.request(method, format!("{to}{path}"));
    let mut length = 0;
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().unwrap(),
            "host" => {}
            _ => request = request.header(name, value.trim()),
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    let response = request.body(body).send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Some((status, headers, response.bytes().await.unwrap().to_vec()))
}

/// Writes an answer; whether it was the last on this connection.
async fn written(stream: &mut TcpStream, answer: (u16, HeaderMap, Vec<u8>), manner: Manner) -> bool {
    let (status, headers, body) = answer;
    let version = if matches!(manner, Manner::Old) { "1.0" } else { "1.1" };
    let mut head = String::new();
    if matches!(manner, Manner::Hinting) {
        head.push_str("HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n");
    }
    head.push_str(&format!("HTTP/{version} {status} Whatever\r\n"));
    for (name, value) in headers.iter().filter(|(name, _)| *name != "content-length") {
        let (name, value) = (name.as_str(), value.to_str().unwrap());
        match manner {
            Manner::Verbose if name == "content-type" => {
                head.push_str(&format!("CONTENT-TYPE:{value};charset=UTF-8\r\n"));
            }
            Manner::Verbose => head.push_str(&format!("{}:   {value}  \r\n", name.to_uppercase())),
            _ => head.push_str(&format!("{name}: {value}\r\n")),
        }
    }
    if matches!(manner, Manner::Verbose) {
        (0..50).for_each(|number| head.push_str(&format!("X-{number}: {}\r\n", "x".repeat(100))));
    }
    let mut bytes = Vec::new();
    match manner {
        Manner::Old => bytes.extend_from_slice(&body),
        Manner::Chunked => {
            head.push_str("Transfer-Encoding: chunked\r\n");
            for (number, chunk) in body.chunks(7).enumerate() {
                let extension = if number == 0 { ";of=seven" } else { "" };
                bytes.extend_from_slice(format!("{:X}{extension}\r\n", chunk.len()).as_bytes());
                bytes.extend_from_slice(chunk);
                bytes.extend_from_slice(b"\r\n");
            }
            bytes.extend_from_slice(b"0\r\nServer-Timing: end\r\n\r\n");
        }
        Manner::Closing | Manner::Hinting | Manner::Verbose => {
            head.push_str(&format!("Content-Length: {}\r\n", body.len()));
            bytes.extend_from_slice(&body);
        }
    }
    if matches!(manner, Manner::Closing) {
        head.push_str("Connection: keep-alive\r\n");
    }
    head.push_str("\r\n");
    let sent = async {
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(&bytes).await?;
        stream.flush().await
    };
    sent.await.is_err() || matches!(manner, Manner::Old | Manner::Closing)
}

async fn every_check_passes(context: &Context) {
    for check in smoke::checks() {
        let verdict = check.run(context).await;
        assert_eq!(
            verdict.outcome(),
            Outcome::Pass,
            "{}: {:?} {:#?}",
            check.id,
            verdict.reason(),
            verdict.findings()
        );
    }
}

#[rstest]
#[case::http_1_0(Manner::Old)]
#[case::chunked(Manner::Chunked)]
#[case::keep_alive_closed(Manner::Closing)]
#[case::early_hints(Manner::Hinting)]
#[case::verbose(Manner::Verbose)]
#[tokio::test]
async fn a_right_service_passes_in_whatever_manner_it_speaks(#[case] manner: Manner) {
    let db = Database::seeded().await.unwrap();
    let mut serving = faultless(&db).await;
    let to = serving.context.api.clone().unwrap().base_url;
    serving.context.api = Some(Api { base_url: before(to, manner).await });
    every_check_passes(&serving.context).await;
}

#[tokio::test]
async fn a_base_address_may_be_of_ipv6_and_have_a_path_with_a_slash_at_its_end() {
    let db = Database::seeded().await.unwrap();
    let mut serving = faultless(&db).await;
    let to = serving.context.api.clone().unwrap().base_url;
    let base = at("[::1]:0", "/apex/v1", to, Manner::Chunked).await;
    serving.context.api = Some(Api { base_url: format!(" {base}/apex/v1//\n") });
    every_check_passes(&serving.context).await;
}
