//! Asks over HTTP and judges the status code; what follows the head of the answer is not read.

use std::time::Duration;

use http_body_util::Empty;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{CONNECTION, HOST, USER_AGENT};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::Health;
use crate::config::settings::HttpProbe;
use crate::core::probe::Reading;

/// The longest head of an answer, in bytes. An answer that goes on for longer is no answer.
const LONGEST_HEAD: usize = 16 << 10;

/// The most header lines of an answer.
const MOST_HEADERS: usize = 64;

pub(super) async fn look(probe: &HttpProbe, limit: Duration) -> Health {
    let url = &probe.url;
    let unhealthy = |text| Health { reading: Reading::Unhealthy, text };
    match timeout(limit, ask(probe)).await {
        Ok(Ok(status)) => {
            Health { reading: probe.reading(status.as_u16()), text: format!("{url} answers {}", status.as_u16()) }
        }
        Ok(Err(why)) => unhealthy(format!("{url}: {why}")),
        Err(_) => unhealthy(format!("{url} did not answer within {limit:?}")),
    }
}

async fn ask(probe: &HttpProbe) -> Result<StatusCode, String> {
    let url = &probe.url;
    let stream = TcpStream::connect(url.address).await.map_err(|error| format!("cannot be connected to: {error}"))?;
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(LONGEST_HEAD)
        .max_headers(MOST_HEADERS)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| error.to_string())?;
    let request = Request::get(url.path.as_str())
        .header(HOST, url.address.to_string())
        .header(USER_AGENT, concat!("carpd/", env!("CARGO_PKG_VERSION")))
        .header(CONNECTION, "close")
        .body(Empty::<Bytes>::new())
        .map_err(|error| error.to_string())?;
    let mut answer = std::pin::pin!(sender.send_request(request));
    // The connection is driven here and not by a task of its own, so that it ends with the probe's limit. It may end before
    // the answer is taken, and hands the answer, or the reason why there is none, over when it does.
    let answer = tokio::select! {
        biased;
        answer = &mut answer => answer,
        _ = connection => answer.await,
    };
    answer.map(|answer| answer.status()).map_err(|error| told(&error))
}

/// The error with its cause: hyper's own texts leave the cause out.
fn told(error: &hyper::Error) -> String {
    use std::error::Error as _;
    error.source().map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::settings::StatusRange;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    const SECOND: Duration = Duration::from_secs(10);

    /// A server that says the same to everybody.
    async fn server(answer: Vec<u8>, then_close: bool) -> HttpProbe {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/health", listener.local_addr().unwrap()).parse().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let answer = answer.clone();
                tokio::spawn(async move {
                    let _ = stream.read(&mut [0; 1024]).await;
                    let _ = stream.write_all(&answer).await;
                    if !then_close {
                        std::future::pending::<()>().await;
                    }
                });
            }
        });
        HttpProbe { url, healthy: vec![StatusRange::SUCCESS], ignored: vec!["503".parse().unwrap()] }
    }

    #[tokio::test]
    async fn the_status_code_decides_and_the_body_is_not_waited_for() {
        for (code, reading) in
            [(200, Reading::Healthy), (204, Reading::Healthy), (503, Reading::Ignored), (500, Reading::Unhealthy)]
        {
            let answer = format!("HTTP/1.1 {code} x\r\nContent-Length: 1000000\r\n\r\nbegin");
            let health = look(&server(answer.into_bytes(), false).await, SECOND).await;
            assert_eq!(health.reading, reading, "{health:?}");
            assert!(health.text.ends_with(&format!("/health answers {code}")), "{health:?}");
        }
    }

    #[tokio::test]
    async fn headers_without_end_are_no_answer() {
        let mut endless = b"HTTP/1.1 200 OK\r\n".to_vec();
        endless.extend(b"X-More: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n".repeat(10_000));
        let health = look(&server(endless, false).await, SECOND).await;
        assert_eq!(health.reading, Reading::Unhealthy, "{health:?}");
        let mut one = b"HTTP/1.1 200 OK\r\nX: ".to_vec();
        one.extend(b"a".repeat(1 << 20));
        let health = look(&server(one, false).await, SECOND).await;
        assert_eq!(health.reading, Reading::Unhealthy, "{health:?}");
    }

    #[tokio::test]
    async fn garbage_and_silence_are_unhealthy_and_say_why() {
        for (answer, close, word) in
            [(&b"SSH-2.0-x\r\n"[..], false, "invalid HTTP version"), (b"", true, "before message completed")]
        {
            let health = look(&server(answer.to_vec(), close).await, SECOND).await;
            assert_eq!(health.reading, Reading::Unhealthy);
            assert!(health.text.contains(word), "{health:?}");
        }
    }

    /// A server that does `talk` with the first that connects.
    async fn talker<F: Future<Output = ()> + Send + 'static>(
        talk: impl FnOnce(TcpStream) -> F + Send + 'static,
    ) -> HttpProbe {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/health", listener.local_addr().unwrap()).parse().unwrap();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.read(&mut [0; 1024]).await;
            talk(stream).await;
        });
        HttpProbe { url, healthy: vec![StatusRange::SUCCESS], ignored: Vec::new() }
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_trickles_or_never_gets_to_the_point_is_unhealthy_at_the_limit() {
        let limit = Duration::from_secs(5);
        let trickles = talker(|mut stream| async move {
            for byte in b"HTTP/1.1 200 OK\r\n".iter().chain(b"X: aaaa\r\n".repeat(1000).iter()) {
                tokio::time::sleep(Duration::from_millis(900)).await;
                if stream.write_all(&[*byte]).await.is_err() {
                    return;
                }
            }
        });
        let promises = talker(|mut stream| async move {
            while stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(900)).await;
            }
        });
        for probe in [trickles.await, promises.await] {
            let health = look(&probe, limit).await;
            assert_eq!(health.reading, Reading::Unhealthy);
            assert!(health.text.ends_with("did not answer within 5s"), "{health:?}");
        }
    }

    #[tokio::test]
    async fn a_connection_that_is_reset_is_unhealthy_before_and_amid_the_answer() {
        for begun in [&b""[..], b"HTTP/1.1 200 OK\r\nX: y\r\n"] {
            let probe = talker(move |mut stream| async move {
                let _ = stream.write_all(begun).await;
                stream.set_zero_linger().unwrap();
            });
            let health = look(&probe.await, SECOND).await;
            assert_eq!(health.reading, Reading::Unhealthy, "{health:?}");
            assert!(health.text.contains("reset"), "{health:?}");
        }
    }

    #[tokio::test]
    async fn a_redirect_is_judged_by_its_code_and_not_followed() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let answer = format!("HTTP/1.1 302 Found\r\nLocation: http://{}/\r\n\r\n", listener.local_addr().unwrap());
        let health = look(&server(answer.into_bytes(), true).await, SECOND).await;
        assert_eq!(health.reading, Reading::Unhealthy, "{health:?}");
        assert!(health.text.ends_with("answers 302"), "{health:?}");
        assert!(timeout(Duration::from_millis(1), listener.accept()).await.is_err(), "it was followed");
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_never_answers_is_unhealthy_at_the_limit() {
        let health = look(&server(Vec::new(), false).await, Duration::from_millis(300)).await;
        assert_eq!(health.reading, Reading::Unhealthy);
        assert!(health.text.contains("did not answer within 300ms"), "{health:?}");
    }
}
