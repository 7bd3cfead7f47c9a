//! What the daemon makes of its own process before it does anything else.

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::stat::{Mode, umask};

/// Makes sure that the daemon's memory, which may hold CARP keys, is never written to a core file, that nobody else can
/// write what it creates, and that what it was started with reaches no program that it runs.
///
/// The umask is what services expect of whoever starts them; the daemon's own files are private by the mode that each is created
/// with. For the same reason only the soft limit of core files is lowered.
pub(crate) fn prepare() {
    umask(Mode::from_bits_truncate(0o022));
    if let Ok((_, hard)) = getrlimit(Resource::RLIMIT_CORE) {
        let _ = setrlimit(Resource::RLIMIT_CORE, 0, hard);
    }
    close_on_exec();
}

/// Shows `title` in ps(1) and procstat(1).
#[cfg(target_os = "freebsd")]
#[allow(unsafe_code)]
pub(crate) fn set_title(title: &str) {
    let Ok(title) = std::ffi::CString::new(title) else { return };
    // SAFETY: both are strings with an end that live through the call, the format takes exactly one of them, and the text is
    // copied. The C library keeps it without a lock, and the event loop is the only thread that comes here.
    unsafe { libc::setproctitle(c"%s".as_ptr(), title.as_ptr()) };
}

/// Elsewhere carpd is only tried out.
#[cfg(not(target_os = "freebsd"))]
pub(crate) const fn set_title(_: &str) {}

/// Marks every inherited descriptor but the standard ones. daemon(8) and service managers leave some open.
#[cfg(any(target_os = "freebsd", target_os = "linux"))]
#[allow(unsafe_code)]
fn close_on_exec() {
    // SAFETY: it takes three numbers and touches no memory of ours; no descriptor is closed. Where the kernel lacks it, it
    // fails and changes nothing.
    unsafe {
        #[cfg(target_os = "freebsd")]
        libc::close_range(3, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC as libc::c_int);
        #[cfg(target_os = "linux")]
        libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC);
    }
}

/// Elsewhere carpd is only tried out.
#[cfg(not(any(target_os = "freebsd", target_os = "linux")))]
const fn close_on_exec() {}
