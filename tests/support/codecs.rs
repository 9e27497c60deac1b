//! Runs a test with each codec, because the promises about typed values hold for every codec.

/// Each promise holds for each codec.
macro_rules! promises {
    ($($promise:ident)*) => {
        #[cfg(feature = "json")]
        mod json {
            $(#[test] fn $promise() { super::$promise(hashlet::Json); })*
        }
        #[cfg(feature = "bincode")]
        mod bincode {
            $(#[test] fn $promise() { super::$promise(hashlet::Bincode); })*
        }
    };
}
