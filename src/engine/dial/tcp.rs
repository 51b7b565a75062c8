//! An engine behind a port, plain or encrypted.

use super::Far;
use super::tls::Encryption;
use super::trouble::Trouble;
use crate::engine::endpoint::Tls;
use crate::error::Result;
use std::io::{Error as IoError, ErrorKind};
use tokio::net::TcpStream;

/// The port, and how it is spoken to.
#[derive(Debug)]
pub(super) struct Port {
    host: String,
    port: u16,
    encryption: Option<Encryption>,
}

impl Port {
    pub fn new(host: &str, port: u16, tls: Option<&Tls>) -> Result<Self> {
        let encryption = tls.map(|tls| Encryption::new(host, tls)).transpose()?;
        Ok(Self { host: host.to_owned(), port, encryption })
    }

    pub async fn connect(&self) -> Result<Far, Trouble> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await.map_err(unreachable)?;
        // Small questions and answers go back and forth; it costs speed, and nothing else, if it cannot be set.
        let _ = stream.set_nodelay(true);
        let Some(encryption) = &self.encryption else {
            let (reader, writer) = stream.into_split();
            return Ok(Far { reader: Box::new(reader), writer: Box::new(writer), program: None });
        };
        let stream = encryption.begin(stream).await.map_err(|cause| encryption.why(&cause))?;
        let (reader, writer) = tokio::io::split(stream);
        Ok(Far { reader: Box::new(reader), writer: Box::new(writer), program: None })
    }

    /// Why a connection ended before the engine said anything.
    pub fn why(&self, ended: std::io::Result<()>) -> Trouble {
        let cause = ended.err().unwrap_or_else(|| IoError::from(ErrorKind::UnexpectedEof));
        match &self.encryption {
            Some(encryption) => encryption.why(&cause),
            None if cause.kind() == ErrorKind::InvalidData => Trouble::new(
                "what listens there speaks TLS, and was asked without",
                "set DOCKER_TLS_VERIFY=1, and DOCKER_CERT_PATH to the folder of ca.pem, cert.pem and key.pem",
            ),
            None => Trouble::new(
                "the connection was closed before an answer came",
                "check that an engine listens there; if it wants TLS, set DOCKER_TLS_VERIFY=1 and DOCKER_CERT_PATH",
            ),
        }
    }
}

fn unreachable(cause: IoError) -> Trouble {
    let hint = match cause.kind() {
        ErrorKind::ConnectionRefused => {
            "nothing listens at that port: check it, and that the engine there was started with that address (-H)"
        }
        _ => "check the name and the port, and that the machine is up",
    };
    Trouble::new(cause.to_string(), hint)
}
