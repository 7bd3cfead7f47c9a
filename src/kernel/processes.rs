//! The processes of this machine, or of the jail that carpd runs in.
#![cfg_attr(target_os = "freebsd", allow(unsafe_code, reason = "no crate wraps these sysctls"))]

use std::io;

/// A process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// Its id.
    pub pid: i32,
    /// The id of its process group.
    pub group: i32,
    /// What it was started as, its first argument; without arguments, as of the kernel's own, the name of its program.
    pub argv0: String,
}

impl Process {
    /// Whether it is `program`, a whole path or only a name; rc.subr(8) looks for both in the first argument, too. Of a process
    /// with a title, as in `nginx: master process`, only the name is known.
    #[must_use]
    pub fn runs(&self, program: &str) -> bool {
        let title = self.argv0.split_once(": ").map(|(name, _)| name).or_else(|| self.argv0.strip_suffix(':'));
        self.argv0 == program
            || self.name() == program
            || (program.starts_with('/') && self.argv0 == base(program))
            || title == Some(base(program))
    }

    /// Its program's name without the path.
    #[must_use]
    pub fn name(&self) -> &str {
        base(&self.argv0)
    }
}

fn base(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// All processes that carpd may see and that are in the same jail as carpd: on a jail's host, a service of the host and
/// one of the same name in a jail are not the same. One that has ended and only waits for its parent to notice is none any more.
///
/// # Errors
/// The system cannot be asked.
#[cfg(target_os = "freebsd")]
pub fn processes() -> io::Result<Vec<Process>> {
    let own = i32::try_from(std::process::id()).unwrap_or_default();
    let all = freebsd::table()?;
    let jail = all.iter().find(|entry| entry.pid == own).map(|entry| entry.jail);
    let here = all.into_iter().filter(|entry| Some(entry.jail) == jail && !entry.ended);
    let process = |entry: freebsd::Entry| {
        let argv0 = freebsd::argv0(entry.pid).unwrap_or(entry.command);
        Process { pid: entry.pid, group: entry.group, argv0 }
    };
    Ok(here.map(process).collect())
}

#[cfg(target_os = "freebsd")]
mod freebsd {
    use std::ffi::CStr;
    use std::{io, ptr};

    /// How often a table that grows while it is read is read again.
    const TRIES: usize = 5;

    pub(super) struct Entry {
        pub(super) pid: i32,
        pub(super) group: i32,
        pub(super) jail: i32,
        pub(super) ended: bool,
        pub(super) command: String,
    }

    /// `kern.proc.proc`, an array of `struct kinfo_proc` (`sys/sys/user.h`).
    pub(super) fn table() -> io::Result<Vec<Entry>> {
        let bytes = value(&[libc::CTL_KERN, libc::KERN_PROC, libc::KERN_PROC_PROC])?;
        const SIZE: usize = size_of::<libc::kinfo_proc>();
        Ok(bytes.chunks_exact(SIZE).map(entry).collect())
    }

    fn entry(bytes: &[u8]) -> Entry {
        // SAFETY: the chunk has the size of the structure, any bytes are a legal value of it, and it is read unaligned.
        let info = unsafe { bytes.as_ptr().cast::<libc::kinfo_proc>().read_unaligned() };
        let command = info.ki_comm.map(|byte| byte as u8);
        let command = CStr::from_bytes_until_nul(&command).map(|text| text.to_string_lossy().into_owned());
        Entry {
            pid: info.ki_pid,
            group: info.ki_pgid,
            jail: info.ki_jid,
            ended: info.ki_stat == libc::SZOMB,
            command: command.unwrap_or_default(),
        }
    }

    /// The first argument of a process; `None` if it has none, or has just ended.
    pub(super) fn argv0(pid: i32) -> Option<String> {
        let bytes = value(&[libc::CTL_KERN, libc::KERN_PROC, libc::KERN_PROC_ARGS, pid]).ok()?;
        let first = CStr::from_bytes_until_nul(&bytes).ok()?.to_string_lossy().into_owned();
        (!first.is_empty()).then_some(first)
    }

    fn value(mib: &[libc::c_int]) -> io::Result<Vec<u8>> {
        let ask = |buffer: *mut libc::c_void, size: &mut usize| {
            // SAFETY: the name and its length belong together, and the kernel writes at most `size` bytes to `buffer`.
            let failed = unsafe {
                libc::sysctl(mib.as_ptr(), mib.len() as libc::c_uint, buffer, ptr::from_mut(size), ptr::null(), 0)
            };
            if failed == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
        };
        for _ in 0..TRIES {
            let mut size = 0;
            ask(ptr::null_mut(), &mut size)?;
            let mut buffer = vec![0u8; size + size / 8];
            size = buffer.len();
            match ask(buffer.as_mut_ptr().cast(), &mut size) {
                Ok(()) => {
                    buffer.truncate(size);
                    return Ok(buffer);
                }
                Err(error) if error.raw_os_error() == Some(libc::ENOMEM) => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::Error::other("the table grows faster than it can be read"))
    }
}

/// All processes that carpd may see, from /proc, where no jails are.
///
/// # Errors
/// The system cannot be asked.
#[cfg(target_os = "linux")]
pub fn processes() -> io::Result<Vec<Process>> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir("/proc")? {
        let entry = entry?;
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        // One that ends meanwhile is not there any more.
        let Ok(stat) = std::fs::read_to_string(entry.path().join("stat")) else { continue };
        let Some(group) = group(&stat) else { continue };
        let Ok(args) = std::fs::read(entry.path().join("cmdline")) else { continue };
        let first = args.split(|byte| *byte == 0).next().unwrap_or_default();
        let argv0 = if first.is_empty() {
            std::fs::read_to_string(entry.path().join("comm")).unwrap_or_default().trim_end().to_owned()
        } else {
            String::from_utf8_lossy(first).into_owned()
        };
        all.push(Process { pid, group, argv0 });
    }
    Ok(all)
}

/// The process group in a line of `/proc/PID/stat` (proc_pid_stat(5)); `None` of a process that has ended. The program's name before
/// it is in parentheses and may hold any character.
#[cfg(target_os = "linux")]
fn group(stat: &str) -> Option<i32> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace();
    let state = fields.next().filter(|state| !["Z", "X"].contains(state));
    state.and_then(|_| fields.nth(1)?.parse().ok())
}

/// Elsewhere carpd is only tried out.
///
/// # Errors
/// Always.
#[cfg(not(any(target_os = "freebsd", target_os = "linux")))]
pub fn processes() -> io::Result<Vec<Process>> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_very_process_is_found_by_its_id_and_its_name() {
        let own = i32::try_from(std::process::id()).unwrap();
        let all = processes().unwrap();
        let found = all.iter().find(|process| process.pid == own).unwrap();
        let argv0 = std::env::args().next().unwrap();
        assert!(found.runs(&argv0) && found.runs(base(&argv0)), "{found:?}");
        assert!(!found.runs("carpd-nobody"));
        assert_eq!(found.group, nix::unistd::getpgrp().as_raw());
    }

    #[test]
    fn a_process_that_waits_to_be_buried_is_gone() {
        let mut child = std::process::Command::new("/bin/sleep").arg("300").spawn().unwrap();
        let pid = i32::try_from(child.id()).unwrap();
        let lives = || processes().unwrap().iter().any(|process| process.pid == pid);
        assert!(lives());
        child.kill().unwrap();
        let flags = nix::sys::wait::WaitPidFlag::WEXITED | nix::sys::wait::WaitPidFlag::WNOWAIT;
        nix::sys::wait::waitid(nix::sys::wait::Id::Pid(nix::unistd::Pid::from_raw(pid)), flags).unwrap();
        assert!(!lives());
        child.wait().unwrap();
    }

    #[test]
    fn a_path_is_more_exact_than_a_name() {
        let process = |argv0: &str| Process { pid: 1, group: 1, argv0: argv0.to_owned() };
        assert!(process("/usr/local/bin/x").runs("x") && process("/usr/local/bin/x").runs("/usr/local/bin/x"));
        assert!(!process("/opt/x").runs("/usr/local/bin/x"));
        assert!(process("x").runs("/usr/local/bin/x"), "started by name, through PATH");
        assert!(process("x: master process /opt/x").runs("/usr/local/bin/x") && process("x:").runs("x"), "a title");
        assert!(!process("xx: x").runs("x"));
    }
}
