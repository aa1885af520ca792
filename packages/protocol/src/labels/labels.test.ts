import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalLabels, formatLabels, type LabelExpression } from './expression.ts';
import { MAX_LABELS_DEPTH, MAX_LABELS_LENGTH, parseLabels } from './parse.ts';
import { compileLabels, type Labels } from './predicate.ts';

const keys = ['gpu', 'zone', 'zone-a', '0'];
const key = fc.constantFrom(...keys);
const value = fc.oneof(fc.constantFrom('a', 'false', 'A.b:1/x'), fc.string({ maxLength: 5 }));
const labels: fc.Arbitrary<Labels> = fc.dictionary(key, value);

const { expression } = fc.letrec<{ expression: LabelExpression; operands: LabelExpression[] }>((tie) => ({
  operands: fc.array(tie('expression'), { minLength: 2, maxLength: 3 }),
  expression: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.constant<LabelExpression>({ kind: 'any' }),
    key.map((name): LabelExpression => ({ kind: 'has', key: name })),
    fc.record({ kind: fc.constant('equals' as const), key, value }),
    fc.record({ kind: fc.constant('not' as const), operand: tie('expression') }),
    fc.record({ kind: fc.constantFrom('all' as const, 'some' as const), operands: tie('operands') }),
  ),
}));

/** What an expression means, said a second time. */
function means(e: LabelExpression, set: Labels): boolean {
  if (e.kind === 'any') return true;
  if (e.kind === 'not') return !means(e.operand, set);
  if (e.kind === 'all') return e.operands.filter((o) => !means(o, set)).length === 0;
  if (e.kind === 'some') return e.operands.filter((o) => means(o, set)).length > 0;
  const found = new Map(Object.entries(set)).get(e.key);
  return e.kind === 'has' ? found !== undefined && found !== 'false' : found === e.value;
}

function parsed(text: string): LabelExpression {
  const result = parseLabels(text);
  if (!result.ok) throw new Error(result.message);
  return result.expression;
}

const matches = (text: string, set: Labels) => compileLabels(parsed(text))(set);

describe('label expressions', () => {
  it('what is written down parses to the same tree', () => {
    fc.assert(
      fc.property(expression, (tree) => {
        const text = formatLabels(tree);
        fc.pre(text.length <= MAX_LABELS_LENGTH);
        expect(parsed(text)).toEqual(tree);
      }),
    );
  });

  it('a compiled expression is true exactly when its meaning is', () => {
    fc.assert(
      fc.property(expression, labels, (tree, set) => {
        expect(compileLabels(tree)(set)).toBe(means(tree, set));
      }),
    );
  });

  it('the canonical form means the same, and is one for all spellings', () => {
    fc.assert(
      fc.property(expression, labels, (tree, set) => {
        const text = canonicalLabels(tree);
        fc.pre(text.length <= MAX_LABELS_LENGTH);
        expect(matches(text, set)).toBe(means(tree, set));
        expect(canonicalLabels(parsed(text))).toBe(text);
      }),
    );
    expect(canonicalLabels(parsed('b & (a & !!b)'))).toBe(canonicalLabels(parsed('a&b')));
    expect(canonicalLabels(parsed('a | a'))).toBe('a');
  });

  it('any text parses or is answered with a position in it', () => {
    const piece = fc.constantFrom('gpu', 'a', '=', '"', '\\', '!', '&', '|', '(', ')', '*', ' ', 'Ä', '-');
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(piece).map((parts) => parts.join('')),
        ),
        (text) => {
          const result = parseLabels(text);
          if (result.ok) return;
          expect(result.position).toBeGreaterThanOrEqual(1);
          expect(result.position).toBeLessThanOrEqual(text.length + 1);
          expect(result.message).toContain(`at position ${result.position}`);
        },
      ),
    );
  });

  it('"!" binds before "&", "&" before "|", and brackets before all', () => {
    expect(matches('!gpu & zone', { zone: 'a' })).toBe(true);
    expect(matches('!(gpu & zone)', { zone: 'a' })).toBe(true);
    expect(matches('gpu & zone | 0', { 0: '' })).toBe(true);
    expect(matches('gpu & (zone | 0)', { 0: '' })).toBe(false);
    expect(matches('gpu & (zone-a | zone-b)', { gpu: 'true', 'zone-b': '' })).toBe(true);
  });

  it('a label that says false is not there; its value can be asked for', () => {
    expect(matches('gpu', { gpu: 'false' })).toBe(false);
    expect(matches('gpu', { gpu: '' })).toBe(true);
    expect(matches('gpu = false', { gpu: 'false' })).toBe(true);
    expect(matches('zone="a \\"b\\" \\\\"', { zone: 'a "b" \\' })).toBe(true);
    expect(matches('constructor', {})).toBe(false);
  });

  it.each([
    ['', 1, 'a label, "!", "*" or "("', 'the end'],
    ['  ', 3, 'a label, "!", "*" or "("', 'the end'],
    ['gpu &', 6, 'a label, "!", "*" or "("', 'the end'],
    ['gpu & & cpu', 7, 'a label, "!", "*" or "("', '"&"'],
    ['gpu cpu', 5, '"&", "|" or the end', '"c"'],
    ['(gpu | cpu', 11, '"&", "|" or ")"', 'the end'],
    ['gpu)', 4, '"&", "|" or the end', '")"'],
    ['GPU', 1, 'a label', '"G"'],
    ['gpU', 3, 'a label', '"U"'],
    ['zone=', 6, 'a value', 'the end'],
    ['zone=(a)', 6, 'a value', '"("'],
    ['zone="a', 8, 'a closing double quote', 'the end'],
    ['zone="\\a"', 8, '\\" or \\\\', '"a"'],
  ])('%j is answered with position %i', (text, position, expected, found) => {
    const result = parseLabels(text);
    expect(result).toMatchObject({ ok: false, position });
    if (result.ok) return;
    expect(result.expected).toContain(expected);
    expect(result.message).toContain(`at position ${position}, found ${found}`);
  });

  it('length and depth are bounded', () => {
    const nested = (depth: number) => `${'('.repeat(depth)}gpu${')'.repeat(depth)}`;
    expect(parseLabels(nested(MAX_LABELS_DEPTH)).ok).toBe(true);
    expect(parseLabels(nested(MAX_LABELS_DEPTH + 1))).toMatchObject({ ok: false, position: MAX_LABELS_DEPTH + 1 });
    expect(parseLabels('!'.repeat(500)).ok).toBe(false);
    expect(parseLabels('a'.repeat(MAX_LABELS_LENGTH + 1))).toMatchObject({
      ok: false,
      expected: 'at most 1000 characters',
    });
    expect(parseLabels(`${'a|'.repeat(499)}a`).ok).toBe(true);
  });
});
