//! The server that plays staging: TLS with certificates of our own making, and two roles.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use harness::{Server, ServerOptions};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use runbook::settings::Settings;

/// The password of the role that may only read.
pub(crate) const READER: &str = "only-to-read-7f3a";
/// The password of the role that may write.
pub(crate) const WRITER: &str = "may-write-91bc";
/// Another password, of nobody.
pub(crate) const WRONG: &str = "not-the-one-55d0";

/// A certificate authority, and the certificate it signed for a server.
pub(crate) struct Certificates {
    pub(crate) authority: String,
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl Certificates {
    /// For these host names and addresses, until the end of `last_year`.
    pub(crate) fn for_hosts(hosts: &[&str], last_year: i32) -> Self {
        let mut authority = CertificateParams::new(Vec::new()).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.distinguished_name.push(rcgen::DnType::CommonName, "an authority of a test");
        authority.not_before = date_time_ymd(2020, 1, 1);
        authority.not_after = date_time_ymd(2120, 1, 1);
        let authority_key = KeyPair::generate().unwrap();
        let authority_certificate = authority.self_signed(&authority_key).unwrap();
        let issuer = Issuer::new(authority, authority_key);
        let names: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
        let mut server = CertificateParams::new(names).unwrap();
        server.not_before = date_time_ymd(2020, 1, 1);
        server.not_after = date_time_ymd(last_year, 12, 31);
        let key = KeyPair::generate().unwrap();
        let certificate = server.signed_by(&key, &issuer).unwrap();
        Self {
            authority: authority_certificate.pem(),
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        }
    }

    /// Right in every way.
    pub(crate) fn good() -> Self {
        Self::for_hosts(&["127.0.0.1", "localhost"], 2119)
    }

    /// The authority's certificate as a file.
    pub(crate) fn authority_file(&self, folder: &Path) -> PathBuf {
        let path = folder.join("authority.pem");
        std::fs::write(&path, &self.authority).unwrap();
        path
    }

    /// A server that shows this certificate and writes down every statement with who sent it.
    pub(crate) fn server(&self) -> ServerOptions {
        Server::options()
            .tls(self.certificate.clone(), self.key.clone())
            .setting("log_statement", "all")
            .setting("log_line_prefix", super::log::PREFIX)
    }
}

/// Staging: the schema at its head, the seed rows, and the roles `reader` and `writer`.
pub(crate) async fn staging(certificates: &Certificates) -> Server {
    let server = certificates.server().start().await.unwrap();
    let database = server.create("apex").await.unwrap();
    let settings: Arc<Settings> = harness::settings();
    let migrator = migrations::open(&settings).unwrap();
    migrator.upgrade(database.url(), migrator.head().unwrap()).await.unwrap();
    for seed in &settings.data.seeds {
        let text = std::fs::read_to_string(settings.path(seed)).unwrap();
        server.execute("apex", &text).await.unwrap();
    }
    let roles = format!(
        "CREATE ROLE reader LOGIN PASSWORD '{READER}';
         CREATE ROLE writer LOGIN PASSWORD '{WRITER}' CREATEDB CREATEROLE;
         GRANT pg_monitor TO reader, writer;
         GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader;
         GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO reader;
         GRANT ALL ON ALL TABLES IN SCHEMA public TO writer;
         GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO writer;
         GRANT ALL ON SCHEMA public TO writer;
         GRANT ALL ON DATABASE apex TO writer;
         ANALYZE"
    );
    server.execute("apex", &roles).await.unwrap();
    server
}

/// The address of the database for a role, as `--database-url` would have it.
pub(crate) fn address(server: &Server, role: &str, password: &str, authority: &Path) -> String {
    format!(
        "postgres://{role}:{password}@127.0.0.1:{}/apex?sslmode=verify-full&sslrootcert={}",
        server.port(),
        authority.display()
    )
}
