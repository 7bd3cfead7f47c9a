//! Where a real-time lab keeps its files: one directory, and in it one for each node.
//!
//! | path | what |
//! | --- | --- |
//! | `lock` | held by the lab process as long as it lives |
//! | `lab.sock` | takes `carpctl lab cable`, `lab crash` and so on |
//! | `NODE/carpd.toml`, `NODE/config.xml` | the node's configuration |
//! | `NODE/password` | the stand-in for password files that are elsewhere |
//! | `NODE/kernel.sock` | its simulated kernel |
//! | `NODE/devd.seqpacket.pipe` | its simulated devd |
//! | `NODE/carpd.sock`, `NODE/carpd.log`, `NODE/state/` | its real carpd |
//! | `NODE/services/NAME/` | a stand-in for a service |

use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

use crate::model::ServiceName;

/// The longest path that a socket can have: `sun_path` of unix(4) on FreeBSD, without its end.
pub const LONGEST_SOCKET_PATH: usize = 103;

/// Why the directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DirError {
    /// Another lab lives in it.
    #[error("a lab is already up in {}; `carpctl lab down` ends it, or name another directory with --dir", .0.display())]
    Busy(PathBuf),
    /// It has other things in it, and a lab begins with an empty directory.
    #[error("{} is not a lab's directory and not empty; name another one with --dir", .0.display())]
    Foreign(PathBuf),
    /// Whoever may change it could put a socket of his own into it.
    #[error("{} belongs to somebody else, may be changed by others, or is a link; name another directory with --dir", .0.display())]
    Unsafe(PathBuf),
    /// A socket's path would not fit into the address of a socket.
    #[error("{} is longer than a socket's path may be ({LONGEST_SOCKET_PATH} bytes); name a shorter directory with --dir", .0.display())]
    TooLong(PathBuf),
    /// The system refused.
    #[error("{}: {source}; name a directory on a writable disk with --dir", .path.display())]
    Io {
        /// What was made, read or removed.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
}

fn io_error(path: &Path) -> impl FnOnce(io::Error) -> DirError + '_ {
    |source| DirError::Io { path: path.to_owned(), source }
}

/// Where this user's lab is: `$CARPD_LAB`, or `carpd-lab-UID` in `$XDG_RUNTIME_DIR` or in `/tmp`.
#[must_use]
pub fn default_root() -> PathBuf {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    match set("CARPD_LAB") {
        Some(lab) => lab.into(),
        None => {
            let base = set("XDG_RUNTIME_DIR").unwrap_or_else(|| OsStr::new("/tmp").to_owned());
            PathBuf::from(base).join(format!("carpd-lab-{}", nix::unistd::getuid()))
        }
    }
}

/// The paths of a lab, whether it is up or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabPaths {
    root: PathBuf,
}

impl LabPaths {
    /// The lab in the directory `root`.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The directory.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where the lab process takes orders.
    #[must_use]
    pub fn admin_socket(&self) -> PathBuf {
        self.root.join("lab.sock")
    }

    /// The files of the node `name`.
    #[must_use]
    pub fn node(&self, name: &str) -> NodePaths {
        NodePaths { dir: self.root.join(name) }
    }

    /// Whether a lab process lives in the directory.
    #[must_use]
    pub fn is_up(&self) -> bool {
        let Ok(file) = File::open(self.lock()) else { return false };
        matches!(Flock::lock(file, FlockArg::LockSharedNonblock), Err((_, Errno::EWOULDBLOCK)))
    }

    fn lock(&self) -> PathBuf {
        self.root.join("lock")
    }
}

/// The paths of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodePaths {
    dir: PathBuf,
}

impl NodePaths {
    /// The node's directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Its carpd.toml.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.dir.join("carpd.toml")
    }

    /// Its config.xml, if it is an OPNsense node.
    #[must_use]
    pub fn config_xml(&self) -> PathBuf {
        self.dir.join("config.xml")
    }

    /// What stands in for password files that are elsewhere.
    #[must_use]
    pub fn password(&self) -> PathBuf {
        self.dir.join("password")
    }

    /// The socket of its kernel.
    #[must_use]
    pub fn kernel_socket(&self) -> PathBuf {
        self.dir.join("kernel.sock")
    }

    /// The socket of its devd.
    #[must_use]
    pub fn devd_socket(&self) -> PathBuf {
        self.dir.join("devd.seqpacket.pipe")
    }

    /// The socket of its carpd.
    #[must_use]
    pub fn control_socket(&self) -> PathBuf {
        self.dir.join("carpd.sock")
    }

    /// The disk of its carpd, which survives reboots.
    #[must_use]
    pub fn state_dir(&self) -> PathBuf {
        self.dir.join("state")
    }

    /// What its carpd logged.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.dir.join("carpd.log")
    }

    /// The directory of a stand-in for the service `name`.
    #[must_use]
    pub fn service(&self, name: &ServiceName) -> ServicePaths {
        ServicePaths::new(self.dir.join("services").join(name.as_str()))
    }

    /// Whether every socket of a node with these services has a path that a socket can have.
    ///
    /// # Errors
    /// The first path that is too long.
    pub fn check_lengths<'a>(&self, services: impl Iterator<Item = &'a ServiceName>) -> Result<(), DirError> {
        let own = [self.kernel_socket(), self.devd_socket(), self.control_socket()];
        let all = own.into_iter().chain(services.map(|name| self.service(name).socket()));
        match all.into_iter().find(|path| path.as_os_str().len() > LONGEST_SOCKET_PATH) {
            Some(path) => Err(DirError::TooLong(path)),
            None => Ok(()),
        }
    }
}

/// The paths of a stand-in for a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServicePaths {
    dir: PathBuf,
}

impl ServicePaths {
    /// The stand-in whose directory is `dir`.
    #[must_use]
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into() }
    }

    /// Its directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Where it answers.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.dir.join("sock")
    }

    /// Its process id. The process holds a lock on the file as long as it lives.
    #[must_use]
    pub fn pid_file(&self) -> PathBuf {
        self.dir.join("pid")
    }

    /// How it behaves, in TOML.
    #[must_use]
    pub fn manners(&self) -> PathBuf {
        self.dir.join("manners.toml")
    }

    /// The name that its process has in its first argument, where ps(1) and rc.subr(8) look for it. No file is there.
    #[must_use]
    pub fn program(&self) -> PathBuf {
        self.dir.join("gateway")
    }

    /// The service, its node and the lab, as the layout has them. None for a directory that is not of this layout.
    #[must_use]
    pub fn place(&self) -> Option<(ServiceName, String, LabPaths)> {
        let service = self.dir.file_name()?.to_str()?.parse().ok()?;
        let node = self.dir.parent()?.parent()?;
        Some((service, node.file_name()?.to_str()?.to_owned(), LabPaths::new(node.parent()?)))
    }
}

/// A lab's directory, held by this process.
#[derive(Debug)]
pub struct LabDir {
    paths: LabPaths,
    _lock: Flock<File>,
}

impl LabDir {
    /// Makes the directory, or takes over and empties one that a lab left behind, and locks it.
    ///
    /// # Errors
    /// A lab is up in it, it belongs to somebody else or is in other use, or the system refuses.
    pub fn create(root: &Path) -> Result<Self, DirError> {
        let root = std::path::absolute(root).map_err(io_error(root))?;
        let paths = LabPaths::new(&root);
        match DirBuilder::new().mode(0o700).create(&root) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(io_error(&root)(error)),
            _ => {}
        }
        // In /tmp anybody may have made a directory of this name before us, or a link to another one.
        let meta = fs::symlink_metadata(&root).map_err(io_error(&root))?;
        if !meta.is_dir() || meta.uid() != nix::unistd::geteuid().as_raw() || meta.mode() & 0o022 != 0 {
            return Err(DirError::Unsafe(root));
        }
        let fresh = fs::read_dir(&root).map_err(io_error(&root))?.next().is_none();
        let lock = paths.lock();
        if !fresh && !lock.is_file() {
            return Err(DirError::Foreign(root));
        }
        let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&lock);
        let lock = match Flock::lock(file.map_err(io_error(&lock))?, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => lock,
            Err((_, Errno::EWOULDBLOCK)) => return Err(DirError::Busy(root)),
            Err((_, errno)) => return Err(io_error(&lock)(errno.into())),
        };
        empty(&root)?;
        Ok(Self { paths, _lock: lock })
    }

    /// The paths in it.
    #[must_use]
    pub fn paths(&self) -> &LabPaths {
        &self.paths
    }

    /// Makes the directories of the node `name`.
    ///
    /// # Errors
    /// The system refuses.
    pub fn add_node(&self, name: &str, services: &[ServiceName]) -> Result<NodePaths, DirError> {
        let node = self.paths.node(name);
        node.check_lengths(services.iter())?;
        let make = |path: &Path| DirBuilder::new().mode(0o700).recursive(true).create(path).map_err(io_error(path));
        make(&node.state_dir())?;
        services.iter().try_for_each(|name| make(node.service(name).dir()))?;
        Ok(node)
    }

    /// Writes a file that only this user can read.
    ///
    /// # Errors
    /// The system refuses.
    pub fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), DirError> {
        use io::Write;
        let file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(path);
        file.and_then(|mut file| file.write_all(bytes)).map_err(io_error(path))
    }

    /// Removes the directory with all that is in it.
    ///
    /// # Errors
    /// The system refuses.
    pub fn remove(self) -> Result<(), DirError> {
        let root = self.paths.root();
        // The lock goes last: as long as anything is there, the directory can be told to be a lab's.
        empty(root)?;
        fs::remove_dir_all(root).map_err(io_error(root))
    }
}

/// Removes everything but the lock.
fn empty(root: &Path) -> Result<(), DirError> {
    for entry in fs::read_dir(root).map_err(io_error(root))? {
        let path = entry.map_err(io_error(root))?.path();
        if path.file_name() == Some(OsStr::new("lock")) {
            continue;
        }
        let is_dir = fs::symlink_metadata(&path).is_ok_and(|meta| meta.is_dir());
        let removed = if is_dir { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        removed.map_err(io_error(&path))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scratch(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("carpd-dir-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        path
    }

    #[test]
    fn two_labs_cannot_share_a_directory() {
        let root = scratch("busy");
        let lab = LabDir::create(&root).unwrap();
        assert!(lab.paths().is_up());
        assert!(matches!(LabDir::create(&root), Err(DirError::Busy(_))));
        lab.remove().unwrap();
        assert!(!root.exists());
    }

    #[test]
    fn what_a_killed_lab_left_behind_is_cleaned() {
        let root = scratch("stale");
        let lab = LabDir::create(&root).unwrap();
        let node = lab.add_node("fw1", &["gateway".parse().unwrap()]).unwrap();
        lab.write(&node.config(), b"x").unwrap();
        drop(lab);
        assert!(!LabPaths::new(&root).is_up() && node.config().exists());
        let lab = LabDir::create(&root).unwrap();
        assert!(!node.dir().exists());
        lab.remove().unwrap();
    }

    #[test]
    fn a_directory_in_other_use_is_left_alone() {
        let root = scratch("foreign");
        fs::create_dir(&root).unwrap();
        fs::write(root.join("thesis.tex"), "x").unwrap();
        assert!(matches!(LabDir::create(&root), Err(DirError::Foreign(_))));
        assert!(root.join("thesis.tex").exists());
        fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn a_directory_that_others_may_change_is_refused() {
        let root = scratch("open");
        DirBuilder::new().create(&root).unwrap();
        fs::set_permissions(&root, std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
        assert!(matches!(LabDir::create(&root), Err(DirError::Unsafe(_))));
        fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn a_path_that_no_socket_can_have_is_told_before_anything_starts() {
        let long = LabPaths::new(format!("/tmp/{}", "x".repeat(90))).node("fw1");
        assert!(matches!(long.check_lengths(std::iter::empty()), Err(DirError::TooLong(_))));
    }

    #[test]
    fn a_service_s_directory_tells_whose_it_is() {
        let lab = LabPaths::new("/tmp/lab");
        let service = "gateway".parse().unwrap();
        assert_eq!(lab.node("fw1").service(&service).place(), Some((service, "fw1".to_owned(), lab)));
    }
}
