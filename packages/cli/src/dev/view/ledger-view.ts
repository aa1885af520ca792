/**
 * The ledger as a balance that visibly adds up: `captured = processed + … + in flight + unaccounted`.
 *
 * Tasks that are in no stream any more and whose outcome has not been read yet are a term of their own, so that the sum is the sum;
 * an estimate is marked as one.
 */
import type { Balance } from '@frame-buffer/protocol';
import { count, type Paint, right } from './paint.ts';
import type { LedgerRow } from './snapshot.ts';

/** The right side of the balance, in the order of a task's life. */
const TERMS: readonly {
  readonly key: keyof Balance;
  readonly label: string;
  /** Shown even when it is 0. */
  readonly always: boolean;
  readonly isTrouble: boolean;
}[] = [
  { key: 'processed', label: 'processed', always: true, isTrouble: false },
  { key: 'superseded', label: 'superseded', always: false, isTrouble: false },
  { key: 'expired', label: 'expired', always: true, isTrouble: true },
  { key: 'shed', label: 'shed', always: true, isTrouble: true },
  { key: 'dead_lettered', label: 'dead-lettered', always: true, isTrouble: true },
  { key: 'in_flight', label: 'in flight', always: true, isTrouble: false },
  { key: 'unaccounted', label: 'unaccounted', always: true, isTrouble: true },
];

const NUMBER_COLUMNS = 12;
const INDENT = '   ';

interface Term {
  readonly sign: '=' | '+';
  readonly value: number;
  readonly label: string;
  readonly isTrouble: boolean;
}

/** A term a line. */
export function ledgerLines(ledger: LedgerRow | undefined, style: Paint): readonly string[] {
  if (ledger === undefined) return [style.dim('not read yet')];
  const sum = `${right(count(ledger.captured), NUMBER_COLUMNS)} ${style.bold('captured')}`;
  return [
    `${sum}${INDENT}${notes(ledger, style)}`,
    ...termsOf(ledger).map(({ sign, value, label, isTrouble }) => {
      return `${sign}${right(count(value), NUMBER_COLUMNS - 1)} ${isTrouble ? style.red(label) : label}`;
    }),
  ];
}

/** As few lines as the width allows. */
export function ledgerParagraph(ledger: LedgerRow | undefined, width: number, style: Paint): readonly string[] {
  if (ledger === undefined) return [style.dim('not read yet')];
  const lines: string[] = [];
  let plain = `captured ${count(ledger.captured)}`;
  let painted = `${style.bold('captured')} ${count(ledger.captured)}`;
  for (const { sign, value, label, isTrouble } of termsOf(ledger)) {
    const words = `${label} ${count(value)}`;
    if (plain.length + words.length + 3 > width) {
      lines.push(painted);
      plain = INDENT.slice(1);
      painted = INDENT.slice(1);
    }
    plain += ` ${sign} ${words}`;
    painted += ` ${sign} ${isTrouble ? style.red(words) : words}`;
  }
  return [...lines, painted, `${INDENT}${notes(ledger, style)}`];
}

/** In one line, without what is 0: `captured 10 = processed 8 + in flight 2`. */
export function ledgerSentence(ledger: Balance): string {
  const terms = termsOf(ledger).filter(({ value, sign }) => value > 0 || sign === '=');
  return `captured ${count(ledger.captured)}${terms.map(({ sign, label, value }) => ` ${sign} ${label} ${count(value)}`).join('')}`;
}

function termsOf(ledger: Balance): readonly Term[] {
  const terms: Term[] = TERMS.filter(({ key, always }) => always || ledger[key] > 0).map(
    ({ key, label, isTrouble }) => {
      return {
        sign: key === 'processed' ? '=' : '+',
        value: ledger[key],
        label,
        isTrouble: isTrouble && ledger[key] > 0,
      };
    },
  );
  const settling = settlingOf(ledger);
  return settling > 0 ? [...terms, { sign: '+', value: settling, label: 'settling', isTrouble: false }] : terms;
}

/** Below 0 only while `in_flight` is an estimate. */
function settlingOf(ledger: Balance): number {
  return ledger.captured - TERMS.reduce((sum, { key }) => sum + ledger[key], 0);
}

function notes(ledger: LedgerRow, { dim, green, yellow }: Paint): string {
  return [
    ledger.exact ? green('adds up') : yellow('in flight is an estimate'),
    ...(ledger.stale ? [yellow('not the latest')] : []),
    ...(ledger.redelivered > 0 ? [dim(`${count(ledger.redelivered)} worked again`)] : []),
  ].join(dim(', '));
}
