//! The two marks that tell what a save has written already, and the epoch, which holds the current mark.

/// The mark that a save left when it last wrote a record or segment. `saving.rs` has the rules. The mark is one bit
/// among flags.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mark(u8);

impl Mark {
    pub(crate) const FLAG: u8 = 1 << 3;

    #[cfg(test)]
    pub(crate) const fn other(self) -> Self {
        Self(self.0 ^ Self::FLAG)
    }

    #[inline]
    pub(crate) const fn of(flags: u8) -> Self {
        Self(flags & Self::FLAG)
    }

    /// Returns the flags with their mark set to this one.
    #[inline]
    pub(crate) const fn set_in(self, flags: u8) -> u8 {
        flags & !Self::FLAG | self.0
    }
}

/// The current mark, and whether a save is running. Everything has the current mark, or gets it during the running
/// save.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Epoch(pub(super) u8);

impl Epoch {
    const SAVING: u8 = 1;
    /// Which of two logs the calls of this epoch append to; see `tail.rs`.
    #[cfg(feature = "journal")]
    const LOG: u8 = 2;

    /// The epoch before the first save.
    pub(crate) const FIRST: Self = Self(0);

    /// The same epoch with the other mark.
    pub(crate) const fn marked(self) -> Self {
        Self(self.0 ^ Mark::FLAG)
    }

    #[inline]
    pub(crate) fn mark(self) -> Mark {
        Mark::of(self.0)
    }

    #[inline]
    pub(crate) fn is_saving(self) -> bool {
        self.0 & Self::SAVING != 0
    }

    /// The epoch of the next save.
    pub(super) fn next(self) -> Self {
        Self((self.0 ^ Mark::FLAG) | Self::SAVING)
    }

    /// The same epoch with the other log.
    #[cfg(feature = "journal")]
    pub(super) fn with_other_log(self) -> Self {
        Self(self.0 ^ Self::LOG)
    }

    /// Which of two logs the calls of this epoch append to: 0 or 1.
    #[cfg(feature = "journal")]
    #[inline]
    pub(crate) fn log(self) -> usize {
        usize::from(self.0 & Self::LOG != 0)
    }

    #[cfg(test)]
    pub(crate) fn after_one_save() -> Self {
        Self::default().next().end()
    }

    /// The epoch after a save.
    pub(super) fn end(self) -> Self {
        Self(self.0 & !Self::SAVING)
    }
}
