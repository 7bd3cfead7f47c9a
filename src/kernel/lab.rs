//! A lab node's kernel, reached over the lab's Unix socket: one JSON object per line, both ways.

mod wire;

use std::io::{self, BufRead, BufReader, Read, Write as _};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Administer, DemotionLogLine, Kernel, KernelError};
use crate::model::{Demotion, InterfaceName, Inventory, Snapshot, Write};

/// How long the lab may take to answer.
const LIMIT: Duration = Duration::from_secs(1);

/// The longest answer, in bytes: 255 vhids with many addresses each stay far below.
const LONGEST_ANSWER: u64 = 16 << 20;

/// What a node asks of its simulated kernel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub enum KernelAsk {
    /// [`Kernel::snapshot`]
    Snapshot {
        /// The interfaces that are asked for by name.
        #[serde(default)]
        links: Vec<InterfaceName>,
    },
    /// [`Kernel::add_demotion`]
    AddDemotion {
        /// The amount.
        delta: Demotion,
    },
    /// [`Kernel::demotion_log`]
    DemotionLog,
    /// [`Administer::inventory`]
    Inventory,
    /// [`Administer::write`]
    Write {
        /// What.
        #[serde(with = "wire::WriteDef")]
        write: Write,
    },
}

/// What the simulated kernel answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum KernelAnswer {
    /// To [`KernelAsk::Snapshot`].
    Snapshot {
        /// The look.
        snapshot: Box<Snapshot>,
    },
    /// To [`KernelAsk::AddDemotion`] and [`KernelAsk::Write`].
    Done,
    /// To [`KernelAsk::DemotionLog`].
    DemotionLog {
        /// The lines.
        lines: Vec<DemotionLogLine>,
    },
    /// To [`KernelAsk::Inventory`].
    Inventory {
        /// The look.
        #[serde(with = "wire::inventory")]
        inventory: Box<Inventory>,
    },
    /// The node cannot answer, for example because it is powered off.
    Error {
        /// Why.
        text: String,
    },
}

/// The client's side. It connects when first used, and again after any failure.
#[derive(Debug)]
pub struct LabKernel {
    path: PathBuf,
    stream: Option<BufReader<UnixStream>>,
}

impl LabKernel {
    /// The kernel behind the socket at `path`.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), stream: None }
    }

    fn ask(&mut self, ask: KernelAsk) -> Result<KernelAnswer, KernelError> {
        let answer = self.exchange(ask);
        let source = match answer {
            Ok(KernelAnswer::Error { text }) => io::Error::other(text),
            Ok(answer) => return Ok(answer),
            Err(source) => source,
        };
        // A late answer to this question must not be taken for the answer to the next one.
        self.stream = None;
        Err(KernelError::Lab { path: self.path.display().to_string(), source })
    }

    fn exchange(&mut self, ask: KernelAsk) -> io::Result<KernelAnswer> {
        let stream = match &mut self.stream {
            Some(stream) => stream,
            none => {
                let stream = UnixStream::connect(&self.path)?;
                stream.set_read_timeout(Some(LIMIT))?;
                stream.set_write_timeout(Some(LIMIT))?;
                none.insert(BufReader::new(stream))
            }
        };
        let mut line = serde_json::to_vec(&ask)?;
        line.push(b'\n');
        stream.get_mut().write_all(&line)?;
        line.clear();
        stream.by_ref().take(LONGEST_ANSWER).read_until(b'\n', &mut line)?;
        if line.last() != Some(&b'\n') {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(serde_json::from_slice(&line)?)
    }

    fn unexpected(&self) -> KernelError {
        let source = io::Error::other("an answer to another question");
        KernelError::Lab { path: self.path.display().to_string(), source }
    }
}

impl Kernel for LabKernel {
    fn snapshot(&mut self, links: &[InterfaceName]) -> Result<Snapshot, KernelError> {
        match self.ask(KernelAsk::Snapshot { links: links.to_vec() })? {
            KernelAnswer::Snapshot { snapshot } => Ok(*snapshot),
            _ => Err(self.unexpected()),
        }
    }

    fn add_demotion(&mut self, delta: Demotion) -> Result<(), KernelError> {
        match self.ask(KernelAsk::AddDemotion { delta })? {
            KernelAnswer::Done => Ok(()),
            _ => Err(self.unexpected()),
        }
    }

    fn set_link(&mut self, interface: &InterfaceName, up: bool) -> Result<(), KernelError> {
        self.write(&Write::Link { interface: interface.clone(), up })
    }

    fn demotion_log(&mut self) -> Result<Vec<DemotionLogLine>, KernelError> {
        match self.ask(KernelAsk::DemotionLog)? {
            KernelAnswer::DemotionLog { lines } => Ok(lines),
            _ => Err(self.unexpected()),
        }
    }
}

impl Administer for LabKernel {
    fn inventory(&mut self) -> Result<Inventory, KernelError> {
        match self.ask(KernelAsk::Inventory)? {
            KernelAnswer::Inventory { inventory } => Ok(*inventory),
            _ => Err(self.unexpected()),
        }
    }

    fn write(&mut self, write: &Write) -> Result<(), KernelError> {
        match self.ask(KernelAsk::Write { write: write.clone() })? {
            KernelAnswer::Done => Ok(()),
            _ => Err(self.unexpected()),
        }
    }
}
