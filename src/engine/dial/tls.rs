//! The encryption of a connection to an engine, and what its failures mean.

use super::trouble::Trouble;
use crate::engine::endpoint::Tls;
use crate::error::{Error, Result, files};
use std::io::Error as IoError;
use std::path::Path;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use tokio_rustls::rustls::pki_types::pem::{Error as PemError, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use tokio_rustls::rustls::{
    AlertDescription, CertificateError, ClientConfig, DigitallySignedStruct, Error as TlsError,
    RootCertStore, SignatureScheme,
};

/// Where the files of the encryption come from.
const FILES: &str =
    "DOCKER_CERT_PATH (or the docker context) names the folder of ca.pem, cert.pem and key.pem";

/// How connections are encrypted.
pub(super) struct Encryption {
    connector: TlsConnector,
    name: ServerName<'static>,
    host: String,
    /// Who may sign the engine's certificate, in words.
    trusted: String,
    /// Whether this side has a certificate.
    identified: bool,
}

impl std::fmt::Debug for Encryption {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Encryption").field("host", &self.host).field("trusted", &self.trusted).finish()
    }
}

impl Encryption {
    /// Reads the files.
    ///
    /// # Errors
    /// If one is missing or does not hold what it should.
    pub fn new(host: &str, tls: &Tls) -> Result<Self> {
        let name = ServerName::try_from(host.to_owned()).map_err(|cause| {
            Error::surroundings(format!("`{host}` is no name that a certificate can be for"))
                .because(cause)
                .hint("name the engine's machine by its DNS name or its address")
        })?;
        let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|cause| Error::surroundings("TLS cannot be spoken").because(cause))?;
        let (builder, trusted) = if tls.verify {
            let (roots, trusted) = roots(tls.ca.as_deref())?;
            (builder.with_root_certificates(roots), trusted)
        } else {
            let anybody = Arc::new(Anybody(provider));
            (builder.dangerous().with_custom_certificate_verifier(anybody), "anybody".to_owned())
        };
        let config = match &tls.identity {
            None => builder.with_no_client_auth(),
            Some((cert, key)) => {
                let (chain, private) = identity(cert, key)?;
                builder.with_client_auth_cert(chain, private).map_err(|cause| {
                    Error::surroundings("the client certificate cannot be used")
                        .in_file(cert)
                        .because(cause)
                        .hint(format!("check that {} is its key", key.display()))
                })?
            }
        };
        let connector = TlsConnector::from(Arc::new(config));
        Ok(Self { connector, name, host: host.to_owned(), trusted, identified: tls.identity.is_some() })
    }

    pub async fn begin(&self, stream: TcpStream) -> Result<TlsStream<TcpStream>, IoError> {
        self.connector.connect(self.name.clone(), stream).await
    }

    /// What a failure means, and what to do about it.
    pub fn why(&self, cause: &IoError) -> Trouble {
        match cause.get_ref().and_then(|inner| inner.downcast_ref::<TlsError>()) {
            Some(TlsError::InvalidCertificate(reason)) => self.distrusted(reason),
            Some(TlsError::AlertReceived(alert)) => self.turned_away(*alert),
            Some(TlsError::InvalidMessage(_)) => Trouble::new(
                "what listens there does not speak TLS",
                "check the port (2376 is the usual one for TLS), or unset DOCKER_TLS_VERIFY and DOCKER_TLS if the engine \
                 is to be asked without",
            ),
            Some(other) => Trouble::new(format!("TLS failed: {other}"), FILES),
            // An engine that turns a client away may close before its reason arrives.
            None if !self.identified => Trouble::new(
                "the connection was closed before an answer came, and no client certificate was sent",
                format!("if the engine wants one, put cert.pem and key.pem where {FILES}"),
            ),
            None => Trouble::new(
                format!("the connection was closed before an answer came: {cause}"),
                "check that an engine listens there, and its log",
            ),
        }
    }

    /// This side does not take the engine's certificate.
    fn distrusted(&self, reason: &CertificateError) -> Trouble {
        use CertificateError as Reason;
        let (host, trusted) = (&self.host, &self.trusted);
        match reason {
            Reason::UnknownIssuer | Reason::BadSignature => Trouble::new(
                format!("the engine's certificate is not signed by {trusted}"),
                format!("take the ca.pem that belongs to this engine; {FILES}"),
            ),
            Reason::NotValidForName | Reason::NotValidForNameContext { .. } => Trouble::new(
                format!("the engine's certificate is for another name than `{host}`: {reason}"),
                "name the engine's machine as its certificate does, or have one made for this name (subjectAltName)",
            ),
            Reason::Expired | Reason::ExpiredContext { .. } => Trouble::new(
                format!("the engine's certificate has expired: {reason}"),
                "have a new one made for the engine, or set this machine's clock",
            ),
            Reason::NotValidYet | Reason::NotValidYetContext { .. } => Trouble::new(
                format!("the engine's certificate is not valid yet: {reason}"),
                "set this machine's clock, or the engine's certificate",
            ),
            _ => Trouble::new(
                format!("the engine's certificate cannot be trusted: {reason}"),
                format!("have another one made for the engine; {FILES}"),
            ),
        }
    }

    /// The engine does not take this side, and says so before it closes.
    fn turned_away(&self, alert: AlertDescription) -> Trouble {
        use AlertDescription as Alert;
        let about_certificates = matches!(
            alert,
            Alert::CertificateRequired
                | Alert::BadCertificate
                | Alert::NoCertificate
                | Alert::UnsupportedCertificate
                | Alert::CertificateRevoked
                | Alert::CertificateExpired
                | Alert::CertificateUnknown
                | Alert::UnknownCA
                | Alert::AccessDenied
                | Alert::DecryptError
                | Alert::HandshakeFailure
        );
        match (about_certificates, self.identified) {
            (true, false) => Trouble::new(
                format!("the engine wants a client certificate, and none was sent (alert {alert:?})"),
                format!("put cert.pem and key.pem there: {FILES}"),
            ),
            (true, true) => Trouble::new(
                format!("the engine does not take the client certificate (alert {alert:?})"),
                format!("take one that its authority signed and that has not expired; {FILES}"),
            ),
            (false, _) => {
                Trouble::new(format!("the engine broke off TLS (alert {alert:?})"), "see the engine's log")
            }
        }
    }
}

fn unread(what: &str, file: &Path, cause: PemError) -> Error {
    Error::surroundings(format!("the file holds no {what}")).in_file(file).because(cause).hint(FILES)
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let text = files::read(file).map_err(|error| error.hint(FILES))?;
    let found = CertificateDer::pem_slice_iter(&text).collect::<Result<Vec<_>, _>>();
    let found = found.map_err(|cause| unread("certificate", file, cause))?;
    if found.is_empty() { Err(unread("certificate", file, PemError::NoItemsFound)) } else { Ok(found) }
}

fn identity(cert: &Path, key: &Path) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)> {
    let text = files::read(key).map_err(|error| error.hint(FILES))?;
    let private = PrivateKeyDer::from_pem_slice(&text)
        .map_err(|cause| unread("private key that is not encrypted", key, cause))?;
    Ok((certificates(cert)?, private))
}

/// Who may sign the engine's certificate: those of the file, else those whom this machine trusts.
fn roots(ca: Option<&Path>) -> Result<(RootCertStore, String)> {
    let mut roots = RootCertStore::empty();
    let Some(file) = ca else {
        let found = rustls_native_certs::load_native_certs();
        roots.add_parsable_certificates(found.certs);
        return Ok((roots, "an authority that this machine trusts".to_owned()));
    };
    for certificate in certificates(file)? {
        roots.add(certificate).map_err(|cause| {
            Error::surroundings("the certificate is none of an authority")
                .in_file(file)
                .because(cause)
                .hint(FILES)
        })?;
    }
    Ok((roots, format!("the authority in {}", file.display())))
}

/// Takes any certificate, as DOCKER_TLS and `SkipTLSVerify` ask for: encrypted, and to whom nobody knows.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls12_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls13_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
