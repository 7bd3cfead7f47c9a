//! A node's simulated kernel on its Unix socket, for [`crate::kernel::lab::LabKernel`].

use std::rc::Rc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::spawn_local;

use super::protocol::LONGEST_ASK;
use super::{Lab, StartError};
use crate::kernel::lab::{KernelAnswer, KernelAsk};
use crate::kernel::{Administer, Kernel};

/// Between two attempts to accept somebody while that fails, most likely for want of descriptors.
pub(super) const RETRY: Duration = Duration::from_millis(100);

/// Serves the kernel of node number `at`.
pub(super) fn listen(lab: &Rc<Lab>, at: usize) -> Result<(), StartError> {
    let path = lab.state.borrow().nodes[at].paths.kernel_socket();
    let listener = UnixListener::bind(&path).map_err(|source| StartError::Socket { path, source })?;
    let lab = lab.clone();
    spawn_local(async move {
        loop {
            match listener.accept().await {
                Ok((stream, _)) => drop(spawn_local(serve(lab.clone(), at, stream))),
                Err(_) => tokio::time::sleep(RETRY).await,
            }
        }
    });
    Ok(())
}

async fn serve(lab: Rc<Lab>, at: usize, stream: UnixStream) {
    let mut stream = BufReader::new(stream);
    let mut line = Vec::new();
    loop {
        line.clear();
        match (&mut stream).take(LONGEST_ASK).read_until(b'\n', &mut line).await {
            Ok(1..) if line.last() == Some(&b'\n') => {}
            _ => return,
        }
        let answer = match serde_json::from_slice(&line) {
            Ok(ask) => answer(&lab, at, ask),
            Err(error) => KernelAnswer::Error { text: format!("not a question to a kernel: {error}") },
        };
        let Ok(mut text) = serde_json::to_vec(&answer) else { return };
        text.push(b'\n');
        if stream.write_all(&text).await.is_err() {
            return;
        }
    }
}

fn answer(lab: &Lab, at: usize, ask: KernelAsk) -> KernelAnswer {
    let answered = match ask {
        KernelAsk::Snapshot { links } => lab
            .act(|state| state.cluster.kernel(at).snapshot(&links))
            .map(|snapshot| KernelAnswer::Snapshot { snapshot: Box::new(snapshot) }),
        KernelAsk::AddDemotion { delta } => lab.act(|state| {
            let added = state.cluster.kernel(at).add_demotion(delta);
            if added.is_ok() {
                state.wrote(at, delta);
            }
            added.map(|()| KernelAnswer::Done)
        }),
        KernelAsk::DemotionLog => {
            lab.act(|state| state.cluster.kernel(at).demotion_log()).map(|lines| KernelAnswer::DemotionLog { lines })
        }
        KernelAsk::Inventory => lab
            .act(|state| state.cluster.kernel(at).inventory())
            .map(|inventory| KernelAnswer::Inventory { inventory: Box::new(inventory) }),
        KernelAsk::Write { write } => lab.act(|state| {
            let written = state.cluster.kernel(at).write(&write);
            state.administered(at);
            written.map(|()| KernelAnswer::Done)
        }),
    };
    answered.unwrap_or_else(|error| KernelAnswer::Error { text: cause(&error) })
}

/// The innermost cause: carpd puts its own words around it.
fn cause(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), cause)
}
