//! Why a connection to an engine did not come about, in words for the user, and as the answer that its client gets.

/// What went wrong, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// What went wrong.
    pub cause: String,
    /// What to do next.
    pub hint: String,
}

impl Trouble {
    pub(super) fn new(cause: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { cause: cause.into(), hint: hint.into() }
    }

    /// An answer in the form of an engine's errors, so that whoever asked tells the cause as it tells those.
    pub(super) fn answer(&self) -> String {
        let body = serde_json::json!({ "message": self.cause }).to_string();
        format!(
            "HTTP/1.1 502 Bad Gateway\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: {}\r\n\r\n\
             {body}",
            body.len()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_has_the_form_of_an_engines() {
        let answer = Trouble::new("it said \"no\"", "ask again").answer();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 502 Bad Gateway\r\n"), "{head}");
        assert!(head.ends_with(&format!("Content-Length: {}", body.len())), "{head}");
        assert_eq!(body, r#"{"message":"it said \"no\""}"#);
    }
}
