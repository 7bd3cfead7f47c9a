//! Which node carpctl is about: where its daemon listens, and which kernel is asked if it does not answer.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::exit::{self, Failure};
use crate::config::Unusable;
use crate::config::load::{DEFAULT_PATH, read_file};
use crate::lab::dir::{LabPaths, default_root};

/// Where the daemon listens unless carpd.toml says otherwise.
const SOCKET: &str = "/var/run/carpd/carpd.sock";

/// Where the daemon keeps its state unless carpd.toml says otherwise.
const STATE_DIR: &str = "/var/db/carpd";

/// The name of this machine's own kernel.
pub const FREEBSD: &str = "freebsd";

/// A node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The node's name, for people.
    pub node: String,
    /// Its daemon's control socket.
    pub socket: PathBuf,
    /// Its kernel, as [`crate::kernel::open`] takes it.
    pub kernel: String,
    /// Its carpd.toml.
    pub config: PathBuf,
    /// Where its daemon keeps the state file.
    pub state_dir: PathBuf,
    /// OPNsense owns its maintenance: `carpctl maintenance` asks for it.
    pub opnsense: bool,
    /// Why the usual values stand in for what carpd.toml says.
    pub guessed: Option<String>,
    /// What the command line names. Only if it names nothing may an absent carpd.toml mean that carpd is not in use.
    pub named: Named,
}

/// What the command line names of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    /// Nothing: it is this machine.
    Nothing,
    /// `--config`
    Config,
    /// `--node`
    LabNode,
    /// `--socket`, with or without the others.
    Socket,
}

/// The few values that carpctl needs. The rest of the file may be wrong: whoever has to repair it must see the node's state.
#[derive(Debug, Default, Deserialize)]
struct File {
    #[serde(default)]
    node: Node,
    #[serde(default)]
    control: Control,
    #[serde(default)]
    vips: Vips,
}

#[derive(Debug, Default, Deserialize)]
struct Vips {
    source: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
struct Node {
    name: Option<String>,
    kernel: Option<String>,
    state_dir: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
struct Control {
    socket: Option<PathBuf>,
}

impl Target {
    /// The node that the options name.
    ///
    /// # Errors
    /// There is no such lab node.
    pub fn resolve(node: Option<&str>, config: Option<&Path>, socket: Option<&Path>) -> Result<Self, Failure> {
        let mut target = match node {
            Some(name) => lab_node(name)?,
            None => Self::read(config.unwrap_or(Path::new(DEFAULT_PATH))),
        };
        if config.is_some() {
            target.named = Named::Config;
        }
        if let Some(socket) = socket {
            target.socket = socket.to_owned();
            target.guessed = None;
            target.named = Named::Socket;
        }
        Ok(target)
    }

    /// The node whose carpd.toml is at `config`. Where that cannot be used, the defaults are.
    #[must_use]
    pub fn read(config: &Path) -> Self {
        let unread = |unusable: Unusable| match config.try_exists() {
            Ok(false) => format!("there is no {}", config.display()),
            _ => unusable.to_string(),
        };
        let file = read_file(config).map_err(unread).and_then(|contents| {
            let text = String::from_utf8_lossy(&contents.bytes);
            toml::from_str::<File>(&text).map_err(|error| format!("{}: {}", config.display(), error.message()))
        });
        let (file, guessed) = match file {
            Ok(file) => (file, None),
            Err(why) => (File::default(), Some(why)),
        };
        let kernel = file.node.kernel.unwrap_or_else(|| FREEBSD.to_owned());
        Self {
            node: file.node.name.unwrap_or_else(host_name),
            socket: file.control.socket.unwrap_or_else(|| SOCKET.into()),
            opnsense: file.vips.source.as_deref() == Some("opnsense") && kernel == FREEBSD,
            kernel,
            config: config.to_owned(),
            state_dir: file.node.state_dir.unwrap_or_else(|| STATE_DIR.into()),
            guessed,
            named: Named::Nothing,
        }
    }
}

/// The lab node `name`: its carpd.toml is `NAME/carpd.toml` in the lab's directory.
///
/// # Errors
/// There is none; the text says which there are.
pub fn lab_node(name: &str) -> Result<Target, Failure> {
    let lab = default_root();
    let is_name = !name.is_empty() && !name.starts_with('.') && !name.contains('/');
    let paths = LabPaths::new(&lab).node(name);
    if is_name && is_node(paths.dir()) {
        let read = Target { named: Named::LabNode, ..Target::read(&paths.config()) };
        if read.guessed.is_none() {
            return Ok(read);
        }
        // The daemon may well run on with what it has read before, and a lab has its sockets in fixed places.
        let kernel = format!("lab:{}", paths.kernel_socket().display());
        return Ok(Target { node: name.to_owned(), socket: paths.control_socket(), kernel, ..read });
    }
    let listed = std::fs::read_dir(&lab);
    if let Err(error) = &listed
        && error.kind() == std::io::ErrorKind::PermissionDenied
    {
        let text = format!("{}: permission denied: it is the lab of another user; ask as that user", lab.display());
        return Err(Failure::new(exit::UNREACHABLE, text));
    }
    let mut names: Vec<String> = listed
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| is_node(&entry.path()))
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    let there = if names.is_empty() {
        "no lab runs there; `carpctl lab up` starts one".to_owned()
    } else {
        format!("there are {}", names.join(", "))
    };
    let text = format!("there is no lab node {name:?} in {}: {there}", lab.display());
    Err(Failure::new(exit::UNREACHABLE, text))
}

/// Whether a directory of the lab is a node's, even if its carpd.toml has been removed.
fn is_node(dir: &Path) -> bool {
    dir.join("carpd.toml").is_file() || dir.join("state").is_dir()
}

fn host_name() -> String {
    let full = nix::unistd::gethostname().unwrap_or_default().to_string_lossy().into_owned();
    full.split('.').next().filter(|name| !name.is_empty()).unwrap_or("this node").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("carpd.toml");
        std::fs::write(&path, text).unwrap();
        (dir, path)
    }

    #[test]
    fn a_file_with_mistakes_elsewhere_still_tells_where_the_daemon_is() {
        let (_dir, path) = file(
            "[node]\nname = \"fw1\"\nkernel = \"lab:/tmp/k\"\npoll = \"never\"\n[control]\nsocket = \"/tmp/s\"\n[nonsense]\n",
        );
        let target = Target::read(&path);
        assert_eq!((target.node.as_str(), target.kernel.as_str(), target.guessed), ("fw1", "lab:/tmp/k", None));
        assert_eq!(target.socket, Path::new("/tmp/s"));
    }

    #[test]
    fn a_file_that_cannot_be_read_leaves_the_defaults_and_says_so() {
        for text in ["[node", "[control]\nsocket = 7\n"] {
            let (_dir, path) = file(text);
            let target = Target::read(&path);
            assert_eq!(target.socket, Path::new(SOCKET));
            assert!(target.guessed.unwrap().contains("carpd.toml"));
        }
    }
}
