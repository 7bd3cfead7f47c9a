//! The metrics over HTTP, for a Prometheus on this machine.

use std::convert::Infallible;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::control::Asked;
use crate::control::{Answer, Ask};

/// How many connections are served at once; further ones wait in the system's queue.
const MOST_CLIENTS: usize = 8;

/// How long a connection may last.
const LONGEST: Duration = Duration::from_secs(10);

/// The listener of a configuration, if it wants one.
#[derive(Debug)]
pub(crate) struct Exporter {
    asks: mpsc::Sender<Asked>,
    listening: Option<(SocketAddr, JoinHandle<()>)>,
}

impl Exporter {
    /// One that listens nowhere yet; it gets its answers through `asks`.
    pub(crate) fn new(asks: mpsc::Sender<Asked>) -> Self {
        Self { asks, listening: None }
    }

    /// Listens at `address` from now on, or nowhere.
    ///
    /// # Errors
    /// The address cannot be used; then nothing listens.
    pub(crate) fn listen(&mut self, address: Option<SocketAddr>) -> Result<(), String> {
        if self.listening.as_ref().map(|(address, _)| *address) == address {
            return Ok(());
        }
        if let Some((_, task)) = self.listening.take() {
            task.abort();
        }
        let Some(address) = address else { return Ok(()) };
        let listener = bind(address).map_err(|error| {
            format!("metrics.listen {address}: {error}; the metrics are available with `carpctl metrics` only")
        })?;
        self.listening = Some((address, tokio::spawn(serve(listener, self.asks.clone()))));
        Ok(())
    }
}

fn bind(address: SocketAddr) -> std::io::Result<TcpListener> {
    let listener = StdListener::bind(address)?;
    listener.set_nonblocking(true)?;
    TcpListener::from_std(listener)
}

async fn serve(listener: TcpListener, asks: mpsc::Sender<Asked>) {
    let places = Arc::new(Semaphore::new(MOST_CLIENTS));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let asks = asks.clone();
                tokio::spawn(async move {
                    let _ = timeout(LONGEST, connection(stream, asks)).await;
                    drop(place);
                });
            }
            // No file descriptor left, or the client was gone before it was accepted.
            Err(_) => sleep(Duration::from_millis(100)).await,
        }
    }
}

/// Serves one connection to its end.
pub(super) async fn connection(stream: impl AsyncRead + AsyncWrite + Unpin, asks: mpsc::Sender<Asked>) {
    let mut http = http1::Builder::new();
    http.keep_alive(false).timer(TokioTimer::new()).header_read_timeout(Duration::from_secs(2)).max_buf_size(16 << 10);
    let service = service_fn(|request| answer(request, asks.clone()));
    // A client that breaks off, or does not speak HTTP, is its own problem.
    let _ = http.serve_connection(TokioIo::new(stream), service).await;
}

async fn answer(request: Request<Incoming>, asks: mpsc::Sender<Asked>) -> Result<Response<Full<Bytes>>, Infallible> {
    let mut response = Response::new(Full::default());
    if request.uri().path() != "/metrics" {
        *response.status_mut() = StatusCode::NOT_FOUND;
        *response.body_mut() = Full::from("the metrics are at /metrics\n");
    } else if request.method() != Method::GET && request.method() != Method::HEAD {
        *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    } else if let Some(text) = metrics(&asks).await {
        let text_format = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
        response.headers_mut().insert(CONTENT_TYPE, text_format);
        *response.body_mut() = Full::from(text);
    } else {
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    }
    Ok(response)
}

async fn metrics(asks: &mpsc::Sender<Asked>) -> Option<String> {
    let (answer, wait) = oneshot::channel();
    asks.send(Asked::Question { ask: Ask::Metrics, by: String::new(), answer }).await.ok()?;
    match wait.await.ok()? {
        Answer::Text { text } => Some(text),
        _ => None,
    }
}
