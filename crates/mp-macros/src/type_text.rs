//! A type as a person writes it: `Vec<(u64, String)>`, where tokens print as `Vec < (u64 , String) >`.
//!
//! Does **not** know what the type means.

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};
use quote::ToTokens;

/// The text of `tokens`, spaced as rustfmt would.
pub(crate) fn type_text(tokens: &impl ToTokens) -> String {
    let mut text = String::new();
    write_stream(tokens.to_token_stream(), &mut text);
    text
}

fn write_stream(tokens: TokenStream, text: &mut String) {
    let mut joint = false;
    for token in tokens {
        match token {
            TokenTree::Group(group) => write_group(group.delimiter(), group.stream(), text),
            TokenTree::Punct(punct) => {
                write_punct(punct.as_char(), joint, text);
                joint = punct.spacing() == Spacing::Joint;
                continue;
            }
            word @ (TokenTree::Ident(_) | TokenTree::Literal(_)) => write_word(&word.to_string(), text),
        }
        joint = false;
    }
}

fn write_group(delimiter: Delimiter, inner: TokenStream, text: &mut String) {
    let (open, close) = match delimiter {
        Delimiter::Parenthesis => ("(", ")"),
        Delimiter::Bracket => ("[", "]"),
        Delimiter::Brace => ("{ ", " }"),
        Delimiter::None => ("", ""),
    };
    text.push_str(open);
    write_stream(inner, text);
    text.push_str(close);
}

fn write_punct(punct: char, joint: bool, text: &mut String) {
    match punct {
        ',' | ';' => {
            text.push(punct);
            text.push(' ');
        }
        '>' if joint && text.ends_with(" -") => text.push_str("> "),
        '-' | '+' | '=' => {
            text.push(' ');
            text.push(punct);
            if punct != '-' {
                text.push(' ');
            }
        }
        other => text.push(other),
    }
}

fn write_word(word: &str, text: &mut String) {
    if text.ends_with(|last: char| last.is_alphanumeric() || last == '_') {
        text.push(' ');
    }
    text.push_str(word);
}

#[cfg(test)]
mod tests {
    use super::*;
    use quote::quote;

    #[test]
    fn types_read_as_they_were_written() {
        for (tokens, wanted) in [
            (quote!(u64), "u64"),
            (quote!(Vec<f64>), "Vec<f64>"),
            (
                quote!(std::collections::BTreeMap<String, Vec<(u8, char)>>),
                "std::collections::BTreeMap<String, Vec<(u8, char)>>",
            ),
            (quote!([u8; 4]), "[u8; 4]"),
            (quote!(Result<(), String>), "Result<(), String>"),
            (quote!(Box<dyn Fn(u8) -> u8 + Send>), "Box<dyn Fn(u8) -> u8 + Send>"),
            (quote!(Cow<'static, str>), "Cow<'static, str>"),
        ] {
            assert_eq!(type_text(&tokens), wanted);
        }
    }
}
