//! Asks configd, OPNsense's daemon for actions as root.
//!
//! configd(8) is spoken to over a UNIX stream socket: the client writes one line with the words of an action, of which configd reads at
//! most 4 KiB at once, and reads the answer until configd closes the connection. The answer ends with three NUL bytes
//! (`service/modules/processhandler.py` of opnsense/core). What an action's exit code was is said in words.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::process::Ended;

/// An action that starts or stops something has little to say.
const LONGEST_ANSWER: u64 = 64 * 1024;

const END: &[u8] = b"\0\0\0";

/// An action under way in configd.
#[derive(Debug)]
pub(super) struct Call {
    task: JoinHandle<Ended>,
}

impl Call {
    /// Asks for `action`.
    pub(super) fn begin(socket: &Path, action: &str) -> Self {
        let (socket, action) = (socket.to_owned(), action.to_owned());
        Self { task: tokio::spawn(async move { ask(socket, &action).await.unwrap_or_else(Ended::Unknown) }) }
    }

    /// Waits for its end for at most `limit`; `None` if it has not ended by then.
    pub(super) async fn wait(&mut self, limit: Duration) -> Option<Ended> {
        let ended = timeout(limit, &mut self.task).await.ok()?;
        Some(ended.unwrap_or_else(|error| Ended::Unknown(error.to_string())))
    }

    /// Hangs up. configd goes on with the action: it offers nobody a way to end one.
    pub(super) fn hang_up(self) {
        self.task.abort();
    }
}

async fn ask(socket: PathBuf, action: &str) -> Result<Ended, String> {
    let shown = socket.display();
    let mut stream = UnixStream::connect(&socket)
        .await
        .map_err(|error| format!("configd cannot be reached at {shown}: {error}; run `service configd restart`"))?;
    let broken = |error| format!("the connection to configd at {shown} broke: {error}");
    stream.write_all(action.as_bytes()).await.map_err(broken)?;
    let mut answer = Vec::new();
    let mut bounded = stream.take(LONGEST_ANSWER);
    while !answer.ends_with(END) {
        if bounded.read_buf(&mut answer).await.map_err(broken)? == 0 {
            let why = if bounded.limit() == 0 { "has no end" } else { "broke off" };
            return Err(format!("configd's answer to `{action}` {why}; its log says more"));
        }
    }
    answer.truncate(answer.len() - END.len());
    judge(action, String::from_utf8_lossy(&answer).trim())
}

/// An action of the type `script` is answered with `OK` or `Error (n)`; the others say whatever their program says.
fn judge(action: &str, answer: &str) -> Result<Ended, String> {
    if let Some(code) = answer.strip_prefix("Error (").and_then(|rest| rest.strip_suffix(')')) {
        return Ok(code.parse().map_or_else(|_| Ended::Unknown(format!("configd answered {answer:?}")), Ended::Exited));
    }
    match answer {
        "Action not allowed or missing" | "Action not found" => Err(format!(
            "configd has no action `{action}`, or does not allow it; after a plugin was installed, run `service configd restart`"
        )),
        "Execute error" | "Parameter mismatch" | "no data" => {
            Err(format!("configd could not run `{action}`: {answer}; its log says why"))
        }
        _ => Ok(Ended::Exited(0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::os::unix::net::UnixListener;
    use std::sync::mpsc;

    /// A configd that says `answer` and closes, and what it was asked.
    async fn asked(answer: &'static [u8]) -> (Ended, String) {
        let directory = tempfile::tempdir().unwrap();
        let socket = directory.path().join("configd.socket");
        let listener = UnixListener::bind(&socket).unwrap();
        let (tell, told) = mpsc::channel();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut question = [0; 4096];
            let length = stream.read(&mut question).unwrap();
            tell.send(String::from_utf8(question[..length].to_vec()).unwrap()).unwrap();
            // Whoever hangs up early is no failure of the test.
            let _ = stream.write_all(answer);
        });
        let ended = Call::begin(&socket, "defguardgateway start").wait(Duration::from_secs(20)).await.unwrap();
        (ended, told.recv().unwrap())
    }

    fn why(ended: Ended) -> String {
        match ended {
            Ended::Unknown(why) => why,
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn the_words_of_the_answer_decide() {
        assert_eq!(asked(b"OK\n\n\0\0\0").await, (Ended::Exited(0), "defguardgateway start".into()));
        assert_eq!(asked(b"Error (1)\n\n\0\0\0").await.0, Ended::Exited(1));
        assert_eq!(asked(b"it is running as pid 7\n\n\0\0\0").await.0, Ended::Exited(0));
        assert!(why(asked(b"Action not allowed or missing\n\n\n\0\0\0").await.0).contains("service configd restart"));
        assert!(why(asked(b"Execute error\n\n\0\0\0").await.0).contains("`defguardgateway start`"));
    }

    #[tokio::test]
    async fn an_answer_without_an_end_is_none() {
        for answer in [b"".as_slice(), b"OK\n\n", b"OK\n\n\0\0"] {
            assert!(why(asked(answer).await.0).contains("broke off"));
        }
        assert!(why(asked(&[b'x'; 100_000]).await.0).contains("has no end"));
    }

    #[tokio::test]
    async fn a_configd_that_is_down_is_said_with_its_socket_and_what_to_do() {
        let said = why(Call::begin(Path::new("/nonexistent"), "x start").wait(Duration::from_secs(20)).await.unwrap());
        assert!(said.contains("/nonexistent") && said.contains("service configd restart"), "{said}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_configd_that_never_answers_is_waited_for_no_longer_than_the_limit() {
        let directory = tempfile::tempdir().unwrap();
        let socket = directory.path().join("configd.socket");
        let _listener = UnixListener::bind(&socket).unwrap();
        let mut call = Call::begin(&socket, "x start");
        assert_eq!(call.wait(Duration::from_secs(10)).await, None);
        call.hang_up();
    }
}
