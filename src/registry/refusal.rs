//! How the registry says no: a status, the specification's code, and a sentence that tells what was wrong.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

/// The codes of the specification that this registry has a use for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Code {
    BlobUnknown,
    BlobUploadInvalid,
    BlobUploadUnknown,
    DigestInvalid,
    ManifestBlobUnknown,
    ManifestInvalid,
    ManifestUnknown,
    NameInvalid,
    NameUnknown,
    SizeInvalid,
    Unsupported,
    /// Not in the specification: the registry itself failed.
    Unknown,
}

impl Code {
    fn text(self) -> &'static str {
        match self {
            Self::BlobUnknown => "BLOB_UNKNOWN",
            Self::BlobUploadInvalid => "BLOB_UPLOAD_INVALID",
            Self::BlobUploadUnknown => "BLOB_UPLOAD_UNKNOWN",
            Self::DigestInvalid => "DIGEST_INVALID",
            Self::ManifestBlobUnknown => "MANIFEST_BLOB_UNKNOWN",
            Self::ManifestInvalid => "MANIFEST_INVALID",
            Self::ManifestUnknown => "MANIFEST_UNKNOWN",
            Self::NameInvalid => "NAME_INVALID",
            Self::NameUnknown => "NAME_UNKNOWN",
            Self::SizeInvalid => "SIZE_INVALID",
            Self::Unsupported => "UNSUPPORTED",
            Self::Unknown => "UNKNOWN",
        }
    }

    fn status(self) -> StatusCode {
        match self {
            Self::BlobUnknown
            | Self::BlobUploadUnknown
            | Self::ManifestUnknown
            | Self::ManifestBlobUnknown
            | Self::NameUnknown => StatusCode::NOT_FOUND,
            Self::SizeInvalid => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Unsupported => StatusCode::METHOD_NOT_ALLOWED,
            Self::Unknown => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}

/// An answer that refuses.
#[derive(Debug)]
pub(super) struct Refusal(Box<Parts>);

#[derive(Debug)]
struct Parts {
    status: StatusCode,
    code: Code,
    message: String,
    headers: HeaderMap,
}

/// What every handler comes to.
pub(super) type Answer<T = Response> = Result<T, Refusal>;

impl Refusal {
    pub(super) fn new(code: Code, message: impl Into<String>) -> Self {
        let (status, headers) = (code.status(), HeaderMap::new());
        Self(Box::new(Parts { status, code, message: message.into(), headers }))
    }

    /// Another status than the one that usually goes with the code.
    pub(super) fn status(mut self, status: StatusCode) -> Self {
        self.0.status = status;
        self
    }

    /// Whether the client was too slow.
    pub(super) fn is_late(&self) -> bool {
        self.0.status == StatusCode::REQUEST_TIMEOUT
    }

    pub(super) fn header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.0.headers.insert(name, value);
        }
        self
    }
}

/// What fails below the protocol is a failure of the registry: a full disk, a folder that is gone.
impl From<crate::error::Error> for Refusal {
    fn from(error: crate::error::Error) -> Self {
        Self::new(Code::Unknown, error.reason())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let Parts { status, code, message, headers } = *self.0;
        let said = serde_json::json!({ "errors": [{ "code": code.text(), "message": message }] });
        let mut response = Response::new(Body::from(said.to_string()));
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        let json = HeaderValue::from_static("application/json");
        response.headers_mut().insert(header::CONTENT_TYPE, json);
        response
    }
}
