// The syntax of the hub's configuration file: the part of TOML that a flat list of options needs.
// netsvcd reads the same files (crates/netsvc-hub/src/config_syntax.rs); its test vectors bind both.

/** A text, a number as it was written, or a list of texts. */
export type Value =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "integer" | "fraction"; readonly number: number }
  | { readonly kind: "texts"; readonly texts: readonly string[] };

/** `key = value` in a table; `""` is the head of the file. */
export interface Entry {
  /** From 1. */
  readonly line: number;
  readonly table: string;
  readonly key: string;
  readonly value: Value;
}

/** What is wrong, without the place: whoever catches it knows that. */
export class SyntaxProblem extends Error {}

/** Reads a whole file; throws a SyntaxProblem that begins with the line. */
export function parse(text: string): Entry[] {
  const cursor = new Cursor(text.startsWith("\ufeff") ? text.slice(1) : text);
  try {
    return cursor.read();
  } catch (error) {
    if (!(error instanceof SyntaxProblem)) throw error;
    throw new SyntaxProblem(`line ${cursor.line}: ${error.message}`);
  }
}

const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['"', '"'],
  ["\\", "\\"],
  ["n", "\n"],
  ["t", "\t"],
  ["r", "\r"],
  ["b", "\b"],
  ["f", "\f"],
]);
/** Of a code point, by the letter that introduces them. */
const DIGITS: ReadonlyMap<string, number> = new Map([
  ["u", 4],
  ["U", 8],
]);

class Cursor {
  line = 1;
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  read(): Entry[] {
    const entries: Entry[] = [];
    const tables = new Set([""]);
    let table = "";
    for (;;) {
      this.#skipBlankLines();
      if (this.#end) return entries;
      if (this.#next === "[") {
        table = this.#table();
        if (tables.has(table)) throw new SyntaxProblem(`the table [${table}] is there twice`);
        tables.add(table);
      } else {
        const line = this.line;
        const key = this.#word("a key");
        if (entries.some((entry) => entry.table === table && entry.key === key)) {
          throw new SyntaxProblem(`"${key}" is there twice`);
        }
        this.#skipSpaces();
        if (!this.#take("=")) throw new SyntaxProblem(`"=" is missing after "${key}"`);
        this.#skipSpaces();
        entries.push({ line, table, key, value: this.#value() });
      }
      this.#endOfLine();
    }
  }

  get #end(): boolean {
    return this.#at >= this.#text.length;
  }

  /** One UTF-16 unit; `""` at the end. */
  get #next(): string {
    return this.#text.charAt(this.#at);
  }

  #table(): string {
    this.#at += 1;
    this.#skipSpaces();
    const name = this.#word("the name of a table");
    this.#skipSpaces();
    if (!this.#take("]")) throw new SyntaxProblem('"]" is missing');
    return name;
  }

  #word(what: string): string {
    const word = this.#while(/[A-Za-z0-9_-]/);
    if (word !== "") return word;
    throw new SyntaxProblem(`${what} is made of letters, digits, "-" and "_"`);
  }

  #value(): Value {
    const next = this.#next;
    if (next === '"' || next === "'") return { kind: "text", text: this.#quoted() };
    if (next === "[") return { kind: "texts", texts: this.#texts() };
    if (/[0-9+.-]/.test(next)) {
      const text = this.#while(/[A-Za-z0-9+._-]/);
      const value = numberOf(text);
      if (value === undefined) throw new SyntaxProblem(`${text} is not a decimal number`);
      return value;
    }
    throw new SyntaxProblem("a value is a text in quotes, a number, or a list of texts");
  }

  #quoted(): string {
    const quote = this.#next;
    this.#at += 1;
    let text = "";
    for (;;) {
      const next = this.#next;
      this.#at += 1;
      if (next === quote) break;
      if (next === "" || next === "\n" || next === "\r") {
        throw new SyntaxProblem("a text does not end in its line");
      }
      if (next === "\\" && quote === '"') {
        text += this.#escaped();
        continue;
      }
      if (next !== "\t" && (next < " " || next === "\x7f")) {
        throw new SyntaxProblem("a text contains a control character");
      }
      text += next;
    }
    if (text === "" && this.#next === quote) {
      throw new SyntaxProblem("texts of several lines are not supported");
    }
    return text;
  }

  #escaped(): string {
    const letter = this.#next;
    this.#at += 1;
    const digits = DIGITS.get(letter);
    if (digits === undefined) {
      const escaped = ESCAPES.get(letter);
      if (escaped !== undefined) return escaped;
      throw new SyntaxProblem('a text contains an unknown escape after "\\"');
    }
    const hex = this.#text.slice(this.#at, this.#at + digits);
    if (hex.length < digits || !/^[0-9A-Fa-f]+$/.test(hex)) {
      throw new SyntaxProblem(`an escape needs ${digits} hexadecimal digits`);
    }
    this.#at += digits;
    const code = Number.parseInt(hex, 16);
    if (code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) {
      throw new SyntaxProblem("an escape names no character");
    }
    return String.fromCodePoint(code);
  }

  #texts(): string[] {
    this.#at += 1;
    const texts: string[] = [];
    for (;;) {
      this.#skipBlankLines();
      if (this.#take("]")) return texts;
      if (this.#end) throw new SyntaxProblem('"]" is missing');
      if (this.#next !== '"' && this.#next !== "'") {
        throw new SyntaxProblem("a list holds texts in quotes");
      }
      texts.push(this.#quoted());
      this.#skipBlankLines();
      if (this.#take(",")) continue;
      if (this.#take("]")) return texts;
      throw new SyntaxProblem('"," or "]" is missing');
    }
  }

  /** Spaces, ends of lines and comments. */
  #skipBlankLines(): void {
    for (;;) {
      this.#skipSpaces();
      if (this.#end || !"#\n\r".includes(this.#next)) return;
      this.#endOfLine();
    }
  }

  /** A comment, if any, and the end of the line or of the file. */
  #endOfLine(): void {
    this.#skipSpaces();
    if (this.#take("#")) this.#while(/[^\n\r]/);
    const returned = this.#take("\r");
    if (this.#take("\n")) this.line += 1;
    else if (!this.#end || returned) {
      throw new SyntaxProblem("something follows where the line should end");
    }
  }

  #skipSpaces(): void {
    this.#while(/[ \t]/);
  }

  #take(character: string): boolean {
    if (this.#next !== character) return false;
    this.#at += 1;
    return true;
  }

  #while(allowed: RegExp): string {
    const start = this.#at;
    while (!this.#end && allowed.test(this.#next)) this.#at += 1;
    return this.#text.slice(start, this.#at);
  }
}

/** A decimal number: sign, digits (single `_` between them), and perhaps a fraction. */
export function numberOf(text: string): Value | undefined {
  const parts = /^[+-]?(0|[1-9]\d*(?:_\d+)*)(\.\d+(?:_\d+)*)?$/.exec(text);
  if (parts === null) return undefined;
  const number = Number(text.replaceAll("_", ""));
  return { kind: parts[2] === undefined ? "integer" : "fraction", number };
}
