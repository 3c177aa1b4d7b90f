//! The syntax of the configuration file: the part of TOML that a flat list of options needs. Every
//! file that is accepted means the same to any reader of TOML.
//!
//! The embedded hub reads the same files (`ts/cli/config-syntax.ts`); `tests/vectors` binds both.

use std::iter::Peekable;
use std::str::Chars;

/// `key = value` in a table; `""` is the head of the file.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    /// From 1.
    pub(crate) line: usize,
    pub(crate) table: String,
    pub(crate) key: String,
    pub(crate) value: Value,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Text(String),
    Integer(f64),
    Fraction(f64),
    Texts(Vec<String>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SyntaxError {
    /// From 1.
    pub(crate) line: usize,
    pub(crate) message: String,
}

/// Reads a whole file, or says what is wrong with the first line that is.
pub(crate) fn parse(text: &str) -> Result<Vec<Entry>, SyntaxError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut cursor = Cursor { rest: text.chars().peekable(), line: 1 };
    let mut entries: Vec<Entry> = Vec::new();
    let mut tables = vec![String::new()];
    let result = cursor.read(&mut entries, &mut tables);
    result.map_err(|message| SyntaxError { line: cursor.line, message }).map(|()| entries)
}

struct Cursor<'a> {
    rest: Peekable<Chars<'a>>,
    line: usize,
}

impl Cursor<'_> {
    fn read(&mut self, entries: &mut Vec<Entry>, tables: &mut Vec<String>) -> Result<(), String> {
        let mut table = String::new();
        loop {
            self.skip_blank_lines()?;
            match self.rest.peek() {
                None => return Ok(()),
                Some('[') => {
                    table = self.table()?;
                    if tables.contains(&table) {
                        return Err(format!("the table [{table}] is there twice"));
                    }
                    tables.push(table.clone());
                }
                Some(_) => {
                    let line = self.line;
                    let key = self.word("a key")?;
                    if entries.iter().any(|entry| entry.table == table && entry.key == key) {
                        return Err(format!("\"{key}\" is there twice"));
                    }
                    self.skip_spaces();
                    if !self.take('=') {
                        return Err(format!("\"=\" is missing after \"{key}\""));
                    }
                    self.skip_spaces();
                    let value = self.value()?;
                    entries.push(Entry { line, table: table.clone(), key, value });
                }
            }
            self.end_of_line()?;
        }
    }

    fn table(&mut self) -> Result<String, String> {
        self.rest.next();
        self.skip_spaces();
        let name = self.word("the name of a table")?;
        self.skip_spaces();
        if self.take(']') { Ok(name) } else { Err("\"]\" is missing".to_owned()) }
    }

    fn word(&mut self, what: &str) -> Result<String, String> {
        let mut word = String::new();
        while let Some(c) =
            self.rest.next_if(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
        {
            word.push(c);
        }
        if word.is_empty() {
            return Err(format!("{what} is made of letters, digits, \"-\" and \"_\""));
        }
        Ok(word)
    }

    fn value(&mut self) -> Result<Value, String> {
        match self.rest.peek() {
            Some('"' | '\'') => self.text().map(Value::Text),
            Some('[') => self.texts().map(Value::Texts),
            Some('0'..='9' | '+' | '-' | '.') => self.number(),
            _ => Err("a value is a text in quotes, a number, or a list of texts".to_owned()),
        }
    }

    fn text(&mut self) -> Result<String, String> {
        let quote = self.rest.next();
        let mut text = String::new();
        loop {
            match self.rest.next() {
                c if c == quote => break,
                None | Some('\n' | '\r') => {
                    return Err("a text does not end in its line".to_owned());
                }
                Some('\\') if quote == Some('"') => text.push(self.escaped()?),
                Some(c) if c.is_ascii_control() && c != '\t' => {
                    return Err("a text contains a control character".to_owned());
                }
                Some(c) => text.push(c),
            }
        }
        if text.is_empty() && self.rest.peek().copied() == quote {
            return Err("texts of several lines are not supported".to_owned());
        }
        Ok(text)
    }

    fn escaped(&mut self) -> Result<char, String> {
        let digits = match self.rest.next() {
            Some(c @ ('"' | '\\')) => return Ok(c),
            Some('n') => return Ok('\n'),
            Some('t') => return Ok('\t'),
            Some('r') => return Ok('\r'),
            Some('b') => return Ok('\u{8}'),
            Some('f') => return Ok('\u{c}'),
            Some('u') => 4,
            Some('U') => 8,
            _ => return Err("a text contains an unknown escape after \"\\\"".to_owned()),
        };
        let mut code = 0;
        for _ in 0..digits {
            let digit = self.rest.next_if(char::is_ascii_hexdigit).and_then(|c| c.to_digit(16));
            let Some(digit) = digit else {
                return Err(format!("an escape needs {digits} hexadecimal digits"));
            };
            code = code << 4 | digit;
        }
        char::from_u32(code).ok_or_else(|| "an escape names no character".to_owned())
    }

    fn texts(&mut self) -> Result<Vec<String>, String> {
        self.rest.next();
        let mut texts = Vec::new();
        loop {
            self.skip_blank_lines()?;
            match self.rest.peek() {
                Some(']') => break,
                Some('"' | '\'') => texts.push(self.text()?),
                None => return Err("\"]\" is missing".to_owned()),
                Some(_) => return Err("a list holds texts in quotes".to_owned()),
            }
            self.skip_blank_lines()?;
            if !self.take(',') && self.rest.peek() != Some(&']') {
                return Err("\",\" or \"]\" is missing".to_owned());
            }
        }
        self.rest.next();
        Ok(texts)
    }

    fn number(&mut self) -> Result<Value, String> {
        let mut text = String::new();
        while let Some(c) =
            self.rest.next_if(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.' | '_'))
        {
            text.push(c);
        }
        number(&text).ok_or_else(|| format!("{text} is not a decimal number"))
    }

    /// Spaces, ends of lines and comments.
    fn skip_blank_lines(&mut self) -> Result<(), String> {
        loop {
            self.skip_spaces();
            match self.rest.peek() {
                Some('#' | '\n' | '\r') => self.end_of_line()?,
                _ => return Ok(()),
            }
        }
    }

    /// A comment, if any, and the end of the line or of the file.
    fn end_of_line(&mut self) -> Result<(), String> {
        self.skip_spaces();
        if self.take('#') {
            while self.rest.next_if(|c| !matches!(c, '\n' | '\r')).is_some() {}
        }
        let returned = self.take('\r');
        if self.take('\n') {
            self.line += 1;
            return Ok(());
        }
        match self.rest.peek() {
            None if !returned => Ok(()),
            _ => Err("something follows where the line should end".to_owned()),
        }
    }

    fn skip_spaces(&mut self) {
        while self.rest.next_if(|c| matches!(c, ' ' | '\t')).is_some() {}
    }

    fn take(&mut self, c: char) -> bool {
        self.rest.next_if_eq(&c).is_some()
    }
}

/// A decimal number: sign, digits (single `_` between them), and perhaps a fraction.
pub(crate) fn number(text: &str) -> Option<Value> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (whole, fraction) = match unsigned.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (unsigned, None),
    };
    let padded = whole.len() > 1 && whole.starts_with('0');
    if padded || !is_digits(whole) || !fraction.is_none_or(is_digits) {
        return None;
    }
    let value = text.replace('_', "").parse().ok()?;
    Some(if fraction.is_none() { Value::Integer(value) } else { Value::Fraction(value) })
}

fn is_digits(text: &str) -> bool {
    text.split('_').all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
}
