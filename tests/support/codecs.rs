//! What is promised of typed values is promised of each codec.

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
