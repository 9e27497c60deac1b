//! Runs a test with each codec, because the promises about typed values hold for every codec.

/// Makes a test of each promise for each codec.
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
        #[cfg(feature = "postcard")]
        mod postcard {
            $(#[test] fn $promise() { super::$promise(hashlet::Postcard); })*
        }
    };
}
