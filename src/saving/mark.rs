//! The two turns that tell what a save has written already, and the epoch that tells whose turn it is.

/// Which of two turns it was when a save wrote something last: see the module's documentation. One bit among flags.
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

    /// The flags with this mark.
    #[inline]
    pub(crate) const fn set_in(self, flags: u8) -> u8 {
        flags & !Self::FLAG | self.0
    }
}

/// The mark that everything has, or is about to get, and whether a save is on.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Epoch(pub(super) u8);

impl Epoch {
    const SAVING: u8 = 1;

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

    #[cfg(test)]
    pub(crate) fn after_one_save() -> Self {
        Self::default().next().end()
    }

    /// The epoch after a save.
    pub(super) fn end(self) -> Self {
        Self(self.0 & !Self::SAVING)
    }
}
