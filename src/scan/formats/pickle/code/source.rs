//! Python source as a run of names: enough to follow imports and dotted names, and no more.
//!
//! Texts and comments are told from names; everything else (blocks, types, scopes) is not looked at.

use super::Step;

/// Source that is looked at.
const MAX_BYTES: usize = 4 << 20;

/// A piece of source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word<'s> {
    Name(&'s str),
    Text(&'s str),
    Sign(char),
    Newline,
}

impl<'s> Word<'s> {
    /// What stands between the quotes of a text.
    pub(super) fn text(&self) -> Option<&'s str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// `os`, `os.path`: something that may name a module or an attribute.
pub(super) fn is_name(text: &str) -> bool {
    !text.is_empty() && text.len() < 128 && text.chars().all(|c| c == '_' || c == '.' || c.is_alphanumeric())
}

/// Splits source into its pieces.
pub(super) fn words(source: &str) -> Vec<Word<'_>> {
    let mut words = Vec::new();
    let mut rest = source.get(..source.floor_char_boundary(MAX_BYTES)).unwrap_or_default();
    while let Some(first) = rest.chars().next() {
        let size = match first {
            '#' => rest.find('\n').unwrap_or(rest.len()),
            '"' | '\'' => text(rest, &mut words),
            '\n' => {
                words.push(Word::Newline);
                1
            }
            '_' => name(rest, &mut words),
            c if c.is_alphabetic() => name(rest, &mut words),
            c if c.is_whitespace() => c.len_utf8(),
            c => {
                words.push(Word::Sign(c));
                c.len_utf8()
            }
        };
        rest = rest.get(size.max(1)..).unwrap_or_default();
    }
    words
}

fn name<'s>(rest: &'s str, words: &mut Vec<Word<'s>>) -> usize {
    let size = rest.find(|c: char| c != '_' && !c.is_alphanumeric()).unwrap_or(rest.len());
    words.push(Word::Name(rest.get(..size).unwrap_or_default()));
    size
}

fn text<'s>(rest: &'s str, words: &mut Vec<Word<'s>>) -> usize {
    let quote = if rest.starts_with("\"\"\"") || rest.starts_with("'''") { rest.get(..3) } else { rest.get(..1) };
    let Some(quote) = quote else { return 1 };
    let inner = rest.get(quote.len()..).unwrap_or_default();
    let end = inner.match_indices(quote).find(|(at, _)| !is_escaped(inner, *at)).map(|(at, _)| at);
    let end = end.unwrap_or(inner.len());
    words.push(Word::Text(inner.get(..end).unwrap_or_default()));
    (quote.len() + end + quote.len()).min(rest.len())
}

fn is_escaped(text: &str, at: usize) -> bool {
    let before = text.as_bytes().get(..at).unwrap_or_default();
    before.iter().rev().take_while(|b| **b == b'\\').count() % 2 == 1
}

/// Whether a function that the source defines has a parameter of this name.
pub(super) fn has_parameter(words: &[Word<'_>], name: &str) -> bool {
    let mut lines = words.split(|word| matches!(word, Word::Newline | Word::Sign(';')));
    lines.any(|line| matches!(line, [Word::Name("def"), _, rest @ ..] if rest.contains(&Word::Name(name))))
}

/// The names as what they load and bind.
pub(super) fn steps<'s>(words: &[Word<'s>]) -> Vec<Step<'s>> {
    let mut steps = Vec::new();
    for line in words.split(|word| matches!(word, Word::Newline | Word::Sign(';'))) {
        match line {
            [Word::Name("import"), rest @ ..] => import(rest, &mut steps),
            [Word::Name("from"), rest @ ..] => import_from(rest, &mut steps),
            _ => expression(line, &mut steps),
        }
    }
    steps
}

/// `os.path as p, sys`
fn import<'s>(line: &[Word<'s>], steps: &mut Vec<Step<'s>>) {
    for part in line.split(|word| *word == Word::Sign(',')) {
        let names: Vec<&str> =
            part.iter().filter_map(|w| if let Word::Name(n) = w { Some(*n) } else { None }).collect();
        let module =
            names.iter().position(|name| *name == "as").map_or(&*names, |at| names.get(..at).unwrap_or_default());
        let [first, rest @ ..] = module else { continue };
        steps.push(Step::Import(first));
        let bound = if names.len() > module.len() {
            steps.extend(rest.iter().map(|name| Step::Attribute(name)));
            names.last().copied()
        } else {
            Some(*first)
        };
        steps.extend(bound.map(Step::Store));
    }
}

/// `os import system as s, path`
fn import_from<'s>(line: &[Word<'s>], steps: &mut Vec<Step<'s>>) {
    let at = line.iter().position(|word| *word == Word::Name("import"));
    let Some((module, names)) = at.map(|at| line.split_at(at)) else { return };
    let mut module = module.iter().filter_map(|w| if let Word::Name(n) = w { Some(*n) } else { None });
    // A path of several parts is judged by its first and last, which is where dangerous modules are named.
    let Some(first) = module.next() else { return };
    for part in names.get(1..).unwrap_or_default().split(|word| *word == Word::Sign(',')) {
        let names: Vec<&str> =
            part.iter().filter_map(|w| if let Word::Name(n) = w { Some(*n) } else { None }).collect();
        let Some((name, rest)) = names.split_first() else { continue };
        steps.push(Step::Import(first));
        steps.extend(module.clone().map(Step::Attribute));
        steps.push(Step::Attribute(name));
        steps.push(Step::Store(rest.last().unwrap_or(name)));
    }
}

/// Dotted names, and what a plain assignment binds.
fn expression<'s>(line: &[Word<'s>], steps: &mut Vec<Step<'s>>) {
    if let [Word::Name(bound), Word::Sign('='), rest @ ..] = line
        && !matches!(rest.first(), Some(Word::Sign('=')))
    {
        expression(rest, steps);
        if rest.iter().all(|word| matches!(word, Word::Name(_) | Word::Sign('.'))) {
            steps.push(Step::Store(bound));
        }
        return;
    }
    let mut after_dot = false;
    for (index, word) in line.iter().enumerate() {
        match word {
            Word::Name(name) if after_dot => steps.push(Step::Attribute(name)),
            Word::Name(name) if is_keyword_argument(line, index) => {
                let _ = name;
                steps.push(Step::Other);
            }
            Word::Name(
                "def" | "class" | "return" | "lambda" | "if" | "else" | "for" | "in" | "is" | "not" | "and" | "or",
            ) => {
                steps.push(Step::Other);
            }
            Word::Name(name) if index > 0 && matches!(line.get(index - 1), Some(Word::Name("def" | "class"))) => {
                let _ = name;
                steps.push(Step::Other);
            }
            Word::Name(name) => steps.push(Step::Global(name)),
            Word::Sign('.') => {}
            _ => steps.push(Step::Other),
        }
        after_dot = *word == Word::Sign('.');
    }
    steps.push(Step::Other);
}

/// `name=` but not `name==`.
fn is_keyword_argument(line: &[Word<'_>], index: usize) -> bool {
    matches!(line.get(index + 1), Some(Word::Sign('='))) && !matches!(line.get(index + 2), Some(Word::Sign('=')))
}
