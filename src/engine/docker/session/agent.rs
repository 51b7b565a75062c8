//! Owns `SSH.ForwardAgent`: what a build step says to an SSH agent, carried to the user's own. A step may ask for the
//! keys' names and for signatures; whatever else it asks is refused here, as the docker CLI refuses it.

use super::Progress;
use super::filesync::values;
use bollard_buildkit_proto::moby::sshforward::v1::ssh_server::Ssh;
use bollard_buildkit_proto::moby::sshforward::v1::{BytesMessage, CheckAgentRequest, CheckAgentResponse};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

/// The only agent there is; it is what a mount without an id means.
const ID: &str = "default";
/// The metadata key of the agent's id.
const ID_KEY: &str = "buildkit.ssh.id";
/// Messages of the agent protocol: a length of four bytes, a kind, and the rest.
const LIST: u8 = 11;
const SIGN: u8 = 13;
const FAILURE: [u8; 5] = [0, 0, 0, 1, 5];
/// The longest message of either side; agents take no longer one.
const LONGEST: usize = 256 << 10;

pub(super) struct AgentService {
    socket: PathBuf,
    progress: Arc<Progress>,
}

impl AgentService {
    pub(super) fn new(socket: &Path, progress: Arc<Progress>) -> Self {
        Self { socket: socket.to_owned(), progress }
    }
}

fn known(id: &str) -> Result<(), Status> {
    if id.is_empty() || id == ID {
        return Ok(());
    }
    Err(Status::not_found(format!("the build was given no SSH agent `{id}`, only `{ID}`")))
}

#[tonic::async_trait]
impl Ssh for AgentService {
    async fn check_agent(
        &self,
        request: Request<CheckAgentRequest>,
    ) -> Result<Response<CheckAgentResponse>, Status> {
        known(&request.into_inner().id).map(|()| Response::new(CheckAgentResponse {}))
    }

    type ForwardAgentStream = ReceiverStream<Result<BytesMessage, Status>>;

    async fn forward_agent(
        &self,
        request: Request<Streaming<BytesMessage>>,
    ) -> Result<Response<Self::ForwardAgentStream>, Status> {
        known(&values(request.metadata(), ID_KEY)?.into_iter().next().unwrap_or_default())?;
        let mut agent = UnixStream::connect(&self.socket).await.map_err(|cause| {
            let message = format!("the SSH agent at {} does not answer: {cause}", self.socket.display());
            self.progress.fail(message.clone());
            Status::unavailable(message)
        })?;
        let (answers, stream) = mpsc::channel(1);
        let mut incoming = request.into_inner();
        tokio::spawn(async move {
            let mut questions = Questions::default();
            // A step may end in the middle of a question, and an agent of an answer: then there is nobody to tell.
            while let Ok(Some(piece)) = incoming.message().await {
                questions.0.extend_from_slice(&piece.data);
                while let Some(question) = questions.next() {
                    let Ok(data) = ask(&mut agent, question).await else { return };
                    if answers.send(Ok(BytesMessage { data })).await.is_err() {
                        return;
                    }
                }
            }
        });
        Ok(Response::new(ReceiverStream::new(stream)))
    }
}

/// What a step has said and not yet been answered.
#[derive(Default)]
struct Questions(Vec<u8>);

impl Questions {
    /// The next whole question; one that is too long is cut and so refused.
    fn next(&mut self) -> Option<Vec<u8>> {
        let length = usize::try_from(u32::from_be_bytes(*self.0.first_chunk()?)).unwrap_or(LONGEST);
        if length > LONGEST {
            return Some(std::mem::take(&mut self.0).into_iter().take(4).collect());
        }
        (self.0.len() >= 4 + length).then(|| self.0.drain(..4 + length).collect())
    }
}

/// What the agent answers to a question, or the refusal of it.
async fn ask(agent: &mut UnixStream, question: Vec<u8>) -> std::io::Result<Vec<u8>> {
    if !matches!(question.get(4), Some(&(LIST | SIGN))) {
        return Ok(FAILURE.to_vec());
    }
    agent.write_all(&question).await?;
    let length = agent.read_u32().await?;
    let size = usize::try_from(length).unwrap_or(usize::MAX);
    if size > LONGEST {
        return Err(std::io::Error::other("the answer of the SSH agent is too long"));
    }
    let mut answer = length.to_be_bytes().to_vec();
    answer.resize(4 + size, 0);
    agent.read_exact(&mut answer[4..]).await?;
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u8, rest: &[u8]) -> Vec<u8> {
        let length = u32::try_from(rest.len() + 1).unwrap();
        [&length.to_be_bytes()[..], &[kind], rest].concat()
    }

    #[test]
    fn questions_are_taken_whole_from_pieces() {
        let (list, sign) = (message(LIST, b""), message(SIGN, b"key"));
        let mut questions = Questions::default();
        let mut seen = Vec::new();
        for byte in [list.clone(), sign.clone()].concat() {
            questions.0.push(byte);
            seen.extend(questions.next());
        }
        assert_eq!(seen, [list, sign]);
        let mut endless = Questions(vec![0xff; 9]);
        assert_eq!((endless.next(), endless.next()), (Some(vec![0xff; 4]), None));
    }

    #[tokio::test]
    async fn an_agent_is_asked_for_keys_and_signatures_and_for_nothing_else() {
        let (mut ours, mut agent) = UnixStream::pair().unwrap();
        let echo = tokio::spawn(async move {
            let mut heard = vec![0; 64];
            let mut kinds = Vec::new();
            while let Ok(count @ 1..) = agent.read(&mut heard).await {
                kinds.push(heard[4]);
                agent.write_all(&heard[..count]).await.unwrap();
            }
            kinds
        });
        for kind in 0..=40 {
            let question = message(kind, b"rest");
            let answer = ask(&mut ours, question.clone()).await.unwrap();
            let passed = kind == LIST || kind == SIGN;
            assert_eq!(answer, if passed { question } else { FAILURE.to_vec() }, "{kind}");
        }
        assert_eq!(ask(&mut ours, vec![0, 0, 0, 0]).await.unwrap(), FAILURE);
        drop(ours);
        assert_eq!(echo.await.unwrap(), [LIST, SIGN]);
    }

    #[test]
    fn there_is_one_agent() {
        assert!(known("").is_ok() && known("default").is_ok());
        assert_eq!(
            known("work").unwrap_err().message(),
            "the build was given no SSH agent `work`, only `default`"
        );
    }
}
