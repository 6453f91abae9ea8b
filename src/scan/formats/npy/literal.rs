//! The part of Python's literals that stands in npy headers: dictionaries, tuples, lists, strings, numbers, `True`, `False`, `None`.
//!
//! Strict and bounded: what is not such a literal is refused, and nothing is ever evaluated.

/// A parsed literal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Literal {
    Text(String),
    Number(u64),
    Word,
    /// A tuple or a list.
    Sequence(Vec<Literal>),
    /// The entries whose keys are strings, in order.
    Dict(Vec<(String, Literal)>),
}

/// Brackets inside brackets that are followed.
const MAX_DEPTH: u32 = 24;

/// Parses `text`, which may be followed by spaces and a newline.
pub(super) fn parse(text: &[u8]) -> Option<Literal> {
    let mut parser = Parser { rest: text };
    let literal = parser.value(0)?;
    parser.skip_spaces();
    parser.rest.is_empty().then_some(literal)
}

struct Parser<'a> {
    rest: &'a [u8],
}

impl Parser<'_> {
    fn skip_spaces(&mut self) {
        while let [b' ' | b'\n' | b'\t' | b'\r', rest @ ..] = self.rest {
            self.rest = rest;
        }
    }

    /// Goes past `byte` if it is next.
    fn take(&mut self, byte: u8) -> bool {
        self.skip_spaces();
        match self.rest {
            [first, rest @ ..] if *first == byte => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    fn value(&mut self, depth: u32) -> Option<Literal> {
        self.skip_spaces();
        if depth > MAX_DEPTH {
            return None;
        }
        match self.rest.first()? {
            b'{' => self.dict(depth),
            b'(' => self.sequence(b'(', b')', depth),
            b'[' => self.sequence(b'[', b']', depth),
            b'\'' | b'"' => self.text().map(Literal::Text),
            b'0'..=b'9' => self.number(),
            b'T' | b'F' | b'N' => self.word(),
            // A prefix of a string, as Python 2 wrote for Unicode.
            b'u' | b'b' => {
                self.rest = self.rest.get(1..)?;
                self.text().map(Literal::Text)
            }
            _ => None,
        }
    }

    fn dict(&mut self, depth: u32) -> Option<Literal> {
        self.take(b'{');
        let mut entries = Vec::new();
        while !self.take(b'}') {
            let key = self.value(depth + 1)?;
            if !self.take(b':') {
                return None;
            }
            let value = self.value(depth + 1)?;
            if let Literal::Text(key) = key {
                entries.push((key, value));
            }
            if !self.take(b',') {
                return self.take(b'}').then_some(Literal::Dict(entries));
            }
        }
        Some(Literal::Dict(entries))
    }

    fn sequence(&mut self, open: u8, close: u8, depth: u32) -> Option<Literal> {
        self.take(open);
        let mut parts = Vec::new();
        while !self.take(close) {
            parts.push(self.value(depth + 1)?);
            if !self.take(b',') {
                return self.take(close).then_some(Literal::Sequence(parts));
            }
        }
        Some(Literal::Sequence(parts))
    }

    /// A string; of escapes only those that keep the next byte as it is.
    fn text(&mut self) -> Option<String> {
        let (quote, mut rest) = self.rest.split_first().filter(|(quote, _)| matches!(quote, b'\'' | b'"'))?;
        let mut bytes = Vec::new();
        loop {
            match rest {
                [b'\\', escaped, tail @ ..] => {
                    bytes.extend([b'\\', *escaped]);
                    rest = tail;
                }
                [byte, tail @ ..] => {
                    rest = tail;
                    if byte == quote {
                        break;
                    }
                    bytes.push(*byte);
                }
                [] => return None,
            }
        }
        self.rest = rest;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// A number, with the `L` that Python 2 wrote.
    fn number(&mut self) -> Option<Literal> {
        let digits = self.rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (number, rest) = self.rest.split_at_checked(digits)?;
        self.rest = rest.strip_prefix(b"L").unwrap_or(rest);
        std::str::from_utf8(number).ok()?.parse().ok().map(Literal::Number)
    }

    fn word(&mut self) -> Option<Literal> {
        let words: [&[u8]; 3] = [b"True", b"False", b"None"];
        self.rest = words.iter().find_map(|word| self.rest.strip_prefix(*word))?;
        Some(Literal::Word)
    }
}
