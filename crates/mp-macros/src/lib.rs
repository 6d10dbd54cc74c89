//! The attributes of `mp`: `#[mp::task]` and `#[mp::main]`.
//!
//! Does **not** know how a task runs: what is written here speaks of `::mp::__private` alone.

use proc_macro::TokenStream;

mod defaults;
mod main_attr;
mod signature;
mod task;
mod type_text;

/// Gives a function a name that a command line can call.
///
/// The function stays an ordinary one. Its name is its path, `module::function`; any suffix that no other
/// task has will do to call it. The first line of its documentation is what `mpctl tasks` shows.
///
/// In parentheses stand the defaults of its last arguments, as literals:
///
/// ```ignore
/// /// A random string of letters and digits.
/// #[mp::task(length = 5)]
/// fn rand_string(length: usize) -> String { /* .. */ }
/// ```
///
/// Up to 8 arguments, each by value and with a name; no generics, no `async`, no `self`.
#[proc_macro_attribute]
pub fn task(attr: TokenStream, item: TokenStream) -> TokenStream {
    task::expand(attr.into(), item.into()).into()
}

/// `mp::init()` as the first statement of `main`: in a worker copy of the program it serves and never returns.
///
/// ```ignore
/// #[mp::main]
/// fn main() -> mp::Result<()> {
///     println!("{:?}", mp::Pool::new(4)?.map(square, 1..=6)?);
///     Ok(())
/// }
/// ```
#[proc_macro_attribute]
pub fn main(attr: TokenStream, item: TokenStream) -> TokenStream {
    main_attr::expand(attr.into(), item.into()).into()
}
