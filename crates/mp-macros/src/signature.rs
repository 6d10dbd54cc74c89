//! Which functions can have a name, and the arguments of one that can.
//!
//! Does **not** know types: whether an argument can cross is for the trait bounds in the expansion to say.

use proc_macro2::Span;
use syn::spanned::Spanned;
use syn::visit::Visit;
use syn::{Error, FnArg, Ident, Pat, PatType, Result, ReturnType, Signature, Type, TypeImplTrait, TypeReference};

/// As many arguments as `mp` tasks take.
const MOST: usize = 8;

/// A named argument.
pub(crate) struct Argument {
    /// Its name.
    pub(crate) name: Ident,
    /// Its type.
    pub(crate) ty: Type,
}

/// The arguments of a function that can be a task.
pub(crate) fn arguments(signature: &Signature) -> Result<Vec<Argument>> {
    check_form(signature)?;
    if let ReturnType::Type(_, ty) = &signature.output {
        check_type(ty, "result")?;
    }
    if let Some(ninth) = signature.inputs.iter().nth(MOST) {
        let text =
            format!("a task has at most {MOST} arguments, this has {}: put some into a struct", signature.inputs.len());
        return Err(Error::new(ninth.span(), text));
    }
    signature.inputs.iter().map(argument).collect()
}

fn check_form(signature: &Signature) -> Result<()> {
    let refuse = |span: Span, why: &str| Err(Error::new(span, why));
    if let Some(word) = &signature.asyncness {
        return refuse(word.span(), "a task is not async: a worker runs it to its end (start a runtime inside it)");
    }
    if let Some(word) = &signature.unsafety {
        return refuse(word.span(), "a task is not unsafe: its caller is a command line");
    }
    if !signature.generics.params.is_empty() {
        return refuse(signature.generics.span(), "a task is not generic: a name must mean one function");
    }
    match &signature.variadic {
        Some(dots) => refuse(dots.span(), "a task has a fixed number of arguments"),
        None => Ok(()),
    }
}

fn argument(input: &FnArg) -> Result<Argument> {
    let PatType { pat, ty, .. } = match input {
        FnArg::Typed(typed) => typed,
        FnArg::Receiver(word) => {
            return Err(Error::new(word.span(), "a task takes no self: it runs in another process (pass a value)"));
        }
    };
    check_type(ty, "argument")?;
    match &**pat {
        Pat::Ident(ident) => Ok(Argument { name: ident.ident.clone(), ty: (**ty).clone() }),
        other => Err(Error::new(other.span(), "an argument of a task needs a plain name: `mpctl tasks` shows it")),
    }
}

fn check_type(ty: &Type, place: &'static str) -> Result<()> {
    let mut finder = Finder { place, found: None };
    finder.visit_type(ty);
    finder.found.map_or(Ok(()), Err)
}

/// Looks for what can't cross: references and `impl Trait`.
struct Finder {
    place: &'static str,
    found: Option<Error>,
}

impl Finder {
    fn refuse(&mut self, span: Span, what: &str) {
        let text = format!("{what} in the {} of a task", self.place);
        self.found.get_or_insert_with(|| Error::new(span, text));
    }
}

impl<'ast> Visit<'ast> for Finder {
    fn visit_type_reference(&mut self, ty: &'ast TypeReference) {
        self.refuse(ty.span(), "a reference cannot cross to another process: use an owned type (String, Vec)");
    }

    fn visit_type_impl_trait(&mut self, ty: &'ast TypeImplTrait) {
        self.refuse(ty.span(), "`impl Trait` has no name that both sides know: use a concrete type");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use syn::ItemFn;

    fn read(text: &str) -> Result<Vec<Argument>> {
        arguments(&syn::parse_str::<ItemFn>(text).expect("is Rust").sig)
    }

    #[test]
    fn plain_functions_are_read() {
        let args = read("pub const fn f(mut a: u8, b: Vec<String>) -> u8 { 0 }").expect("is fine");
        assert_eq!(args.iter().map(|arg| arg.name.to_string()).collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn each_form_that_cannot_be_a_task_is_refused_in_its_own_words() {
        for (text, wanted) in [
            ("async fn f() {}", "a task is not async"),
            ("unsafe fn f() {}", "a task is not unsafe"),
            ("fn f<T>(a: T) {}", "a task is not generic"),
            ("fn f<'a>(a: Cow<'a, str>) {}", "a task is not generic"),
            ("fn f(&self) {}", "a task takes no self"),
            ("fn f(a: &str) {}", "a reference cannot cross"),
            ("fn f(a: Option<&'static str>) {}", "a reference cannot cross"),
            ("fn f() -> &'static str {}", "a reference cannot cross"),
            ("fn f(a: impl Into<u8>) {}", "`impl Trait` has no name"),
            ("fn f() -> impl Iterator<Item = u8> {}", "`impl Trait` has no name"),
            ("fn f((a, b): (u8, u8)) {}", "an argument of a task needs a plain name"),
            (
                "fn f(a: u8, b: u8, c: u8, d: u8, e: u8, f: u8, g: u8, h: u8, i: u8) {}",
                "a task has at most 8 arguments, this has 9",
            ),
        ] {
            let error = read(text).map(drop).expect_err("is refused").to_string();
            assert!(error.starts_with(wanted), "{text}: {error}");
        }
    }
}
