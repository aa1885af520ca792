import { z } from 'zod';
import { parseLabels } from './parse.ts';

/** The text of a label expression. A fault names the position and what was expected there. */
export const labelExpressionSchema = z.string().check((context) => {
  const parsed = parseLabels(context.value);
  if (parsed.ok) return;
  const message = `not a label expression: ${parsed.message}`;
  context.issues.push({ code: 'custom', input: context.value, message, continue: true });
});
