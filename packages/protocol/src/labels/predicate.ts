/** Label expressions compiled to functions. */
import type { LabelExpression } from './expression.ts';

export type Labels = Readonly<Record<string, string>>;
export type LabelPredicate = (labels: Labels) => boolean;

/** Pure; costs what the expression is long. Only a record's own keys are labels. */
export function compileLabels(expression: LabelExpression): LabelPredicate {
  switch (expression.kind) {
    case 'any':
      return () => true;
    case 'has': {
      const { key } = expression;
      return (labels) => Object.hasOwn(labels, key) && labels[key] !== 'false';
    }
    case 'equals': {
      const { key, value } = expression;
      return (labels) => Object.hasOwn(labels, key) && labels[key] === value;
    }
    case 'not': {
      const operand = compileLabels(expression.operand);
      return (labels) => !operand(labels);
    }
    case 'all': {
      const operands = expression.operands.map(compileLabels);
      return (labels) => operands.every((operand) => operand(labels));
    }
    case 'some': {
      const operands = expression.operands.map(compileLabels);
      return (labels) => operands.some((operand) => operand(labels));
    }
  }
}
