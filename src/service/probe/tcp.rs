//! Connects; an accepted connection is healthy.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

pub(super) async fn look(address: SocketAddr, limit: Duration) -> Result<String, String> {
    match timeout(limit, TcpStream::connect(address)).await {
        Ok(Ok(_)) => Ok(format!("{address} accepts connections")),
        Ok(Err(error)) => Err(format!("{address} cannot be connected to: {error}")),
        Err(_) => Err(format!("{address} did not answer within {limit:?}")),
    }
}
