//! The kernel message buffer, as `kern.msgbuf` gives it: a ring, so its first line may be cut; and other lines may hold
//! anything.

use crate::kernel::DemotionLogLine;

/// The lines about demotion, oldest first.
#[must_use]
pub fn demotions(buffer: &[u8]) -> Vec<DemotionLogLine> {
    String::from_utf8_lossy(buffer).lines().filter_map(DemotionLogLine::parse).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::recorded::text;

    #[test]
    fn of_a_recorded_log_the_lines_about_demotion_are_read() {
        let lines = demotions(text("carp-klog.txt").as_bytes());
        let read: Vec<_> = lines.iter().map(|l| (l.by.get(), l.to.get(), l.reason.as_str())).collect();
        assert_eq!(read, [(240, 240, "send error 13 on epair0b"), (240, 480, "pfsync bulk start")]);
    }

    #[test]
    fn a_cut_line_and_bytes_that_are_no_text_do_not_hide_the_others() {
        let buffer =
            b"moted by 240 to 240 (sysctl)\n\xff\xfe\0\n<6>carp: demoted by 241 to 481 (sysctl)\ncarp: demoted by 2";
        let lines = demotions(buffer);
        assert_eq!(lines.len(), 1);
        assert_eq!((lines[0].by.get(), lines[0].to.get()), (241, 481));
    }
}
