//! The few system calls that no crate wraps: sysctlbyname(3) and ioctl(2) on an interface.

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::ptr;
use std::sync::OnceLock;

use crate::model::InterfaceName;

/// How often a value that grows while it is read is read again.
const TRIES: usize = 5;

/// As long as every value that is read at each look, so that one call does.
const SMALL: usize = 1024;

/// A kernel variable by its name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sysctl(pub(super) &'static str);

impl Sysctl {
    /// Its value, a C `int`.
    pub(super) fn int(self) -> io::Result<i32> {
        let mut value = [0; size_of::<i32>()];
        if self.read(&CString::new(self.0)?, &mut value)? != value.len() {
            return Err(io::Error::other("the value is not an int"));
        }
        Ok(i32::from_ne_bytes(value))
    }

    /// Writes a C `int`.
    pub(super) fn set_int(self, value: i32) -> io::Result<()> {
        let name = CString::new(self.0)?;
        // SAFETY: the name ends in NUL, the new value is four readable bytes, and no old value is asked for.
        let failed = unsafe {
            libc::sysctlbyname(
                name.as_ptr(),
                ptr::null_mut(),
                ptr::null_mut(),
                (&raw const value).cast(),
                size_of::<i32>(),
            )
        };
        if failed == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }

    /// Its raw value. A large one, which may grow between the question for its size and the reading, is asked for again then.
    pub(super) fn bytes(self) -> io::Result<Vec<u8>> {
        let name = CString::new(self.0)?;
        let mut small = [0; SMALL];
        match self.read(&name, &mut small) {
            Err(error) if error.raw_os_error() == Some(libc::ENOMEM) => {}
            read => return Ok(small[..read?].to_vec()),
        }
        for _ in 0..TRIES {
            let mut size: usize = 0;
            // SAFETY: without an old value the kernel only stores the size it would need.
            let failed = unsafe { libc::sysctlbyname(name.as_ptr(), ptr::null_mut(), &raw mut size, ptr::null(), 0) };
            if failed != 0 {
                return Err(io::Error::last_os_error());
            }
            let mut value = vec![0u8; size + size / 8];
            match self.read(&name, &mut value) {
                Err(error) if error.raw_os_error() == Some(libc::ENOMEM) => {}
                read => {
                    value.truncate(read?);
                    return Ok(value);
                }
            }
        }
        Err(io::Error::other("the value grows faster than it can be read"))
    }

    /// Reads it and returns its size; `ENOMEM` if it is longer than `value`.
    fn read(self, name: &CStr, value: &mut [u8]) -> io::Result<usize> {
        let mut size = value.len();
        // SAFETY: the kernel writes at most `size` bytes, all of them within `value`, and stores how many it were.
        let failed =
            unsafe { libc::sysctlbyname(name.as_ptr(), value.as_mut_ptr().cast(), &raw mut size, ptr::null(), 0) };
        if failed == 0 { Ok(size) } else { Err(io::Error::last_os_error()) }
    }
}

/// `struct ifreq` with a pointer in it, as the requests of CARP and pfsync want it (`sys/net/if.h`): 32 bytes.
#[repr(C)]
struct Request {
    name: [u8; 16],
    /// `ifr_data`, or the lengths of `ifr_cap_nv`.
    first: [u32; 2],
    second: *mut libc::c_void,
}

const _: () = assert!(size_of::<Request>() == 32, "the size is part of the request code");

/// Makes `request` on the interface; `data` is what its `ifr_data` points to, and is changed if the kernel answers.
pub(super) fn ioctl_with(interface: &InterfaceName, request: u64, data: &mut [u8]) -> io::Result<()> {
    // A pointer in the first half of the union: eight bytes at offset 16.
    let pointer = (data.as_mut_ptr() as usize).to_ne_bytes();
    let (low, high) = pointer.split_at(4);
    let half = |bytes: &[u8]| bytes.try_into().map(u32::from_ne_bytes).unwrap_or_default();
    let mut ifreq = Request { name: padded(interface), first: [half(low), half(high)], second: ptr::null_mut() };
    ioctl(request, &mut ifreq)
}

/// Makes an nvlist request on pfsync0: `buffer` receives the answer, or holds the question. Returns the answer's length.
pub(super) fn ioctl_nv(interface: &InterfaceName, request: u64, buffer: &mut [u8]) -> io::Result<usize> {
    let length = u32::try_from(buffer.len()).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    let mut ifreq = Request { name: padded(interface), first: [length, length], second: buffer.as_mut_ptr().cast() };
    ioctl(request, &mut ifreq)?;
    Ok(ifreq.first[1] as usize)
}

fn ioctl(request: u64, ifreq: &mut Request) -> io::Result<()> {
    let socket = any_socket()?;
    // SAFETY: the request code says that its argument is a `struct ifreq` of 32 bytes, which `Request` is. What it points
    // to lives in the caller's buffer for the whole call, and has the size that the kernel copies for this request.
    let failed = unsafe { libc::ioctl(socket.as_raw_fd(), request, ptr::from_mut(ifreq)) };
    if failed == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// A socket for requests that name their interface. One is enough, and making one for each look takes two calls more.
fn any_socket() -> io::Result<&'static OwnedFd> {
    static SOCKET: OnceLock<OwnedFd> = OnceLock::new();
    match SOCKET.get() {
        Some(socket) => Ok(socket),
        None => {
            let made = socket(libc::AF_LOCAL, libc::SOCK_DGRAM, 0)?;
            Ok(SOCKET.get_or_init(|| made))
        }
    }
}

/// Makes the request `CODE`, whose argument is a plain structure of `SIZE` bytes, on a socket of `family`. The addresses of an
/// interface belong to the sockets of their own family.
pub(super) fn ioctl_plain<const CODE: u64, const SIZE: usize>(
    family: i32,
    argument: &mut [u8; SIZE],
) -> io::Result<()> {
    // Thirteen bits of the code say how much the kernel copies (`sys/sys/ioccom.h`).
    const { assert!((CODE >> 16) & 0x1fff == SIZE as u64, "the size is part of the request code") };
    let socket = socket(family, libc::SOCK_DGRAM, 0)?;
    // SAFETY: the kernel copies `SIZE` bytes in and out, as just asserted, and the plain structure holds no pointer.
    let failed = unsafe { libc::ioctl(socket.as_raw_fd(), CODE, argument.as_mut_ptr()) };
    if failed == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Sets a socket option that is a number.
pub(super) fn set_option(socket: &OwnedFd, level: i32, option: i32, value: i32) -> io::Result<()> {
    // SAFETY: the value is four readable bytes.
    let failed = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            option,
            (&raw const value).cast(),
            size_of::<i32>() as libc::socklen_t,
        )
    };
    if failed == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Whether the kernel has the module, loaded or built in (modfind(2)).
pub(super) fn has_module(name: &CStr) -> bool {
    unsafe extern "C" {
        /// In libc, `sys/module.h`.
        fn modfind(name: *const libc::c_char) -> libc::c_int;
    }
    // SAFETY: the name ends in NUL.
    unsafe { modfind(name.as_ptr()) >= 0 }
}

/// A socket that no child inherits.
pub(super) fn socket(family: i32, kind: i32, protocol: i32) -> io::Result<OwnedFd> {
    // SAFETY: no memory is involved.
    let fd = unsafe { libc::socket(family, kind | libc::SOCK_CLOEXEC, protocol) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor was just made and belongs to nobody else.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn padded(interface: &InterfaceName) -> [u8; 16] {
    let mut name = [0; 16];
    let bytes = interface.as_str().as_bytes();
    name[..bytes.len()].copy_from_slice(bytes);
    name
}
