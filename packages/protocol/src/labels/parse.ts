/**
 * Reads label expressions.
 *
 *   expression = all { "|" all }          the weakest
 *   all        = term { "&" term }
 *   term       = "!" term | "(" expression ")" | "*" | label [ "=" value ]
 *   label      = a name (a-z, 0-9, "-")
 *   value      = letters, digits and . _ : / -, or anything between double quotes (\" and \\ inside)
 *
 * Bounded: the text's length and the depth of brackets and negations, so that a hostile one costs no more than a long one.
 */
import { isToken } from '../names.ts';
import type { LabelExpression } from './expression.ts';

export const MAX_LABELS_LENGTH = 1000;
export const MAX_LABELS_DEPTH = 32;

export type ParsedLabels =
  | { readonly ok: true; readonly expression: LabelExpression }
  | {
      readonly ok: false;
      /** The character that does not fit, counted from 1; one past the last when the text ends too early. */
      readonly position: number;
      readonly expected: string;
      /** The whole complaint, for people. */
      readonly message: string;
    };

/** Never throws. */
export function parseLabels(text: string): ParsedLabels {
  if (text.length > MAX_LABELS_LENGTH) {
    return fault(MAX_LABELS_LENGTH + 1, `at most ${MAX_LABELS_LENGTH} characters`, `${text.length} characters`);
  }
  const parser = new Parser(text);
  try {
    return { ok: true, expression: parser.whole() };
  } catch (error) {
    if (error instanceof Misfit) return fault(error.position, error.expected, error.found);
    throw error;
  }
}

function fault(position: number, expected: string, found: string): ParsedLabels {
  const message = `expected ${expected} at position ${position}, found ${found}`;
  return { ok: false, position, expected, message };
}

class Misfit extends Error {
  readonly position: number;
  readonly expected: string;
  readonly found: string;

  constructor(position: number, expected: string, found: string) {
    super(expected);
    this.position = position;
    this.expected = expected;
    this.found = found;
  }
}

const TERM = 'a label, "!", "*" or "("';
const WORD = /[A-Za-z0-9._:/-]/;

class Parser {
  readonly #text: string;
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  whole(): LabelExpression {
    const expression = this.#list('some', '|', () => this.#list('all', '&', () => this.#term()));
    if (this.#next !== '') throw this.#misfit('"&", "|" or the end');
    return expression;
  }

  #list(kind: 'all' | 'some', operator: '&' | '|', operand: () => LabelExpression): LabelExpression {
    const first = operand();
    const operands = [first];
    while (this.#takes(operator)) operands.push(operand());
    return operands.length === 1 ? first : { kind, operands };
  }

  #term(): LabelExpression {
    if (this.#takes('*')) return { kind: 'any' };
    if (this.#next === '!' || this.#next === '(') return this.#nested();
    return this.#label();
  }

  #nested(): LabelExpression {
    if (this.#depth === MAX_LABELS_DEPTH)
      throw this.#misfit(`at most ${MAX_LABELS_DEPTH} brackets and "!" in one another`);
    this.#depth += 1;
    const expression = this.#takes('!') ? this.#not() : this.#group();
    this.#depth -= 1;
    return expression;
  }

  #not(): LabelExpression {
    return { kind: 'not', operand: this.#term() };
  }

  #group(): LabelExpression {
    this.#takes('(');
    const expression = this.#list('some', '|', () => this.#list('all', '&', () => this.#term()));
    if (!this.#takes(')')) throw this.#misfit('"&", "|" or ")"');
    return expression;
  }

  #label(): LabelExpression {
    // Skips blanks: the position of a complaint is that of the word.
    if (!WORD.test(this.#next)) throw this.#misfit(TERM);
    const start = this.#at;
    const key = this.#word();
    if (!isToken(key)) {
      const wrong = [...key].findIndex((_, i) => !isToken(key.slice(0, i + 1)));
      this.#at = start + Math.max(0, wrong);
      throw this.#misfit('a label (1 to 63 characters: a-z, 0-9 and "-", beginning with a letter or digit)');
    }
    return this.#takes('=') ? { kind: 'equals', key, value: this.#value() } : { kind: 'has', key };
  }

  #value(): string {
    if (this.#next === '"') return this.#quoted();
    const value = this.#word();
    if (value === '') throw this.#misfit('a value (letters, digits and . _ : / -, or text in double quotes)');
    return value;
  }

  #quoted(): string {
    this.#at += 1;
    let value = '';
    for (let char = this.#text[this.#at]; char !== '"'; char = this.#text[this.#at]) {
      if (char === '\\') {
        this.#at += 1;
        char = this.#text[this.#at];
        if (char !== '"' && char !== '\\') throw this.#misfit('\\" or \\\\');
      }
      if (char === undefined) throw this.#misfit('a closing double quote');
      value += char;
      this.#at += 1;
    }
    this.#at += 1;
    return value;
  }

  #word(): string {
    const start = this.#at;
    while (WORD.test(this.#text[this.#at] ?? '')) this.#at += 1;
    return this.#text.slice(start, this.#at);
  }

  /** The next character that is no blank, '' at the end. */
  get #next(): string {
    while (/\s/.test(this.#text[this.#at] ?? '')) this.#at += 1;
    return this.#text[this.#at] ?? '';
  }

  #takes(symbol: string): boolean {
    if (this.#next !== symbol) return false;
    this.#at += 1;
    return true;
  }

  #misfit(expected: string): Misfit {
    const found = this.#text[this.#at];
    return new Misfit(this.#at + 1, expected, found === undefined ? 'the end' : JSON.stringify(found));
  }
}
