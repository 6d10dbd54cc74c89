//! `#[mp::task]`: the function as it was, and beside it an element of the program's list of named tasks.
//!
//! Does **not** know what a worker does with the list.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Attribute, Error, Expr, ExprLit, ItemFn, Lit, Meta, Result, ReturnType};

use crate::defaults::{self, Default};
use crate::signature::{self, Argument};
use crate::type_text::type_text;

/// The function, and its element or why it can have none.
pub(crate) fn expand(attr: TokenStream, item: TokenStream) -> TokenStream {
    let element = element(attr, item.clone()).unwrap_or_else(Error::into_compile_error);
    quote!(#item #element)
}

fn element(attr: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let function: ItemFn = syn::parse2(item)
        .map_err(|error| Error::new(error.span(), format!("#[mp::task] is for a function with a body: {error}")))?;
    let args = signature::arguments(&function.sig)?;
    let defaults = defaults::parse(attr)?;
    check_defaults(&args, &defaults)?;
    Ok(write(&function, &args, &defaults))
}

fn check_defaults(args: &[Argument], defaults: &[Default]) -> Result<()> {
    if let Some(stray) = defaults.iter().find(|default| args.iter().all(|arg| arg.name != default.name)) {
        let names = args.iter().map(|arg| format!("`{}`", arg.name)).collect::<Vec<_>>().join(", ");
        let has = if names.is_empty() { "it has none".to_owned() } else { format!("it has {names}") };
        return Err(Error::new(stray.name.span(), format!("the task has no argument `{}`: {has}", stray.name)));
    }
    let has_default = |arg: &Argument| defaults.iter().any(|default| default.name == arg.name);
    let first = args.iter().position(has_default).unwrap_or(args.len());
    match args[first..].iter().find(|arg| !has_default(arg)) {
        Some(late) => {
            let text = format!("`{}` follows an argument with a default, so it needs one too", late.name);
            Err(Error::new(late.name.span(), text))
        }
        None => Ok(()),
    }
}

fn write(function: &ItemFn, args: &[Argument], defaults: &[Default]) -> TokenStream {
    let name = &function.sig.ident;
    let doc = first_doc_line(&function.attrs);
    let cfgs = function.attrs.iter().filter(|attr| attr.path().is_ident("cfg"));
    let (output, decode) = output(&function.sig.output);
    let types: Vec<_> = args.iter().map(|arg| &arg.ty).collect();
    let args = args.iter().map(|arg| write_argument(arg, defaults));
    quote! {
        #(#cfgs)*
        const _: () = {
            use ::mp::__private::linkme;

            #[linkme::distributed_slice(::mp::__private::TASKS)]
            #[linkme(crate = ::mp::__private::linkme)]
            static TASK: ::mp::__private::NamedTask = ::mp::__private::NamedTask {
                name: ::core::concat!(::core::module_path!(), "::", ::core::stringify!(#name)),
                doc: #doc,
                args: &[#(#args),*],
                output: #output,
                entry: ::mp::__private::entry_of::<_, (#(#types,)*)>(#name),
                encode: ::mp::__private::encode_json::<(#(#types,)*)>,
                decode: #decode,
                show: ::mp::__private::show_args::<(#(#types,)*)>,
            };
        };
    }
}

fn write_argument(arg: &Argument, defaults: &[Default]) -> TokenStream {
    let (ty, text) = (&arg.ty, type_text(&arg.ty));
    let name = arg.name.to_string();
    let name = name.trim_start_matches("r#");
    let default = match defaults.iter().find(|default| default.name == arg.name) {
        Some(Default { json, .. }) => quote!(::core::option::Option::Some(#json)),
        None => quote!(::core::option::Option::None),
    };
    // Spanned, so that "cannot be deserialized" points at the argument's type.
    let check = quote_spanned!(ty.span()=> ::mp::__private::check_json::<#ty>);
    quote!(::mp::__private::Arg { name: #name, ty: #text, default: #default, check: #check })
}

fn output(output: &ReturnType) -> (String, TokenStream) {
    match output {
        ReturnType::Default => ("()".to_owned(), quote!(::mp::__private::decode_json::<()>)),
        ReturnType::Type(_, ty) => (type_text(ty), quote_spanned!(ty.span()=> ::mp::__private::decode_json::<#ty>)),
    }
}

fn first_doc_line(attrs: &[Attribute]) -> String {
    let text = |attr: &Attribute| match &attr.meta {
        Meta::NameValue(pair) if pair.path.is_ident("doc") => match &pair.value {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value()),
            _ => None,
        },
        _ => None,
    };
    let docs = attrs.iter().filter_map(text).collect::<Vec<_>>().join("\n");
    docs.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(attr: TokenStream, item: TokenStream) -> String {
        element(attr, item).expect("is fine").to_string()
    }

    fn refusal(attr: TokenStream, item: TokenStream) -> String {
        element(attr, item).expect_err("is refused").to_string()
    }

    #[test]
    fn the_function_itself_is_left_alone() {
        let item = quote!(
            /// Doc.
            #[inline]
            pub(crate) fn f(n: u64) -> u64 {
                n
            }
        );
        assert!(expand(quote!(), item.clone()).to_string().starts_with(&item.to_string()));
        assert!(
            expand(
                quote!(),
                quote!(
                    async fn f() {}
                )
            )
            .to_string()
            .starts_with("async fn f () { }")
        );
    }

    #[test]
    fn names_types_docs_and_defaults_are_written() {
        let item = quote! {
            /// First line.
            ///
            /// More.
            fn f(r#type: Vec<u8>, length: usize) -> Option<String> { None }
        };
        let text = text(quote!(length = 5), item);
        for wanted in [
            r#"doc : "First line.""#,
            r#"name : "type" , ty : "Vec<u8>" , default : :: core :: option :: Option :: None"#,
            r#"name : "length" , ty : "usize" , default : :: core :: option :: Option :: Some ("5")"#,
            r#"output : "Option<String>""#,
            "entry_of :: < _ , (Vec < u8 > , usize ,) > (f)",
        ] {
            assert!(text.contains(wanted), "{wanted} is not in {text}");
        }
    }

    #[test]
    fn a_cfg_holds_for_the_element_too() {
        assert!(
            text(
                quote!(),
                quote!(
                    #[cfg(unix)]
                    fn f() {}
                )
            )
            .starts_with("# [cfg (unix)] const _")
        );
    }

    #[test]
    fn defaults_must_name_arguments_and_come_last() {
        assert_eq!(
            refusal(
                quote!(size = 1),
                quote!(
                    fn f(a: u8, b: u8) {}
                )
            ),
            "the task has no argument `size`: it has `a`, `b`"
        );
        assert_eq!(
            refusal(
                quote!(size = 1),
                quote!(
                    fn f() {}
                )
            ),
            "the task has no argument `size`: it has none"
        );
        assert_eq!(
            refusal(
                quote!(a = 1),
                quote!(
                    fn f(a: u8, b: u8) {}
                )
            ),
            "`b` follows an argument with a default, so it needs one too"
        );
    }

    #[test]
    fn what_is_no_function_is_refused() {
        assert!(
            refusal(
                quote!(),
                quote!(
                    struct S;
                )
            )
            .starts_with("#[mp::task] is for a function with a body")
        );
    }
}
