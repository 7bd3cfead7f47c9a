//! Bringing an interface up or down.

/// `IFF_UP`: the administrator wants it up.
const UP: u32 = 0x1;
/// `IFF_DRV_RUNNING`: the driver has what it needs, a WireGuard tunnel its port.
const RUNNING: u32 = 0x40;

/// The flags to set, or `None` if it is as it should be. One that is up and does not run is told again to be up: what kept it from
/// running may have gone.
pub(in crate::kernel) const fn write(flags: u32, up: bool) -> Option<u32> {
    if follows(flags, up) {
        return None;
    }
    Some(if up { flags | UP } else { flags & !UP })
}

/// Whether it is as it should be. The kernel answers "done" to an interface that could not come up (`ifhwioctl()` drops the
/// driver's answer), so what counts is that it runs.
pub(in crate::kernel) const fn follows(flags: u32, up: bool) -> bool {
    if up { flags & (UP | RUNNING) == UP | RUNNING } else { flags & UP == 0 }
}

/// Whether it is meant to be up.
pub(in crate::kernel) const fn is_up(flags: u32) -> bool {
    flags & UP != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    const MULTICAST: u32 = 0x8000;

    #[test]
    fn only_what_differs_is_written_and_other_flags_stay() {
        assert_eq!(write(MULTICAST, true), Some(MULTICAST | UP));
        assert_eq!(write(MULTICAST | UP | RUNNING, false), Some(MULTICAST | RUNNING));
        assert_eq!(write(MULTICAST | UP | RUNNING, true), None);
        assert_eq!(write(MULTICAST, false), None);
    }

    #[test]
    fn up_without_running_is_not_up() {
        assert!(!follows(UP, true));
        assert_eq!(write(UP, true), Some(UP), "it is told once more");
        assert_eq!(write(UP, false), Some(0));
    }
}
