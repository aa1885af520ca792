import { describe, expect, test } from 'vitest';
import { Screen } from './screen.ts';

function screenOf(terminal: { isTTY?: boolean; rows?: number; hasColours?: boolean } = {}) {
  let written = '';
  const output = {
    isTTY: terminal.isTTY ?? true,
    rows: terminal.rows ?? 24,
    columns: 80,
    write: (text: string) => {
      written += text;
    },
    on: () => undefined,
  };
  const screen = new Screen(output, { hasColours: terminal.hasColours ?? true });
  return { screen, written: () => written, rows: () => terminalRows(written) };
}

/** What a terminal shows: enough of one for what the screen writes. */
function terminalRows(written: string): string[] {
  const rows: string[] = [''];
  let row = 0;
  // Every sequence ends with its first letter; what follows is text.
  for (const [index, part] of written.split('\u001B').entries()) {
    const [, count = '', command = '', text = ''] =
      index === 0 ? ['', '', '', part] : (/^\[\??(\d*)([A-Za-z])(.*)$/s.exec(part) ?? []);
    if (command === 'A') row -= Number(count);
    if (command === 'J') rows.length = row;
    for (const [line, content] of text.replaceAll('\r', '').split('\n').entries()) {
      if (line > 0) row += 1;
      if (content !== '') rows[row] = content;
      rows[row] ??= '';
    }
  }
  return rows.slice(0, -1);
}

describe('a terminal', () => {
  test('the block is redrawn in place, shorter ones leave nothing behind', () => {
    const { screen, rows } = screenOf();
    screen.print('started');
    screen.draw(['one', 'two', 'three']);
    screen.draw(['1', '2']);
    expect(rows()).toEqual(['started', '1', '2']);
  });

  test('lines that stay come above the block', () => {
    const { screen, rows } = screenOf();
    screen.draw(['one', 'two']);
    screen.print('motion died');
    expect(rows()).toEqual(['motion died', 'one', 'two']);
    screen.clear();
    screen.print('end');
    expect(rows()).toEqual(['motion died', 'end']);
  });

  test('a block is never as high as the terminal', () => {
    const { screen, rows } = screenOf({ rows: 3 });
    screen.draw(['1', '2', '3', '4']);
    screen.draw(['a', 'b', 'c', 'd']);
    expect(rows()).toEqual(['a', 'b']);
  });

  test.each(['clear', 'close'] as const)('S2 the cursor is hidden once, and shown by %s, once', (end) => {
    const { screen, written } = screenOf();
    screen.draw(['one']);
    screen.draw(['two']);
    screen[end]();
    screen[end]();
    expect(written().split('\u001B[?25l')).toHaveLength(2);
    expect(written().split('\u001B[?25h')).toHaveLength(2);
    expect(written().lastIndexOf('\u001B[?25h')).toBeGreaterThan(written().lastIndexOf('\u001B[?25l'));
  });

  test('colours are the caller’s choice', () => {
    expect(screenOf({ hasColours: true }).screen.style.red('x')).toBe('\u001B[31mx\u001B[39m');
    expect(screenOf({ hasColours: false }).screen.style.red('x')).toBe('x');
  });
});

test('S1 on what is no terminal nothing but the lines is written', () => {
  const { screen, written } = screenOf({ isTTY: false });
  screen.print('started', screen.style.green('ready'));
  screen.draw(['one']);
  screen.clear();
  screen.close();
  expect(written()).toBe('started\nready\n');
});
