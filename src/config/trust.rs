//! Whether nobody but root and carpd's own user can change what a path leads to.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

/// As many symbolic links as the kernel follows (`MAXSYMLINKS`, `sys/sys/param.h`).
const MAX_LINKS: usize = 32;

/// Why a program is not to be run with carpd's rights: whoever can replace it would have them.
#[derive(Debug, thiserror::Error)]
pub enum Untrusted {
    /// A part of the way to it is in somebody else's hands.
    #[error("{} {why}", .component.display())]
    Component {
        /// The file, the directory or the link.
        component: PathBuf,
        /// What is wrong with it.
        why: String,
        /// The command that mends it.
        remedy: String,
    },
    /// It cannot be looked at.
    #[error("{}: {source}", .component.display())]
    Unknown {
        /// As far as the way to it could be followed.
        component: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
}

impl Untrusted {
    /// What to do about it.
    #[must_use]
    pub fn remedy(&self) -> &str {
        match self {
            Self::Component { remedy, .. } => remedy,
            Self::Unknown { .. } => "correct the path",
        }
    }
}

/// Goes the way of the absolute `path` from the root on, as the kernel does: every directory, every link and the file itself has to
/// belong to root or to the user `own`, and must not be writable for anybody else. A directory with the sticky bit may be, since
/// nobody can replace what others have in it.
///
/// # Errors
/// The first part of the way that others can change, or that cannot be looked at.
pub fn check(path: &Path, own: u32) -> Result<(), Untrusted> {
    let mut ahead: VecDeque<OsString> = names(path);
    let mut at = PathBuf::from("/");
    let mut links = 0;
    judge(&at, &look(&at)?, own)?;
    while let Some(name) = ahead.pop_front() {
        if name == ".." {
            at.pop();
            continue;
        }
        let next = at.join(name);
        let meta = look(&next)?;
        judge(&next, &meta, own)?;
        if !meta.is_symlink() {
            at = next;
            continue;
        }
        links += 1;
        let target =
            std::fs::read_link(&next).map_err(|source| Untrusted::Unknown { component: next.clone(), source })?;
        if links > MAX_LINKS {
            return Err(Untrusted::Unknown { component: next, source: io::Error::from_raw_os_error(libc::ELOOP) });
        }
        if target.is_absolute() {
            at = PathBuf::from("/");
        }
        for name in names(&target).into_iter().rev() {
            ahead.push_front(name);
        }
    }
    Ok(())
}

fn names(path: &Path) -> VecDeque<OsString> {
    let parts = path.components().filter_map(|part| match part {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        _ => None,
    });
    parts.collect()
}

fn look(path: &Path) -> Result<Metadata, Untrusted> {
    path.symlink_metadata().map_err(|source| Untrusted::Unknown { component: path.to_owned(), source })
}

fn judge(path: &Path, meta: &Metadata, own: u32) -> Result<(), Untrusted> {
    let shown = path.display();
    let found = |why: String, remedy: String| Err(Untrusted::Component { component: path.to_owned(), why, remedy });
    if meta.uid() != 0 && meta.uid() != own {
        let why = format!("belongs to the user with the id {}, who can change it", meta.uid());
        return found(why, format!("run `chown root {shown}`"));
    }
    // A link's own mode means nothing.
    let sticky = meta.is_dir() && meta.mode() & 0o1000 != 0;
    let whose = match meta.mode() & 0o022 {
        _ if meta.is_symlink() || sticky => return Ok(()),
        0 => return Ok(()),
        0o020 => format!("can be changed by the group with the id {}", meta.gid()),
        _ => "can be changed by everybody".to_owned(),
    };
    found(whose, format!("run `chmod go-w {shown}`"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn own() -> u32 {
        nix::unistd::geteuid().as_raw()
    }

    /// A directory below one that everybody may write to, but with the sticky bit, as /tmp is.
    fn place() -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().canonicalize().unwrap();
        fs::create_dir_all(path.join("a/b")).unwrap();
        fs::write(path.join("a/b/program"), "").unwrap();
        for name in ["a", "a/b", "a/b/program"] {
            allow(&path.join(name), 0o755);
        }
        (directory, path)
    }

    fn allow(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    fn culprit(path: &Path) -> PathBuf {
        match check(path, own()) {
            Err(Untrusted::Component { component, .. }) => component,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_part_of_the_way_is_judged_and_the_first_bad_one_is_named() {
        let (_kept, path) = place();
        let program = path.join("a/b/program");
        check(&program, own()).unwrap();
        for (part, mode) in [("a/b/program", 0o775), ("a/b", 0o777), ("a", 0o757)] {
            allow(&path.join(part), mode);
            assert_eq!(culprit(&program), path.join(part));
        }
        allow(&path.join("a"), 0o1777);
        assert_eq!(culprit(&program), path.join("a/b"), "nobody can replace what others have in a sticky directory");
    }

    #[test]
    fn links_are_followed_wherever_they_lead() {
        let (_kept, path) = place();
        symlink("b", path.join("a/here")).unwrap();
        symlink(path.join("a/here/../here/program"), path.join("link")).unwrap();
        check(&path.join("link"), own()).unwrap();
        allow(&path.join("a/b"), 0o775);
        assert_eq!(culprit(&path.join("link")), path.join("a/b"));
        symlink("loop", path.join("loop")).unwrap();
        assert!(matches!(check(&path.join("loop"), own()), Err(Untrusted::Unknown { .. })));
        assert!(matches!(check(&path.join("none/x"), own()), Err(Untrusted::Unknown { .. })));
    }

    #[test]
    fn what_belongs_to_somebody_else_is_named_with_its_owner() {
        if own() != 0 {
            return eprintln!("SKIPPED: only root can give a file away");
        }
        let (_kept, path) = place();
        std::os::unix::fs::chown(path.join("a"), Some(65_534), None).unwrap();
        assert_eq!(culprit(&path.join("a/b/program")), path.join("a"));
        check(&path.join("a/b/program"), 65_534).unwrap();
        let said = check(&path.join("a/b/program"), 0).unwrap_err();
        assert!(said.to_string().ends_with("/a belongs to the user with the id 65534, who can change it"), "{said}");
        assert!(said.remedy().contains("chown root"), "{}", said.remedy());
    }
}
