//! What stands in the parentheses of `#[mp::task(length = 5, name = "x")]`: literals, by argument.
//!
//! Does **not** know the arguments' types: a default is JSON text, read like any argument of a command line.

use proc_macro2::TokenStream;
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Error, Expr, ExprLit, ExprUnary, Ident, Lit, Meta, Result, Token, UnOp};

/// One `argument = literal`.
#[derive(Debug)]
pub(crate) struct Default {
    /// The argument.
    pub(crate) name: Ident,
    /// The literal, as JSON.
    pub(crate) json: String,
}

/// All of them, in the order written.
pub(crate) fn parse(attr: TokenStream) -> Result<Vec<Default>> {
    let metas = Punctuated::<Meta, Token![,]>::parse_terminated.parse2(attr)?;
    let defaults = metas.iter().map(one).collect::<Result<Vec<_>>>()?;
    for (i, default) in defaults.iter().enumerate() {
        if defaults[..i].iter().any(|earlier| earlier.name == default.name) {
            return Err(Error::new(default.name.span(), format!("`{}` has two defaults", default.name)));
        }
    }
    Ok(defaults)
}

fn one(meta: &Meta) -> Result<Default> {
    let Meta::NameValue(pair) = meta else {
        return Err(Error::new(meta.span(), "expected `argument = literal`, the default of one argument"));
    };
    let name = pair.path.require_ident()?.clone();
    Ok(Default { name, json: json_of(&pair.value)? })
}

fn json_of(expr: &Expr) -> Result<String> {
    match expr {
        Expr::Lit(ExprLit { lit, .. }) => literal(lit),
        Expr::Unary(ExprUnary { op: UnOp::Neg(_), expr: inner, .. }) if is_number(inner) => {
            Ok(format!("-{}", json_of(inner)?))
        }
        Expr::Array(array) => list(&array.elems),
        Expr::Tuple(tuple) if !tuple.elems.is_empty() => list(&tuple.elems),
        Expr::Path(path) if path.path.is_ident("None") => Ok("null".to_owned()),
        Expr::Group(group) => json_of(&group.expr),
        other => Err(Error::new(
            other.span(),
            "a default is a literal that JSON can say: a number, a string, true, false, None, or a list of them",
        )),
    }
}

fn is_number(expr: &Expr) -> bool {
    matches!(expr, Expr::Lit(ExprLit { lit: Lit::Int(_) | Lit::Float(_), .. }))
}

fn list(items: &Punctuated<Expr, Token![,]>) -> Result<String> {
    let items = items.iter().map(json_of).collect::<Result<Vec<_>>>()?;
    Ok(format!("[{}]", items.join(",")))
}

fn literal(lit: &Lit) -> Result<String> {
    match lit {
        Lit::Int(int) => Ok(int.base10_digits().to_owned()),
        Lit::Float(float) => Ok(float_text(float.base10_digits())),
        Lit::Bool(bool) => Ok(bool.value.to_string()),
        Lit::Str(text) => Ok(quoted(&text.value())),
        Lit::Char(char) => Ok(quoted(&char.value().to_string())),
        other => Err(Error::new(other.span(), "JSON has no such literal: use a number, a string, true or false")),
    }
}

/// Rust allows `1.`; JSON does not.
fn float_text(digits: &str) -> String {
    if digits.ends_with('.') { format!("{digits}0") } else { digits.to_owned() }
}

fn quoted(text: &str) -> String {
    let mut json = String::from('"');
    for char in text.chars() {
        match char {
            '"' => json.push_str("\\\""),
            '\\' => json.push_str("\\\\"),
            control if control < ' ' => json.push_str(&format!("\\u{:04x}", u32::from(control))),
            other => json.push(other),
        }
    }
    json.push('"');
    json
}

#[cfg(test)]
mod tests {
    use super::*;
    use quote::quote;

    fn json(tokens: TokenStream) -> String {
        parse(quote!(arg = #tokens)).expect("is fine").remove(0).json
    }

    #[test]
    fn literals_become_json() {
        assert_eq!(json(quote!(5)), "5");
        assert_eq!(json(quote!(1_000_u64)), "1000");
        assert_eq!(json(quote!(-2.5)), "-2.5");
        assert_eq!(json(quote!(1.)), "1.0");
        assert_eq!(json(quote!(true)), "true");
        assert_eq!(json(quote!("a \"b\"\n")), r#""a \"b\"\u000a""#);
        assert_eq!(json(quote!([1, (2, "x")])), r#"[1,[2,"x"]]"#);
        assert_eq!(json(quote!(None)), "null");
    }

    #[test]
    fn what_json_cannot_say_is_refused() {
        let refused = parse(quote!(arg = length())).expect_err("is refused");
        assert!(refused.to_string().starts_with("a default is a literal"), "{refused}");
        assert!(parse(quote!(arg = b"bytes")).is_err());
        assert!(parse(quote!(arg = -"x")).is_err());
        assert!(parse(quote!(arg)).expect_err("is refused").to_string().starts_with("expected `argument = literal`"));
    }

    #[test]
    fn two_defaults_for_one_argument_are_refused() {
        assert_eq!(parse(quote!(a = 1, a = 2)).expect_err("is refused").to_string(), "`a` has two defaults");
    }
}
