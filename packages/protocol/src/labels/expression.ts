/**
 * A label expression as a tree, and the one way to write it down.
 *
 * It says which processors may do something, by their labels: `gpu & (zone=a | zone=b) & !spot`.
 */

export type LabelExpression =
  /** `*`: every processor. */
  | { readonly kind: 'any' }
  /** `gpu`: the label is there, and is not `false`. */
  | { readonly kind: 'has'; readonly key: string }
  /** `zone=a`: the label is there with exactly this value. */
  | { readonly kind: 'equals'; readonly key: string; readonly value: string }
  | { readonly kind: 'not'; readonly operand: LabelExpression }
  /** At least two operands each. */
  | { readonly kind: 'all'; readonly operands: readonly LabelExpression[] }
  | { readonly kind: 'some'; readonly operands: readonly LabelExpression[] };

/** Values that need no quotes. */
export const BARE_VALUE = /^[A-Za-z0-9._:/-]+$/;

/** The expression as text that parses to the same tree. */
export function formatLabels(expression: LabelExpression): string {
  switch (expression.kind) {
    case 'any':
      return '*';
    case 'has':
      return expression.key;
    case 'equals':
      return `${expression.key}=${BARE_VALUE.test(expression.value) ? expression.value : quoted(expression.value)}`;
    case 'not':
      return `!${operandText(expression.operand)}`;
    case 'all':
      return expression.operands.map(operandText).join(' & ');
    case 'some':
      return expression.operands.map(operandText).join(' | ');
  }
}

/** A text that is the same for expressions that differ only in spelling: order, repeats, double negation. */
export function canonicalLabels(expression: LabelExpression): string {
  return formatLabels(ordered(expression));
}

function operandText(operand: LabelExpression): string {
  const isList = operand.kind === 'all' || operand.kind === 'some';
  return isList ? `(${formatLabels(operand)})` : formatLabels(operand);
}

function quoted(value: string): string {
  return `"${value.replaceAll(/["\\]/g, '\\$&')}"`;
}

function ordered(expression: LabelExpression): LabelExpression {
  if (expression.kind === 'not') {
    const operand = ordered(expression.operand);
    return operand.kind === 'not' ? operand.operand : { kind: 'not', operand };
  }
  if (expression.kind !== 'all' && expression.kind !== 'some') return expression;
  const { kind } = expression;
  const byText = new Map<string, LabelExpression>();
  for (const operand of expression.operands.map(ordered)) {
    for (const part of operand.kind === kind ? operand.operands : [operand]) byText.set(formatLabels(part), part);
  }
  const operands = [...byText].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, part]) => part);
  const [first] = operands;
  return operands.length === 1 && first !== undefined ? first : { kind, operands };
}
