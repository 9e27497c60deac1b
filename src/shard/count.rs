//! How many records a call works on: a number that the compiler knows, or one that only the call knows.

use std::array;

/// A number of records. It chooses the list that holds something for each of them.
pub(crate) trait Count {
    type List<T>: AsRef<[T]> + AsMut<[T]>;

    /// A list of this length. An array takes its own length for it.
    fn list<T>(len: usize, item: impl FnMut(usize) -> T) -> Self::List<T>;
    fn map<T, U>(list: Self::List<T>, item: impl FnMut(T) -> U) -> Self::List<U>;
    fn each_mut<T, U>(list: &mut Self::List<T>, item: impl FnMut(&mut T) -> &mut U) -> Self::List<&mut U>;
}

/// `N` records. Their lists are arrays, which need no memory of their own.
pub(crate) struct Fixed<const N: usize>;

impl<const N: usize> Count for Fixed<N> {
    type List<T> = [T; N];

    #[inline(always)]
    fn list<T>(len: usize, item: impl FnMut(usize) -> T) -> [T; N] {
        debug_assert_eq!(len, N);
        array::from_fn(item)
    }

    #[inline(always)]
    fn map<T, U>(list: [T; N], item: impl FnMut(T) -> U) -> [U; N] {
        list.map(item)
    }

    #[inline(always)]
    fn each_mut<T, U>(list: &mut [T; N], item: impl FnMut(&mut T) -> &mut U) -> [&mut U; N] {
        list.each_mut().map(item)
    }
}

/// As many records as the call names.
pub(crate) struct AnyNumber;

impl Count for AnyNumber {
    type List<T> = Vec<T>;

    fn list<T>(len: usize, item: impl FnMut(usize) -> T) -> Vec<T> {
        (0..len).map(item).collect()
    }

    fn map<T, U>(list: Vec<T>, item: impl FnMut(T) -> U) -> Vec<U> {
        list.into_iter().map(item).collect()
    }

    fn each_mut<T, U>(list: &mut Vec<T>, item: impl FnMut(&mut T) -> &mut U) -> Vec<&mut U> {
        list.iter_mut().map(item).collect()
    }
}
