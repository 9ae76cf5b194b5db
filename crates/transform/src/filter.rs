//! A filter in jq, compiled once and run on each event.

use std::fmt;

use jaq_core::compile::Undefined;
use jaq_core::load::parse::{BinaryOp, Def, Pattern, Term};
use jaq_core::load::{self, Arena, File, Loader};
use jaq_core::path::Part;
use jaq_core::{Compiler, Ctx, Exn, Vars};

use crate::engine::{Compiled, Jq};
use crate::functions::{definitions, natives};
use crate::place::Place;
use crate::val::{Kind, Val};

/// The largest filter, in bytes.
pub(crate) const MAX_FILTER: usize = 64 * 1024;

/// Characters of an error.
const MOST_TOLD: usize = 1000;

/// Parentheses, brackets and braces within one another.
const MAX_NESTED: usize = 64;

/// What a filter may be asked about beside its input.
pub(crate) const VARIABLES: [&str; 2] = ["$envelope", "$message"];

/// A compiled filter.
pub(crate) struct Filter(jaq_core::Filter<Jq>);

/// Why a text is no filter, with the line in it, from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mistake {
    pub(crate) line: usize,
    pub(crate) message: String,
}

/// How a run ended without one output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failed {
    /// An error, without values of the event.
    Error(String),
    /// More than one output.
    Several,
}

impl Filter {
    /// Compiles a filter.
    ///
    /// # Errors
    /// All mistakes that jaq finds, and definitions that call themselves.
    pub(crate) fn compile(code: &str) -> Result<Self, Vec<Mistake>> {
        let mistake = |at: &str, message: String| {
            let start = if code.as_bytes().as_ptr_range().contains(&at.as_ptr()) {
                load::span(code, at).start
            } else {
                code.len()
            };
            Mistake { line: line_of(code, start), message }
        };
        if code.len() > MAX_FILTER {
            return Err(vec![mistake(code, format!("a filter has at most {} KiB", MAX_FILTER / 1024))]);
        }
        if nested(code) > MAX_NESTED {
            return Err(vec![mistake(code, format!("a filter nests at most {MAX_NESTED} parentheses"))]);
        }
        let arena = Arena::default();
        let loaded = Loader::new(definitions()).load(&arena, File { code, path: () });
        let modules = loaded.map_err(|files| {
            files.into_iter().flat_map(|(_, error)| load_mistakes(error, &mistake)).collect::<Vec<_>>()
        })?;
        if let Some(name) =
            load::parse(code, |parser| parser.term()).and_then(|term| recursive(&term, &mut Vec::new()))
        {
            let message = format!(
                "`{name}` calls itself: use recurse, while, until, reduce or foreach, which are bounded"
            );
            return Err(vec![mistake(name, message)]);
        }
        let compiled = Compiler::default().with_funs(natives()).with_global_vars(VARIABLES).compile(modules);
        compiled.map(Self).map_err(|files| {
            let undefined = |(name, what): (&str, Undefined)| {
                let what = match what {
                    Undefined::Filter(0) => "function".to_owned(),
                    Undefined::Filter(arity) => format!("function with {arity} arguments"),
                    other => other.as_str().to_owned(),
                };
                mistake(name, format!("there is no {what} `{name}`"))
            };
            files.into_iter().flat_map(|(_, errors)| errors).map(undefined).collect()
        })
    }

    /// The one output, or none.
    pub(crate) fn run(&self, input: Val, variables: [Val; 2]) -> Result<Option<Val>, Failed> {
        let context = Ctx::<Jq>::new(Compiled(&self.0.lut), Vars::new(variables));
        let mut outputs = self.0.id.run((context, input));
        let Some(output) = outputs.next() else { return Ok(None) };
        let output = output.map_err(error)?;
        match outputs.next() {
            None => Ok(Some(output)),
            Some(Ok(_)) => Err(Failed::Several),
            Some(Err(exception)) => Err(error(exception)),
        }
    }
}

/// What jaq says. An error of the filter's own is told only where its text is the filter's own too.
fn error(exception: Exn<'_, Val>) -> Failed {
    let Ok(error) = exception.get_err() else { return Failed::Error("it breaks out of nothing".to_owned()) };
    let value = error.into_val();
    Failed::Error(match &value.kind {
        Kind::Text(text) if value.place == Place::FILTER => text.chars().take(MOST_TOLD).collect(),
        _ => format!("it calls error with {value}"),
    })
}

fn load_mistakes(error: load::Error<&str>, mistake: &impl Fn(&str, String) -> Mistake) -> Vec<Mistake> {
    match error {
        load::Error::Io(errors) => {
            errors.into_iter().map(|(at, _)| mistake(at, "a filter includes nothing".to_owned())).collect()
        }
        load::Error::Lex(errors) => errors
            .into_iter()
            .map(|(expected, at)| mistake(at, format!("expected {}", expected.as_str())))
            .collect(),
        load::Error::Parse(errors) => errors
            .into_iter()
            .map(|(expected, at)| mistake(at, format!("expected {}", expected.as_str())))
            .collect(),
    }
}

fn line_of(code: &str, at: usize) -> usize {
    code.as_bytes()[..at].iter().filter(|byte| **byte == b'\n').count() + 1
}

/// How deep brackets are nested, by their number alone: those in texts count too.
fn nested(code: &str) -> usize {
    let (mut depth, mut most) = (0_usize, 0);
    for byte in code.bytes() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        most = most.max(depth);
    }
    most
}

/// The name of a definition that calls itself. With arguments that are filters, what such a call holds on to
/// would grow with each call; without, `recurse` and the like do the same.
fn recursive<'s>(term: &Term<&'s str>, within: &mut Vec<(&'s str, usize)>) -> Option<&'s str> {
    match term {
        Term::Def(definitions, rest) => {
            let found = definitions.iter().find_map(|definition| in_definition(definition, within));
            found.or_else(|| recursive(rest, within))
        }
        Term::Call(name, arguments) if within.contains(&(*name, arguments.len())) => Some(name),
        term => parts(term).into_iter().find_map(|part| recursive(part, within)),
    }
}

/// The terms that a term is made of.
fn parts<'a, 's>(term: &'a Term<&'s str>) -> Vec<&'a Term<&'s str>> {
    let mut parts = Vec::new();
    match term {
        Term::Id | Term::Recurse | Term::Num(_) | Term::Break(_) | Term::Var(_) | Term::Arr(None) => {}
        Term::Str(_, texts) => parts.extend(texts.iter().filter_map(|part| match part {
            load::lex::StrPart::Term(term) => Some(term),
            _ => None,
        })),
        Term::Arr(Some(term)) | Term::Neg(term) | Term::Label(_, term) | Term::Def(_, term) => {
            parts.push(term)
        }
        Term::Obj(members) => {
            for (key, value) in members {
                parts.push(key);
                parts.extend(value);
            }
        }
        Term::BinOp(left, operation, right) => {
            if let BinaryOp::Pipe(Some(pattern)) = operation {
                keys_of(pattern, &mut parts);
            }
            parts.extend([&**left, &**right]);
        }
        Term::Fold(_, source, pattern, terms) => {
            parts.push(source);
            keys_of(pattern, &mut parts);
            parts.extend(terms);
        }
        Term::TryCatch(term, handler) => {
            parts.push(term);
            parts.extend(handler.as_deref());
        }
        Term::IfThenElse(branches, otherwise) => {
            parts.extend(branches.iter().flat_map(|(condition, then)| [condition, then]));
            parts.extend(otherwise.as_deref());
        }
        Term::Call(_, arguments) => parts.extend(arguments),
        Term::Path(term, path) => {
            parts.push(term);
            for (part, _) in &path.0 {
                match part {
                    Part::Index(index) => parts.push(index),
                    Part::Range(start, end) => parts.extend(start.iter().chain(end)),
                }
            }
        }
    }
    parts
}

fn in_definition<'s>(definition: &Def<&'s str>, within: &mut Vec<(&'s str, usize)>) -> Option<&'s str> {
    within.push((definition.name, definition.args.len()));
    let found = recursive(&definition.body, within);
    within.pop();
    found
}

fn keys_of<'a, 's>(pattern: &'a Pattern<&'s str>, keys: &mut Vec<&'a Term<&'s str>>) {
    match pattern {
        Pattern::Var(_) => {}
        Pattern::Arr(patterns) => patterns.iter().for_each(|pattern| keys_of(pattern, keys)),
        Pattern::Obj(members) => {
            for (key, pattern) in members {
                keys.push(key);
                keys_of(pattern, keys);
            }
        }
    }
}

impl fmt::Debug for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Filter")
    }
}
