//! `GET /health`, as a gateway answers it: 200 with a core, 503 without.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

/// How long one that asks may take for it. There is one thread, and nobody may keep it from the others for long.
const PATIENCE: Duration = Duration::from_secs(1);

/// As much of a question as is read, in bytes.
const LONGEST_HEAD: u64 = 8 << 10;

/// Answers at `address` from now on, with what `connected` says at that moment.
pub(super) fn answer(address: SocketAddr, connected: Arc<AtomicBool>) -> io::Result<()> {
    let listener = TcpListener::bind(address)?;
    thread::spawn(move || {
        for stream in listener.incoming() {
            match stream {
                // Whoever asks wrongly, or goes away, has no answer.
                Ok(stream) => drop(reply(&stream, connected.load(Ordering::Relaxed))),
                Err(_) => thread::sleep(super::STEP),
            }
        }
    });
    Ok(())
}

fn reply(mut stream: &TcpStream, connected: bool) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut first = String::new();
    for (number, line) in BufReader::new(stream.take(LONGEST_HEAD)).lines().enumerate() {
        let line = line?;
        if line.is_empty() {
            break;
        }
        if number == 0 {
            first = line;
        }
    }
    let (status, text) = match (first.split(' ').nth(1), connected) {
        (Some("/health"), true) => ("200 OK", "alive"),
        (Some("/health"), false) => ("503 Service Unavailable", "Not connected to core"),
        _ => ("404 Not Found", ""),
    };
    write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{text}", text.len())
}
