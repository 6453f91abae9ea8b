//! Splits a template into text and tags, and tags into tokens, as Jinja2's `lexer.py` does with its default delimiters.

/// A piece of the template.
pub(super) enum Part<'a> {
    /// What is written as it stands.
    Text(&'a str),
    /// `{{ ... }}`
    Output(Tag<'a>),
    /// `{% ... %}`
    Statement(Tag<'a>),
}

/// The inside of a tag.
pub(super) struct Tag<'a> {
    /// Where the tag begins, in bytes.
    pub(super) at: usize,
    pub(super) source: &'a str,
    pub(super) tokens: Vec<Token>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    Name(String),
    Str(String),
    Int(i64),
    Float,
    Op(&'static str),
}

/// Why a template cannot be split.
pub(super) struct LexError {
    pub(super) at: usize,
    pub(super) reason: String,
}

/// Operators, the longer before those that they begin with.
const OPERATORS: &[&str] = &[
    "//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[", "]", "(", ")", "{", "}", ">", "<", "=", ".",
    ":", "|", ",", ";",
];
/// Tokens of one tag.
const MAX_TOKENS: usize = 100_000;

/// Goes through a template part by part.
pub(super) struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn error(&self, at: usize, reason: &str) -> LexError {
        LexError { at, reason: reason.to_owned() }
    }

    /// The next part; `None` at the end.
    pub(super) fn next_part(&mut self) -> Result<Option<Part<'a>>, LexError> {
        let rest = self.rest();
        if rest.is_empty() {
            return Ok(None);
        }
        let tag_at = rest
            .match_indices('{')
            .map(|(at, _)| at)
            .find(|at| matches!(rest.as_bytes().get(at.saturating_add(1)), Some(b'{' | b'%' | b'#')));
        match tag_at {
            Some(0) => self.tag().map(Some),
            _ => {
                let text = tag_at.and_then(|at| rest.get(..at)).unwrap_or(rest);
                self.at += text.len();
                Ok(Some(Part::Text(text)))
            }
        }
    }

    fn tag(&mut self) -> Result<Part<'a>, LexError> {
        let start = self.at;
        let rest = self.rest();
        if rest.starts_with("{#") {
            let length = rest.find("#}").ok_or_else(|| self.error(start, "a comment is not closed"))?;
            self.at += length + 2;
            return Ok(Part::Text(""));
        }
        if let Some(body) = raw_body(rest) {
            return self.raw(start, body);
        }
        let is_output = rest.starts_with("{{");
        self.at += 2;
        if let Some(b'-' | b'+') = self.rest().as_bytes().first() {
            self.at += 1;
        }
        let tokens = self.tokens(start, if is_output { "}}" } else { "%}" })?;
        let source = self.text.get(start..self.at).unwrap_or_default();
        let tag = Tag { at: start, source, tokens };
        Ok(if is_output { Part::Output(tag) } else { Part::Statement(tag) })
    }

    /// Between `raw` and `endraw` nothing is a tag.
    fn raw(&mut self, start: usize, body: &'a str) -> Result<Part<'a>, LexError> {
        let end = body.match_indices("{%").find_map(|(at, _)| {
            let after = body.get(at..)?;
            Some((at, after.len() - keyword_tag(after, "endraw")?.len()))
        });
        let (length, end_tag) = end.ok_or_else(|| self.error(start, "raw text is not closed"))?;
        self.at = self.text.len() - body.len() + length + end_tag;
        Ok(Part::Text(body.get(..length).unwrap_or_default()))
    }

    fn tokens(&mut self, start: usize, end: &str) -> Result<Vec<Token>, LexError> {
        let mut tokens = Vec::new();
        let mut open = 0_u32;
        loop {
            let rest = self.rest().trim_start();
            self.at = self.text.len() - rest.len();
            let unsigned =
                rest.strip_prefix('-').or_else(|| rest.strip_prefix('+').filter(|_| end == "%}")).unwrap_or(rest);
            for candidate in [rest, unsigned] {
                if open == 0
                    && let Some(after) = candidate.strip_prefix(end)
                {
                    self.at = self.text.len() - after.len();
                    return Ok(tokens);
                }
            }
            if rest.is_empty() || tokens.len() >= MAX_TOKENS {
                return Err(self.error(start, "a tag is not closed"));
            }
            let (token, after) = token(rest).ok_or_else(|| self.error(self.at, "a character that no tag has"))?;
            match token {
                Token::Op("(" | "[" | "{") => open += 1,
                Token::Op(")" | "]" | "}") => {
                    open = open.checked_sub(1).ok_or_else(|| self.error(self.at, "a bracket that was not opened"))?;
                }
                _ => {}
            }
            self.at = self.text.len() - after.len();
            tokens.push(token);
        }
    }
}

fn raw_body(rest: &str) -> Option<&str> {
    keyword_tag(rest, "raw")
}

/// What follows on a tag that holds only `keyword`.
fn keyword_tag<'a>(rest: &'a str, keyword: &str) -> Option<&'a str> {
    let inside = rest.strip_prefix("{%")?;
    let inside = inside.strip_prefix(['-', '+']).unwrap_or(inside).trim_start();
    let after = inside.strip_prefix(keyword)?.trim_start();
    after.strip_prefix(['-', '+']).unwrap_or(after).strip_prefix("%}")
}

fn token(rest: &str) -> Option<(Token, &str)> {
    let first = rest.chars().next()?;
    if first == '"' || first == '\'' {
        return string(rest, first);
    }
    if first.is_ascii_digit() {
        return Some(number(rest));
    }
    if first == '_' || first.is_alphanumeric() {
        let length = rest.find(|c: char| c != '_' && !c.is_alphanumeric()).unwrap_or(rest.len());
        let (name, after) = rest.split_at_checked(length)?;
        return Some((Token::Name(name.to_owned()), after));
    }
    OPERATORS.iter().find_map(|operator| Some((Token::Op(operator), rest.strip_prefix(operator)?)))
}

fn number(rest: &str) -> (Token, &str) {
    let length = rest.find(|c: char| c != '_' && !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
    let (digits, after) = rest.split_at(length);
    let plain = digits.replace('_', "");
    let parsed = match plain.get(..2).map(str::to_ascii_lowercase).as_deref() {
        Some("0x") => i64::from_str_radix(plain.get(2..).unwrap_or_default(), 16),
        Some("0o") => i64::from_str_radix(plain.get(2..).unwrap_or_default(), 8),
        Some("0b") => i64::from_str_radix(plain.get(2..).unwrap_or_default(), 2),
        _ => plain.parse(),
    };
    let fraction = after.strip_prefix('.').filter(|after| after.starts_with(|c: char| c.is_ascii_digit()));
    match (parsed, fraction) {
        (_, Some(fraction)) => {
            let length = fraction.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(fraction.len());
            (Token::Float, fraction.get(length..).unwrap_or_default())
        }
        (Ok(number), None) => (Token::Int(number), after),
        (Err(_), None) => (Token::Float, after),
    }
}

fn string(rest: &str, quote: char) -> Option<(Token, &str)> {
    let mut text = String::new();
    let mut chars = rest.get(1..)?.chars();
    loop {
        match chars.next()? {
            '\\' => escape(&mut chars, &mut text)?,
            character if character == quote => return Some((Token::Str(text), chars.as_str())),
            character => text.push(character),
        }
    }
}

/// One escape sequence, as Python's `unicode-escape` codec reads it.
fn escape(chars: &mut std::str::Chars<'_>, text: &mut String) -> Option<()> {
    let first = chars.next()?;
    let code = match first {
        'n' => 10,
        't' => 9,
        'r' => 13,
        'a' => 7,
        'b' => 8,
        'f' => 12,
        'v' => 11,
        '\\' | '\'' | '"' => u32::from(first),
        '\n' => return Some(()),
        'x' => hexadecimal(chars, 2),
        'u' => hexadecimal(chars, 4),
        'U' => hexadecimal(chars, 8),
        'N' => named(chars),
        '0'..='7' => octal(first, chars),
        other => {
            text.push('\\');
            u32::from(other)
        }
    };
    text.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
    Some(())
}

fn hexadecimal(chars: &mut std::str::Chars<'_>, digits: usize) -> u32 {
    let Some(code) = chars.as_str().get(..digits) else { return u32::MAX };
    let Ok(code) = u32::from_str_radix(code, 16) else { return u32::MAX };
    chars.nth(digits - 1);
    code
}

fn octal(first: char, chars: &mut std::str::Chars<'_>) -> u32 {
    let mut code = first.to_digit(8).unwrap_or(0);
    for _ in 0..2 {
        let Some(digit) = chars.as_str().chars().next().and_then(|c| c.to_digit(8)) else { break };
        chars.next();
        code = code * 8 + digit;
    }
    code
}

/// `\N{LOW LINE}` is the one name that escapes are made with; of others only the place is kept.
fn named(chars: &mut std::str::Chars<'_>) -> u32 {
    let rest = chars.as_str();
    let Some((name, after)) = rest.strip_prefix('{').and_then(|rest| rest.split_once('}')) else { return u32::MAX };
    let is_underscore = name.eq_ignore_ascii_case("LOW LINE");
    *chars = after.chars();
    if is_underscore { u32::from('_') } else { u32::MAX }
}
