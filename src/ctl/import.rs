//! `import`: a carpd.toml from what runs here, or from rc.conf. It needs no daemon and changes no kernel.

use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::args::ImportArgs;
use super::exit::{self, Ended, Failure};
use super::out::complain;
use super::{Context, target};
use crate::config::import::{Draft, Files, from_files, from_inventory};
use crate::config::rc_conf::{RcConf, read_text};
use crate::config::system::AnySystem;
use crate::config::{Place, load};
use crate::kernel;

const SYSCTL_CONF: &str = "/etc/sysctl.conf";
const LOADER_CONF: &str = "/boot/loader.conf";

pub(super) fn run(context: &mut Context, args: &ImportArgs) -> Ended {
    let kernel = Some(context.target.kernel.as_str()).filter(|kernel| *kernel != target::FREEBSD);
    let draft = match &args.rc_conf {
        Some(Some(file)) => from_files(&files_at(file)?),
        Some(None) => from_files(&files_here()),
        None => running(&context.target.kernel)?,
    };
    let mut notes: Vec<String> = draft.notes().to_vec();
    if args.rc_conf.is_none() && kernel.is_none() {
        notes.extend(set_up_elsewhere());
    }
    if args.passwords.is_none() && draft.has_passwords() {
        notes.push(
            "The passwords were not written; --passwords does it. Without them carpctl plan refuses these vhids."
                .to_owned(),
        );
    }
    for note in &notes {
        complain(&format!("note: {note}"));
    }
    if draft.is_empty() {
        let text = "there is no CARP vhid with an address to import, so nothing was written";
        return Err(Failure::new(exit::FAILED, text));
    }
    // Not after the passwords have been written.
    if let Some(path) = args.output.as_deref().filter(|path| !args.force && path.symlink_metadata().is_ok()) {
        return Err(exists(path));
    }
    let directory = args.passwords.as_deref().map(password_directory).transpose()?;
    let text = draft.to_toml(directory.as_deref(), kernel.filter(|_| args.rc_conf.is_none()));
    if let Err(unusable) = load::check(&context.target.config, text.as_bytes(), false, &AnySystem) {
        complain(&format!("note: carpd will not take it as it is: {unusable}"));
    }
    if let Some(directory) = &directory {
        write_passwords(&draft, directory, args.force)?;
    }
    match &args.output {
        Some(path) => write_file(path, text.as_bytes(), 0o640, args.force)?,
        None => context.out.write(&text)?,
    }
    Ok(exit::DONE)
}

fn running(name: &str) -> Result<Draft, Failure> {
    let inventory = kernel::administer(name).and_then(|mut kernel| kernel.inventory());
    let failed =
        |error: kernel::KernelError| Failure::new(exit::FAILED, format!("the kernel cannot be asked: {error}"));
    inventory.map(|inventory| from_inventory(&inventory)).map_err(failed)
}

fn files_here() -> Files {
    let mut loader_conf = RcConf::default();
    let path = Path::new(LOADER_CONF);
    let loader = read_text(path).map(|text| loader_conf.add(&text, path));
    Files {
        name: "the rc.conf(5) of this node".to_owned(),
        rc_conf: RcConf::of_this_system(),
        sysctl_conf: read_text(Path::new(SYSCTL_CONF)).ok(),
        loader_conf: loader.ok().map(|()| loader_conf),
    }
}

/// The file that somebody names, with the sysctl.conf beside it: both are in /etc, or were copied from there.
fn files_at(path: &Path) -> Result<Files, Failure> {
    let text = read_text(path).map_err(|error| failed("read", path, &error))?;
    let mut rc_conf = RcConf::default();
    rc_conf.add(&text, path);
    let sysctl_conf = read_text(&path.with_file_name("sysctl.conf")).ok();
    Ok(Files { name: path.display().to_string(), rc_conf, sysctl_conf, loader_conf: None })
}

/// What sets the imported vhids up at boot: it has to go before carpd owns them.
fn set_up_elsewhere() -> Option<String> {
    let mut places: Vec<Place> = RcConf::of_this_system().vips().into_iter().map(|vip| vip.place).collect();
    places.sort();
    places.dedup();
    let places: Vec<String> = places.iter().map(|place| format!("{}:{}", place.file.display(), place.line)).collect();
    (!places.is_empty()).then(|| format!("vhids are set up in {} as well: take them out there.", places.join(", ")))
}

/// The directory for passwords, absolute, made if it is not there.
fn password_directory(path: &Path) -> Result<PathBuf, Failure> {
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(failed("create", path, &error)),
        _ => {}
    }
    fs::canonicalize(path).map_err(|error| failed("use", path, &error))
}

/// All or none: a second one that exists already shall not leave the first one behind.
fn write_passwords(draft: &Draft, directory: &Path, force: bool) -> Result<(), Failure> {
    let there = draft.passwords(directory).find(|file| file.path.symlink_metadata().is_ok());
    if let Some(file) = there.filter(|_| !force) {
        return Err(exists(&file.path));
    }
    for file in draft.passwords(directory) {
        write_file(&file.path, &Zeroizing::new([file.line, b"\n"].concat()), 0o600, force)?;
    }
    Ok(())
}

/// Writes a new file, or replaces one as a whole if it may.
fn write_file(path: &Path, bytes: &[u8], mode: u32, force: bool) -> Result<(), Failure> {
    if !force && path.symlink_metadata().is_ok() {
        return Err(exists(path));
    }
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let temporary = path.with_file_name(name);
    let write = || -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&temporary)?;
        // The mask of the process may have taken away what the group needs.
        file.set_permissions(Permissions::from_mode(mode))?;
        file.write_all(bytes)?;
        file.sync_all()?;
        // A link refuses what somebody has put there in the meantime; a rename replaces it.
        if force { fs::rename(&temporary, path) } else { fs::hard_link(&temporary, path) }
    };
    let written = write();
    // After a rename there is nothing left to remove.
    let _ = fs::remove_file(&temporary);
    written.map_err(
        |error| if error.kind() == ErrorKind::AlreadyExists { exists(path) } else { failed("write", path, &error) },
    )
}

fn exists(path: &Path) -> Failure {
    Failure::new(exit::FAILED, format!("{} exists; --force replaces it", path.display()))
}

fn failed(what: &str, path: &Path, error: &io::Error) -> Failure {
    Failure::new(exit::FAILED, format!("cannot {what} {}: {error}", path.display()))
}
