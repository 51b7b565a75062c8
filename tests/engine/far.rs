//! Endpoints that stand before the engine of the lane: a port, plain or encrypted, whose certificates are made here.

use crate::lane::Lane;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

/// An authority that signs certificates.
pub struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its key, as text.
pub struct Identity {
    cert: String,
    key: String,
}

impl Authority {
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { pem, issuer: Issuer::new(params, key) }
    }

    /// A certificate for an engine at that name, or for a client.
    pub fn issue(&self, name: &str, expired: bool) -> Identity {
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        if expired {
            (params.not_before, params.not_after) = (date_time_ymd(2001, 1, 1), date_time_ymd(2002, 1, 1));
        }
        let key = KeyPair::generate().unwrap();
        let cert = params.signed_by(&key, &self.issuer).unwrap().pem();
        Identity { cert, key: key.serialize_pem() }
    }

    /// A folder as DOCKER_CERT_PATH names one.
    pub fn folder(&self, path: PathBuf, client: Option<&Identity>) -> PathBuf {
        fs::create_dir_all(&path).unwrap();
        fs::write(path.join("ca.pem"), &self.pem).unwrap();
        if let Some(Identity { cert, key }) = client {
            fs::write(path.join("cert.pem"), cert).unwrap();
            fs::write(path.join("key.pem"), key).unwrap();
        }
        path
    }

    /// What an engine does that wants clients of this authority.
    pub fn acceptor(&self, engine: &Identity) -> TlsAcceptor {
        let provider = Arc::new(default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.pem.as_bytes()).unwrap()).unwrap();
        let clients = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
        let chain = vec![CertificateDer::from_pem_slice(engine.cert.as_bytes()).unwrap()];
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(clients.build().unwrap())
            .with_single_cert(chain, PrivateKeyDer::from_pem_slice(engine.key.as_bytes()).unwrap())
            .unwrap();
        TlsAcceptor::from(Arc::new(config))
    }
}

/// Serves a port of loopback until the lane ends, and carries every connection to the lane's engine.
pub fn serve(lane: &Lane, acceptor: Option<TlsAcceptor>) -> u16 {
    let socket = lane.engine.socket().to_owned();
    lane.wait_for(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (socket, acceptor) = (socket.clone(), acceptor.clone());
                tokio::spawn(async move {
                    match acceptor {
                        None => carry(stream, &socket).await,
                        // Whoever is turned away was told why.
                        Some(acceptor) => {
                            if let Ok(stream) = acceptor.accept(stream).await {
                                carry(stream, &socket).await;
                            }
                        }
                    }
                });
            }
        });
        port
    })
}

async fn carry(mut client: impl AsyncRead + AsyncWrite + Unpin, socket: &Path) {
    let mut engine = UnixStream::connect(socket).await.unwrap();
    // Its end is that of the connection, whichever side it came from.
    let _ = tokio::io::copy_bidirectional(&mut client, &mut engine).await;
}
