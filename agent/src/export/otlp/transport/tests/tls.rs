//! Receivers over TLS that demand a certificate of their clients.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use tonic::transport::{Certificate, Identity, ServerTlsConfig};

use super::*;
use crate::config::{self, Config, Environment, Settings};

/// An authority, and what it signed.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// A certificate for `localhost`, and its key.
    fn signed(&self) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        (params.signed_by(&key, &self.issuer).unwrap().pem(), key.serialize_pem())
    }
}

/// What is configured with these files.
fn configured(
    endpoint: &str,
    protocol: OtlpProtocol,
    trusted: &str,
    client: Option<&(String, String)>,
) -> Otlp {
    static FOLDERS: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
    let number = FOLDERS.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let folder = std::env::temp_dir().join(format!("spanwire-tls-{}-{number}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let mut environment = Environment::new();
    let mut set = |name: &str, value: String| environment.insert(format!("OTEL_EXPORTER_OTLP_{name}"), value);
    set("ENDPOINT", endpoint.to_owned());
    set("PROTOCOL", protocol.to_string());
    set("CERTIFICATE", file("ca.pem", trusted));
    if let Some((certificate, key)) = client {
        set("CLIENT_CERTIFICATE", file("client.pem", certificate));
        set("CLIENT_KEY", file("client.key", key));
    }
    let config = Config::resolve(&Settings::default(), None, &environment).unwrap();
    std::fs::remove_dir_all(folder).unwrap();
    let [config::Receiver { traces, .. }] = <[_; 1]>::try_from(config.otlp).unwrap();
    traces.unwrap()
}

/// Serves with a certificate of the one authority to clients with one of the other.
fn https_server(servers: &Authority, clients: &Authority) -> (String, Receiver<Got>) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(clients.pem.as_bytes()).unwrap()).unwrap();
    let verifier = WebPkiClientVerifier::builder(Arc::new(roots)).build().unwrap();
    let (certificate, key) = servers.signed();
    let chain = vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
    let config = rustls::ServerConfig::builder()
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key)
        .unwrap();
    let config = Arc::new(config);
    let wrap = move |stream| {
        let connection = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
        rustls::StreamOwned::new(connection, stream)
    };
    let (address, got) = serve(wrap, "200 OK", b"");
    (format!("https://localhost:{}", address.port()), got)
}

async fn grpcs_server(servers: &Authority, clients: &Authority) -> String {
    let (certificate, key) = servers.signed();
    let tls = ServerTlsConfig::new()
        .identity(Identity::from_pem(certificate, key))
        .client_ca_root(Certificate::from_pem(&clients.pem));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let service = TraceServiceServer::new(Grpc(Ok(ExportTraceServiceResponse::default()), channel().0));
    let server = Server::builder().tls_config(tls).unwrap().add_service(service);
    tokio::spawn(server.serve_with_incoming(TcpIncoming::from(listener)));
    format!("https://localhost:{port}")
}

#[tokio::test]
async fn who_demands_a_client_certificate_gets_it_and_nobody_else_is_trusted() {
    let (servers, clients, others) = (Authority::new(), Authority::new(), Authority::new());
    let (known, unknown) = (clients.signed(), others.signed());
    for protocol in [HTTP, GRPC] {
        let endpoint = match protocol {
            GRPC => grpcs_server(&servers, &clients).await,
            _ => https_server(&servers, &clients).0,
        };
        let sent = async |trusted: &Authority, client| {
            send(&configured(&endpoint, protocol, &trusted.pem, client)).await
        };
        assert_eq!(sent(&servers, Some(&known)).await, Ok(Taken::default()), "{protocol}");
        for (trusted, client) in [(&servers, None), (&servers, Some(&unknown)), (&others, Some(&known))] {
            let failure = sent(trusted, client).await.unwrap_err();
            assert!(matches!(failure, Failure::Unreachable { .. }), "{protocol}: {failure}");
        }
    }
}
