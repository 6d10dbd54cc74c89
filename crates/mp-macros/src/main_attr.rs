//! `#[mp::main]`: `::mp::init();` before the first statement of `main`.
//!
//! Does **not** know what `init` does.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Error, ItemFn, Result, parse_quote};

/// The function with its new first statement; or itself, unchanged, and why not.
pub(crate) fn expand(attr: TokenStream, item: TokenStream) -> TokenStream {
    match rewrite(attr, item.clone()) {
        Ok(function) => quote!(#function),
        Err(error) => {
            let error = error.to_compile_error();
            quote!(#item #error)
        }
    }
}

fn rewrite(attr: TokenStream, item: TokenStream) -> Result<ItemFn> {
    if !attr.is_empty() {
        return Err(Error::new_spanned(attr, "#[mp::main] takes no arguments"));
    }
    let mut function: ItemFn = syn::parse2(item)?;
    check(&function)?;
    function.block.stmts.insert(0, parse_quote!(::mp::init();));
    Ok(function)
}

fn check(function: &ItemFn) -> Result<()> {
    let signature = &function.sig;
    if let Some(word) = &signature.asyncness {
        return Err(Error::new_spanned(
            word,
            "#[mp::main] is for a plain `main`: workers must be told apart before a runtime starts its threads, \
             so call `mp::init()` in `main` and build the runtime after it",
        ));
    }
    if signature.ident != "main" {
        return Err(Error::new_spanned(&signature.ident, "#[mp::main] is for the function `main`"));
    }
    if !signature.inputs.is_empty() {
        return Err(Error::new_spanned(&signature.inputs, "`main` takes no arguments"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error_of(attr: TokenStream, item: TokenStream) -> String {
        rewrite(attr, item).map(drop).expect_err("is refused").to_string()
    }

    #[test]
    fn init_comes_first_and_the_result_type_stays() {
        let function = rewrite(
            quote!(),
            quote!(
                fn main() -> mp::Result<()> {
                    work()?;
                    Ok(())
                }
            ),
        )
        .expect("is fine");
        let wanted = quote!(
            fn main() -> mp::Result<()> {
                ::mp::init();
                work()?;
                Ok(())
            }
        );
        assert_eq!(quote!(#function).to_string(), wanted.to_string());
    }

    #[test]
    fn other_functions_are_refused() {
        assert_eq!(
            error_of(
                quote!(),
                quote!(
                    fn start() {}
                )
            ),
            "#[mp::main] is for the function `main`"
        );
        assert_eq!(
            error_of(
                quote!(),
                quote!(
                    fn main(n: u8) {}
                )
            ),
            "`main` takes no arguments"
        );
        assert_eq!(
            error_of(
                quote!(4),
                quote!(
                    fn main() {}
                )
            ),
            "#[mp::main] takes no arguments"
        );
        assert!(
            error_of(
                quote!(),
                quote!(
                    async fn main() {}
                )
            )
            .starts_with("#[mp::main] is for a plain `main`")
        );
    }

    #[test]
    fn a_refused_main_stays_so_that_there_is_one_error() {
        let text = expand(
            quote!(),
            quote!(
                async fn main() {}
            ),
        )
        .to_string();
        assert!(text.starts_with("async fn main () { }"), "{text}");
        assert_eq!(text.matches("compile_error").count(), 1);
    }
}
