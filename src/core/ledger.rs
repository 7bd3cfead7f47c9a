//! The ledger: carpd's share of `net.inet.carp.demotion`, one integer that many parties add to and nobody signs.
//!
//! A write to that sysctl adds to the sum, so carpd remembers what it added and writes only differences. The order is: the
//! intended share goes into the journal, then the difference into the kernel, then the confirmation into the journal. After
//! a crash in between it must be known whether the difference arrived: adding it twice, or taking back what was never
//! added, would change the election.
//!
//! For that the share carries a *write mark* in its low four bits. All other parties add multiples of 16 (the kernel's
//! factors are 240, OPNsense's bit is 2^20), so the low four bits of the sum are ours, and every write changes them: the
//! mark is 1 or 2, and 0 only when the whole share is 0. Where somebody adds another amount and spoils the low
//! bits, the kernel's log line of the write is the evidence; without either the ledger is *uncertain* and writes nothing.

use serde::{Deserialize, Serialize};

use super::journal::{Journal, Pending};
use crate::kernel::DemotionLogLine;
use crate::model::Demotion;

const MARK: i32 = 0b1111;

/// What carpd knows of its own share in the kernel's sum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ledger {
    /// Nothing was read yet in this run.
    Unread,
    /// The share is in the kernel.
    Settled(Demotion),
    /// A write is on its way.
    Moving {
        /// The share before.
        from: Demotion,
        /// What the journal says about the write.
        pending: Pending,
        /// How far it is.
        phase: Phase,
    },
    /// A write was announced by an earlier run and nothing tells whether it arrived.
    Uncertain {
        /// The share if it did not.
        from: Demotion,
        /// The share if it did.
        to: Demotion,
    },
}

/// How far a write is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The journal is being written; the kernel is untouched.
    Announcing,
    /// The kernel is being written.
    Writing,
}

/// What the ledger's state is called in status and metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum LedgerState {
    /// Nothing was read yet.
    Unread,
    /// The share is known.
    Settled,
    /// A write is on its way.
    Moving,
    /// It is not known whether the last write of an earlier run arrived; nothing is written.
    Uncertain,
}

impl Ledger {
    /// Takes up what an earlier run left, given the kernel's sum and log now.
    #[must_use]
    pub fn recover(journal: &Journal, boot: &str, sum: Demotion, log: &[DemotionLogLine]) -> Self {
        if journal.boot != boot {
            return Self::Settled(Demotion::ZERO);
        }
        let from = journal.share;
        let Some(pending) = journal.pending else {
            return Self::Settled(from);
        };
        match landed(from, pending, sum, log) {
            Some(true) => Self::Settled(pending.to),
            Some(false) => Self::Settled(from),
            None => Self::Uncertain { from, to: pending.to },
        }
    }

    /// The share that is surely in the kernel; while a write is on its way, the one before it.
    #[must_use]
    pub const fn share(&self) -> Demotion {
        match self {
            Self::Unread => Demotion::ZERO,
            Self::Settled(share) => *share,
            Self::Moving { from, .. } | Self::Uncertain { from, .. } => *from,
        }
    }

    /// Whether somebody has taken our share out of the sum, as a write of "wanted minus current" does.
    ///
    /// Then our mark is gone: either the sum lies below our share, or its low bits are 0 although the foreign part had none
    /// before (`foreign_bits`, see [`foreign_bits`]) and ours are not. A sum below our share with the mark in place is somebody
    /// else's negative amount and none of our business.
    #[must_use]
    pub fn wiped(&self, sum: Demotion, foreign_bits: i32) -> bool {
        let Self::Settled(share) = self else { return false };
        let (sum_bits, share_bits) = (sum.get() & MARK, share.get() & MARK);
        let below = sum.get() < share.get() && sum_bits != share_bits;
        let erased = foreign_bits == 0 && sum_bits == 0 && share_bits != 0;
        share.get() != 0 && (below || erased)
    }

    /// Whether somebody had taken the share out of the sum after the look that a write was decided on, and before the write,
    /// which changed it from `from`. Then the sum lacks exactly `from`, and with it `from`'s mark.
    #[must_use]
    pub fn wiped_during_write(&self, from: Demotion, sum: Demotion, foreign_bits: i32) -> bool {
        let Self::Settled(share) = self else { return false };
        let lacking = Demotion::ZERO.minus(from).get() & MARK;
        lacking != 0 && foreign_bits == 0 && self::foreign_bits(sum, *share) == lacking
    }

    /// Its state's name.
    #[must_use]
    pub const fn state(&self) -> LedgerState {
        match self {
            Self::Unread => LedgerState::Unread,
            Self::Settled(_) => LedgerState::Settled,
            Self::Moving { .. } => LedgerState::Moving,
            Self::Uncertain { .. } => LedgerState::Uncertain,
        }
    }
}

/// The share that carries `reasons` as its sum. If it differs from `now`, it bears another mark than `now` and than `last`,
/// the mark that was used last: so the amounts of two writes in a row differ too, which the kernel's log shows.
#[must_use]
pub const fn marked(now: Demotion, reasons: Demotion, last: u8) -> Demotion {
    let mark = now.get() & MARK;
    if reasons.get() == now.get() - mark {
        return now;
    }
    if reasons.get() == 0 {
        return Demotion::ZERO;
    }
    // Two marks are enough, and small ones weigh least: 1/256 s is what an election may be decided by.
    let next = if last == 1 { 2 } else { 1 };
    let next = if next == mark { 3 - next } else { next };
    Demotion::new(reasons.get() + next)
}

/// The low four bits of what is not `share` in `sum`: 0 as long as everybody else adds multiples of 16.
#[must_use]
pub const fn foreign_bits(sum: Demotion, share: Demotion) -> i32 {
    sum.minus(share).get() & MARK
}

/// The write mark in `share`.
#[must_use]
pub const fn mark(share: Demotion) -> u8 {
    (share.get() & MARK) as u8
}

fn landed(from: Demotion, pending: Pending, sum: Demotion, log: &[DemotionLogLine]) -> Option<bool> {
    let foreign_before = pending.sum_before.minus(from).get();
    let low = sum.get() & MARK;
    if foreign_before & MARK == 0 {
        if low == pending.to.get() & MARK {
            return Some(true);
        }
        if low == from.get() & MARK {
            return Some(false);
        }
    }
    // The message buffer is a ring: a line that is there proves the write, a line that is missing proves nothing.
    let by = pending.to.minus(from);
    let last_marked = log.iter().rev().find(|line| line.reason == "sysctl" && line.by.get() & MARK != 0)?;
    (last_marked.by == by && last_marked.to == pending.sum_before.plus(by)).then_some(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const fn d(amount: i32) -> Demotion {
        Demotion::new(amount)
    }

    fn announced(share: i32, to: i32, sum_before: i32) -> Journal {
        let pending = Pending { to: d(to), sum_before: d(sum_before) };
        Journal { boot: "b".into(), share: d(share), pending: Some(pending), ..Journal::default() }
    }

    #[test]
    fn a_reboot_empties_the_share() {
        let journal = Journal { boot: "old".into(), share: d(241), ..Journal::default() };
        assert_eq!(Ledger::recover(&journal, "new", d(0), &[]), Ledger::Settled(d(0)));
    }

    #[test]
    fn a_write_that_nothing_proves_is_uncertain() {
        // Somebody added 5, so the low bits prove nothing, and the log is silent.
        let journal = announced(0, 241, 5);
        assert_eq!(Ledger::recover(&journal, "b", d(5), &[]), Ledger::Uncertain { from: d(0), to: d(241) });
    }

    #[test]
    fn the_kernel_log_proves_a_write_where_the_low_bits_cannot() {
        let journal = announced(0, 241, 5);
        let line = DemotionLogLine { by: d(241), to: d(246), reason: "sysctl".into() };
        assert_eq!(Ledger::recover(&journal, "b", d(246), &[line]), Ledger::Settled(d(241)));
    }

    #[test]
    fn a_wiped_share_is_told_from_a_foreign_negative_amount() {
        let ledger = Ledger::Settled(d(241));
        assert!(ledger.wiped(d(0), 0), "OPNsense's leave writes 0 - current");
        assert!(!ledger.wiped(d(1), 0), "somebody subtracted 240 and left our mark");
        assert!(!ledger.wiped(d(481), 0));
        assert!(!Ledger::Settled(d(0)).wiped(d(-240), 0));
    }

    #[test]
    fn a_wiped_share_shows_even_if_others_have_added_more_since() {
        let ledger = Ledger::Settled(d(241));
        assert!(ledger.wiped(d(480), 0), "set to 0, then an interface with two vhids went down");
        assert!(!ledger.wiped(d(480), 15), "the foreign part had these low bits before");
    }

    #[test]
    fn the_share_is_zero_when_no_reason_is_left() {
        assert_eq!(marked(d(247), d(0), 7), d(0));
        assert_eq!(marked(d(0), d(0), 7), d(0));
    }

    proptest! {
        #[test]
        fn every_write_changes_the_low_bits(before in 0..4000i32, mark in 1..16i32, reasons in 0..4000i32, last in 0..16u8) {
            let now = if before == 0 { d(0) } else { d(before * 16 + mark) };
            let next = marked(now, d(reasons * 16), last);
            prop_assert_eq!(next.get() & !MARK, reasons * 16);
            prop_assert!(next == now || (next.get() ^ now.get()) & MARK != 0);
        }

        #[test]
        fn after_a_crash_the_sum_tells_whether_the_write_arrived(
            share in 0..20i32, mark in 1..16i32, to in 0..20i32, foreign_before in -20..20i32,
            foreign_after in -20..20i32, arrived: bool,
        ) {
            let from = if share == 0 { d(0) } else { d(share * 16 + mark) };
            let to = marked(from, d(to * 16), 3);
            prop_assume!(to != from);
            let journal = announced(from.get(), to.get(), from.get() + foreign_before * 240);
            let ours = if arrived { to } else { from };
            let recovered = Ledger::recover(&journal, "b", d(ours.get() + foreign_after * 240), &[]);
            prop_assert_eq!(recovered, Ledger::Settled(ours));
        }
    }
}
