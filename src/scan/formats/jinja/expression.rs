//! Parses expressions with Jinja2's precedence and evaluates them on the way, as far as constants go.

use super::calls::{self, Arguments};
use super::filters;
use super::lexer::Token;
use super::names;
use super::statement::Walker;
use super::value::{self, Value, Values, dict_value};
use crate::report::Severity;

/// Brackets and conditions in each other that are followed.
const MAX_DEPTH: u32 = 64;
/// Elements of a list, arguments of a call.
const MAX_ITEMS: usize = 10_000;

/// Why an expression cannot be read.
pub(super) struct Unparsable(pub(super) &'static str);

type Parsed<T> = Result<T, Unparsable>;

/// A value and the name by which it was reached, for variables and attributes of namespaces.
struct Node {
    values: Values,
    path: Option<String>,
    /// The method that was looked up but not called yet, and of what.
    method: Option<(Values, String)>,
}

impl From<Values> for Node {
    fn from(values: Values) -> Self {
        Self { values, path: None, method: None }
    }
}

/// The tokens of one tag, and what is known where they stand.
pub(super) struct Parser<'w, 't> {
    pub(super) walker: &'w mut Walker,
    tokens: &'t [Token],
    depth: u32,
}

impl<'w, 't> Parser<'w, 't> {
    pub(super) fn new(walker: &'w mut Walker, tokens: &'t [Token]) -> Self {
        Self { walker, tokens, depth: 0 }
    }

    pub(super) fn peek(&self) -> Option<&'t Token> {
        self.tokens.first()
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.tokens.is_empty()
    }

    pub(super) fn advance(&mut self) {
        self.tokens = self.tokens.get(1..).unwrap_or_default();
    }

    fn is_op(&self, wanted: &str) -> bool {
        matches!(self.peek(), Some(Token::Op(op)) if *op == wanted)
    }

    pub(super) fn take_op(&mut self, wanted: &str) -> bool {
        let is_there = self.is_op(wanted);
        if is_there {
            self.advance();
        }
        is_there
    }

    fn one_of(&mut self, wanted: &[&'static str]) -> Option<&'static str> {
        let Some(Token::Op(op)) = self.peek() else { return None };
        let found = wanted.iter().copied().find(|wanted| wanted == op)?;
        self.advance();
        Some(found)
    }

    pub(super) fn take_word(&mut self, wanted: &str) -> bool {
        let is_there = self.is_word(wanted);
        if is_there {
            self.advance();
        }
        is_there
    }

    fn is_word(&self, wanted: &str) -> bool {
        matches!(self.peek(), Some(Token::Name(name)) if name == wanted)
    }

    pub(super) fn name(&mut self) -> Parsed<&'t str> {
        let Some(Token::Name(name)) = self.peek() else { return Err(Unparsable("a name is missing")) };
        self.advance();
        Ok(name)
    }

    pub(super) fn expect_op(&mut self, wanted: &str) -> Parsed<()> {
        if self.take_op(wanted) { Ok(()) } else { Err(Unparsable("a bracket or sign is missing")) }
    }

    /// One or several expressions with commas between them.
    pub(super) fn tuple(&mut self) -> Parsed<Values> {
        let first = self.expression()?;
        if !self.is_op(",") {
            return Ok(first);
        }
        let mut elements = vec![first];
        while self.take_op(",") {
            let ends = self.is_at_end() || self.is_op(")") || self.is_op("]") || self.is_op("=");
            if ends || self.is_word("recursive") {
                break;
            }
            push(&mut elements, self.expression()?)?;
        }
        Ok(calls::list(&elements))
    }

    /// `a if condition else b`
    pub(super) fn expression(&mut self) -> Parsed<Values> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Unparsable("nested too deep"));
        }
        let mut all = self.or()?;
        while self.take_word("if") {
            self.or()?;
            if !self.take_word("else") {
                break;
            }
            all.add(self.expression()?);
        }
        self.depth -= 1;
        Ok(all)
    }

    /// `a or b`, `a and b`: either may come out. Used where a condition would end the expression too, as in `for x in a if b`.
    pub(super) fn or(&mut self) -> Parsed<Values> {
        let mut all = self.not()?;
        while self.take_word("or") || self.take_word("and") {
            all.add(self.not()?);
        }
        Ok(all)
    }

    fn not(&mut self) -> Parsed<Values> {
        let mut is_negated = false;
        while self.take_word("not") {
            is_negated = true;
        }
        let values = self.comparison()?;
        Ok(if is_negated { Values::DATA() } else { values })
    }

    fn comparison(&mut self) -> Parsed<Values> {
        let mut values = self.sum()?;
        loop {
            let is_not_in =
                self.is_word("not") && matches!(self.tokens.get(1), Some(Token::Name(name)) if name == "in");
            if is_not_in {
                self.advance();
            }
            if self.one_of(&["==", "!=", ">=", "<=", ">", "<"]).is_none() && !self.take_word("in") {
                return Ok(values);
            }
            self.sum()?;
            values = Values::DATA();
        }
    }

    fn sum(&mut self) -> Parsed<Values> {
        let mut left = self.concatenation()?;
        while let Some(operator) = self.one_of(&["+", "-"]) {
            let right = self.concatenation()?;
            left = self.fold(left.pair(&right, |left, right| match operator {
                "+" => value::add(left, right),
                _ => value::arithmetic(operator, left, right),
            }));
        }
        Ok(left)
    }

    fn concatenation(&mut self) -> Parsed<Values> {
        let mut left = self.product()?;
        while self.take_op("~") {
            let right = self.product()?;
            left = self.fold(left.pair(&right, value::concat));
        }
        Ok(left)
    }

    fn product(&mut self) -> Parsed<Values> {
        let mut left = self.unary()?;
        while let Some(operator) = self.one_of(&["*", "//", "/", "%", "**"]) {
            let right = self.unary()?;
            if operator == "*" {
                right.iter().for_each(|value| calls::large_number(&mut self.walker.seen, value));
            }
            left = self.fold(left.pair(&right, |left, right| match (operator, left, right) {
                ("*", ..) => value::multiply(left, right),
                ("%", Value::Str(_) | Value::Built, Value::List(items)) => value::percent(left, items),
                ("%", Value::Str(_) | Value::Built, _) => value::percent(left, std::slice::from_ref(right)),
                _ => value::arithmetic(operator, left, right),
            }));
        }
        Ok(left)
    }

    /// Looks at what was put together.
    fn fold(&mut self, values: Values) -> Values {
        self.walker.followed(values)
    }

    fn unary(&mut self) -> Parsed<Values> {
        let mut is_negative = false;
        while let Some(sign) = self.one_of(&["-", "+"]) {
            is_negative ^= sign == "-";
        }
        let node = self.primary()?;
        let node = self.postfix(node)?;
        let values = if is_negative {
            node.values.map(|value| value::arithmetic("-", &Value::Int(0), value))
        } else {
            node.values
        };
        self.filters(values)
    }

    fn primary(&mut self) -> Parsed<Node> {
        let token = self.peek().ok_or(Unparsable("an expression is missing"))?;
        self.advance();
        match token {
            Token::Str(text) => Ok(self.strings(text).into()),
            Token::Int(number) => Ok(Values::from(Value::Int(*number)).into()),
            Token::Float => Ok(Values::DATA().into()),
            Token::Name(name) => Ok(self.variable(name)),
            Token::Op("(") if self.take_op(")") => Ok(calls::list(&[]).into()),
            Token::Op("(") => {
                let values = self.tuple()?;
                self.expect_op(")")?;
                Ok(values.into())
            }
            Token::Op("[") => Ok(self.list()?.into()),
            Token::Op("{") => Ok(self.dict()?.into()),
            Token::Op(_) => Err(Unparsable("an expression begins with a sign")),
        }
    }

    /// Strings that follow on each other are one.
    fn strings(&mut self, first: &str) -> Values {
        let mut text = first.to_owned();
        while let Some(Token::Str(next)) = self.peek() {
            text.push_str(next);
            self.advance();
        }
        self.walker.seen.string(&text);
        Values::str(&text)
    }

    fn variable(&mut self, name: &'t str) -> Node {
        if matches!(name, "true" | "false" | "none" | "True" | "False" | "None") {
            return Values::DATA().into();
        }
        self.walker.seen.attribute(name);
        let is_called = self.is_op("(");
        let is_taken_apart = self.is_op(".") || self.is_op("[") || self.is_op("|");
        let known = self.walker.variables.get(name).cloned();
        let values = match known {
            Some(values) => values,
            None if filters::is_function(name) => {
                if is_taken_apart {
                    self.walker.seen.foreign(Severity::High, name);
                }
                Value::Object.into()
            }
            None if names::FOREIGN.contains(&name) => {
                let is_test = self.is_word("is");
                if !is_test && !is_called {
                    self.walker.seen.foreign(Severity::Medium, name);
                }
                Values::DATA()
            }
            None => Values::DATA(),
        };
        Node { values, path: Some(name.to_owned()), method: None }
    }

    fn list(&mut self) -> Parsed<Values> {
        let mut elements = Vec::new();
        while !self.take_op("]") {
            push(&mut elements, self.expression()?)?;
            if !self.take_op(",") {
                self.expect_op("]")?;
                break;
            }
        }
        Ok(calls::list(&elements))
    }

    fn dict(&mut self) -> Parsed<Values> {
        let mut items = Vec::new();
        while !self.take_op("}") {
            let key = self.expression()?;
            self.expect_op(":")?;
            let value = self.expression()?;
            if items.len() < MAX_ITEMS {
                items.push((key.single(), value.single()));
            }
            if !self.take_op(",") {
                self.expect_op("}")?;
                break;
            }
        }
        Ok(dict_value(items).into())
    }

    fn postfix(&mut self, mut node: Node) -> Parsed<Node> {
        loop {
            node = if self.take_op(".") {
                self.attribute(node)?
            } else if self.take_op("[") {
                self.subscript(&node)?
            } else if self.take_op("(") {
                self.call(node)?
            } else {
                return Ok(node);
            };
        }
    }

    fn attribute(&mut self, node: Node) -> Parsed<Node> {
        let token = self.peek().ok_or(Unparsable("an attribute has no name"))?;
        self.advance();
        let name = match token {
            Token::Name(name) => name,
            Token::Int(_) | Token::Float => return Ok(Values::DATA().into()),
            _ => return Err(Unparsable("an attribute has no name")),
        };
        self.walker.seen.attribute(name);
        let path = node.path.map(|path| format!("{path}.{name}"));
        let known = path.as_ref().and_then(|path| self.walker.variables.get(path).cloned());
        let values =
            known.unwrap_or_else(|| node.values.map(|value| value::item(value, &Value::Str(name.as_str().into()))));
        let path = path.filter(|path| path.len() < 200);
        Ok(Node { values, path, method: Some((node.values, name.clone())) })
    }

    fn subscript(&mut self, node: &Node) -> Parsed<Node> {
        let mut bounds: [Result<Option<i64>, ()>; 3] = [Ok(None); 3];
        let mut index = None;
        let mut place = 0;
        while !self.take_op("]") {
            if self.take_op(":") {
                place += 1;
                continue;
            }
            let values = self.tuple()?;
            if let Some(bound) = bounds.get_mut(place) {
                *bound = match values.single() {
                    Value::Int(number) => Ok(Some(number)),
                    _ => Err(()),
                };
            }
            index = Some(values);
            if !self.is_op(":") && !self.is_op("]") {
                return Err(Unparsable("a bracket is not closed"));
            }
        }
        if place > 0 {
            let values = self.walker.followed(node.values.map(|value| value::slice(value, &bounds)));
            return Ok(values.into());
        }
        let index = index.ok_or(Unparsable("brackets without an index"))?;
        self.look_up(&index);
        let path = match (&node.path, index.single()) {
            (Some(path), Value::Str(name)) => Some(format!("{path}.{name}")).filter(|path| path.len() < 200),
            _ => None,
        };
        let known = path.as_ref().and_then(|path| self.walker.variables.get(path).cloned());
        let values = known.unwrap_or_else(|| node.values.pair(&index, value::item));
        let method = match index.single() {
            Value::Str(name) => Some((node.values.clone(), name.to_string())),
            _ => None,
        };
        Ok(Node { values: self.walker.followed(values), path, method })
    }

    /// `object[name]` falls back to the attribute of that name.
    fn look_up(&mut self, index: &Values) {
        for value in index.iter() {
            match value {
                Value::Str(name) => self.walker.seen.attribute(name),
                Value::Built => self.walker.seen.dynamic(Severity::Medium, "[...]"),
                _ => {}
            }
        }
    }

    fn call(&mut self, node: Node) -> Parsed<Node> {
        let arguments = self.arguments()?;
        let seen = &mut self.walker.seen;
        let values = match (node.method, node.path) {
            (Some((object, name)), _) => calls::method(seen, &object, &name, &arguments),
            (None, Some(name)) if self.walker.macros.contains(&name) => Value::Built.into(),
            (None, Some(name)) => calls::function(seen, &name, &arguments),
            (None, None) => Values::DATA(),
        };
        Ok(values.into())
    }

    /// Arguments up to the closing bracket; the opening one was taken.
    pub(super) fn arguments(&mut self) -> Parsed<Arguments> {
        let mut arguments = Arguments::default();
        while !self.take_op(")") {
            let is_spread = self.one_of(&["**", "*"]).is_some();
            let is_named = !is_spread && matches!(self.tokens.get(1), Some(Token::Op("=")));
            if is_named && let Some(Token::Name(name)) = self.peek() {
                self.advance();
                self.advance();
                self.walker.seen.attribute(name);
                let value = self.expression()?;
                if arguments.named.len() < MAX_ITEMS {
                    arguments.named.push((name.clone(), value));
                }
            } else {
                let value = self.expression()?;
                let value = if is_spread { value.elements() } else { value };
                push(&mut arguments.positional, value)?;
            }
            if !self.take_op(",") {
                self.expect_op(")")?;
                break;
            }
        }
        Ok(arguments)
    }

    /// `| filter`, `is test`, and calls of their results.
    pub(super) fn filters(&mut self, mut values: Values) -> Parsed<Values> {
        loop {
            if self.take_op("|") {
                values = self.filter(&values)?;
            } else if self.take_word("is") {
                self.test()?;
                values = Values::DATA();
            } else if self.take_op("(") {
                self.arguments()?;
                values = Values::DATA();
            } else if self.is_op(".") || self.is_op("[") {
                // Jinja2 takes no attribute of a filter's result; other engines do.
                values = self.postfix(values.into())?.values;
            } else {
                return Ok(values);
            }
        }
    }

    /// A filter's name and arguments; the bar was taken.
    pub(super) fn filter(&mut self, values: &Values) -> Parsed<Values> {
        let mut name = self.name()?;
        while self.take_op(".") {
            name = self.name()?;
        }
        let arguments = if self.take_op("(") { self.arguments()? } else { Arguments::default() };
        Ok(filters::apply(&mut self.walker.seen, values, name, &arguments))
    }

    fn test(&mut self) -> Parsed<()> {
        self.take_word("not");
        self.name()?;
        while self.take_op(".") {
            self.name()?;
        }
        if self.take_op("(") {
            self.arguments()?;
            return Ok(());
        }
        let is_argument = match self.peek() {
            Some(Token::Name(name)) => {
                !matches!(name.as_str(), "else" | "or" | "and" | "is" | "if" | "not" | "in" | "recursive")
            }
            Some(Token::Str(_) | Token::Int(_) | Token::Float) => true,
            Some(Token::Op(op)) => matches!(*op, "[" | "{"),
            None => false,
        };
        if is_argument {
            let node = self.primary()?;
            self.postfix(node)?;
        }
        Ok(())
    }
}

fn push(elements: &mut Vec<Values>, value: Values) -> Parsed<()> {
    if elements.len() >= MAX_ITEMS {
        return Err(Unparsable("a list is longer than any template has"));
    }
    elements.push(value);
    Ok(())
}
