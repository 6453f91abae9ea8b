//! Goes through the parts of a template in order and remembers what its variables may be.

use std::collections::{HashMap, HashSet};

use super::expression::{Parser, Unparsable};
use super::lexer::{Part, Tag};
use super::seen::Seen;
use super::value::{Value, Values};

/// Variables that are remembered.
const MAX_VARIABLES: usize = 4096;
/// Values that are put together, over the whole template.
const MAX_FOLDS: u32 = 200_000;

/// What is known while a template is gone through.
pub(super) struct Walker {
    pub(super) seen: Seen,
    /// What each variable, and each attribute of a namespace by its dotted path, may be.
    pub(super) variables: HashMap<String, Values>,
    pub(super) macros: HashSet<String>,
    folds: u32,
    /// The variable that the text is set to until `endset`.
    captured: Option<(String, Values)>,
}

impl Walker {
    pub(super) fn new() -> Self {
        Self { seen: Seen::default(), variables: HashMap::new(), macros: HashSet::new(), folds: 0, captured: None }
    }

    /// Reads one part.
    pub(super) fn part(&mut self, part: Part<'_>) {
        match part {
            Part::Text(text) => self.capture(&Values::str(text.trim())),
            Part::Output(tag) => self.tag(&tag, |parser| {
                let values = parser.tuple()?;
                parser.walker.capture(&values);
                Ok(())
            }),
            Part::Statement(tag) => self.tag(&tag, statement),
        }
    }

    fn tag(&mut self, tag: &Tag<'_>, read: impl Fn(&mut Parser<'_, '_>) -> Result<(), Unparsable>) {
        self.seen.enter(tag.at, tag.source);
        let mut parser = Parser::new(self, &tag.tokens);
        let result = read(&mut parser);
        let is_read = parser.is_at_end();
        match result {
            Ok(()) if is_read => {}
            Ok(()) => self.seen.unparsable(tag.at, "something stands behind the end of an expression"),
            Err(Unparsable(reason)) => self.seen.unparsable(tag.at, reason),
        }
    }

    /// Adds to the text of the variable that is being set.
    fn capture(&mut self, values: &Values) {
        let Some((name, text)) = self.captured.take() else { return };
        let text = self.followed(text.pair(values, super::value::concat));
        self.captured = Some((name, text));
    }

    /// Looks at what was put together, and gives up following it when that was too much.
    pub(super) fn followed(&mut self, values: Values) -> Values {
        self.folds = self.folds.saturating_add(1);
        if self.folds > MAX_FOLDS {
            self.seen.is_exhausted = true;
            return Value::Built.into();
        }
        for value in values.iter() {
            if let Value::Str(text) = value {
                self.seen.string(text);
            }
        }
        values
    }

    /// A variable may be this, besides what it may be already.
    fn assign(&mut self, name: &str, values: Values) {
        if let Some(known) = self.variables.get_mut(name) {
            known.add(values);
        } else if self.variables.len() < MAX_VARIABLES {
            self.variables.insert(name.to_owned(), values);
        } else {
            self.seen.is_exhausted = true;
        }
    }
}

type Parsed = Result<(), Unparsable>;

fn statement(parser: &mut Parser<'_, '_>) -> Parsed {
    match parser.name()? {
        "if" | "elif" | "do" | "autoescape" => parser.tuple().map(|_| ()),
        "for" => for_loop(parser),
        "set" => set(parser),
        "macro" => definition(parser),
        "call" => call_block(parser),
        "filter" => {
            parser.filter(&Values::DATA())?;
            parser.filters(Values::DATA()).map(|_| ())
        }
        "with" => with(parser),
        "include" | "import" | "extends" | "from" => {
            parser.walker.seen.include();
            rest(parser);
            Ok(())
        }
        "endset" => {
            if let Some((name, values)) = parser.walker.captured.take() {
                parser.walker.assign(&name, values);
            }
            Ok(())
        }
        "block" | "endblock" | "endmacro" => {
            rest(parser);
            Ok(())
        }
        "else" | "endif" | "endfor" | "endcall" | "endfilter" | "endwith" | "endautoescape" | "break" | "continue"
        | "generation" | "endgeneration" | "debug" => Ok(()),
        _ => Err(Unparsable("a statement that Jinja does not have")),
    }
}

fn rest(parser: &mut Parser<'_, '_>) {
    while !parser.is_at_end() {
        parser.advance();
    }
}

/// Names that are set: `a`, `a, b`, `(a, b)`, `space.a`.
fn targets(parser: &mut Parser<'_, '_>) -> Result<Vec<String>, Unparsable> {
    let mut names = Vec::new();
    loop {
        while parser.take_op("(") {}
        let mut name = parser.name()?.to_owned();
        parser.walker.seen.attribute(&name);
        while parser.take_op(".") {
            let attribute = parser.name()?;
            parser.walker.seen.attribute(attribute);
            name = format!("{name}.{attribute}");
        }
        names.push(name);
        while parser.take_op(")") {}
        if !parser.take_op(",") {
            return Ok(names);
        }
    }
}

fn for_loop(parser: &mut Parser<'_, '_>) -> Parsed {
    let names = targets(parser)?;
    if !parser.take_word("in") {
        return Err(Unparsable("a loop goes over nothing"));
    }
    let mut iterated = parser.or()?;
    while parser.take_op(",") {
        iterated.add(parser.or()?);
    }
    let elements = if names.len() == 1 { iterated.elements() } else { Values::DATA() };
    for name in &names {
        parser.walker.assign(name, elements.clone());
    }
    parser.walker.assign("loop", Values::DATA());
    if parser.take_word("if") {
        parser.expression()?;
    }
    parser.take_word("recursive");
    Ok(())
}

fn set(parser: &mut Parser<'_, '_>) -> Parsed {
    let names = targets(parser)?;
    if parser.take_op("=") {
        let values = parser.tuple()?;
        if let [name] = names.as_slice() {
            parser.walker.assign(name, values);
        } else {
            names.iter().for_each(|name| parser.walker.assign(name, values.elements()));
        }
        return Ok(());
    }
    parser.filters(Values::DATA())?;
    parser.walker.captured = names.into_iter().next().map(|name| (name, Values::str("")));
    Ok(())
}

fn parameters(parser: &mut Parser<'_, '_>) -> Parsed {
    while !parser.take_op(")") {
        let name = parser.name()?;
        parser.walker.seen.attribute(name);
        let default = if parser.take_op("=") { parser.expression()? } else { Values::DATA() };
        parser.walker.assign(name, default);
        if !parser.take_op(",") {
            parser.expect_op(")")?;
            break;
        }
    }
    Ok(())
}

fn definition(parser: &mut Parser<'_, '_>) -> Parsed {
    let name = parser.name()?;
    parser.walker.seen.attribute(name);
    if parser.walker.macros.len() < MAX_VARIABLES {
        parser.walker.macros.insert(name.to_owned());
    }
    parser.expect_op("(")?;
    parameters(parser)
}

fn call_block(parser: &mut Parser<'_, '_>) -> Parsed {
    if parser.take_op("(") {
        parameters(parser)?;
    }
    parser.expression().map(|_| ())
}

fn with(parser: &mut Parser<'_, '_>) -> Parsed {
    while !parser.is_at_end() {
        let names = targets(parser)?;
        parser.expect_op("=")?;
        let values = parser.expression()?;
        names.iter().for_each(|name| parser.walker.assign(name, values.clone()));
        parser.take_op(",");
    }
    Ok(())
}
