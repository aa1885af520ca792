import { expect, test } from 'vitest';
import { Requested } from './requested.ts';

const LIFE_MS = 7_000;

function arrive(requested: Requested, count: number): void {
  for (let i = 0; i < count; i++) requested.arrived();
}

test('requested - falls with each message, and by what a request was short of', () => {
  const requested = new Requested(LIFE_MS);
  requested.add('a', 10, 0);
  requested.add('b', 10, 1);
  // The broker serves both in turn; nobody can say which message was whose.
  arrive(requested, 10);
  expect(requested.onTheWay).toBe(10);
  requested.ended('a', 5);
  expect(requested.onTheWay).toBe(5);
  requested.ended('b', 5);
  expect(requested.onTheWay).toBe(0);
});

test('requested - an end that is told twice, or of an unknown request, counts once or not at all', () => {
  const requested = new Requested(LIFE_MS);
  requested.add('a', 4, 0);
  requested.add('b', 4, 0);
  requested.ended('a', 4);
  requested.ended('a', 4);
  requested.ended('z', 4);
  expect(requested.onTheWay).toBe(4);
});

test('requested - never below nothing', () => {
  const requested = new Requested(LIFE_MS);
  requested.add('a', 2, 0);
  arrive(requested, 5);
  requested.ended('a', 2);
  expect(requested.onTheWay).toBe(0);
  requested.add('b', 3, 1);
  expect(requested.onTheWay).toBe(3);
});

test('requested - a request whose end was lost is written off when it cannot live any more', () => {
  const requested = new Requested(LIFE_MS);
  requested.add('lost', 10, 0);
  requested.add('alive', 4, 5_000);
  requested.forget(LIFE_MS - 1);
  expect(requested.onTheWay).toBe(14);
  requested.forget(LIFE_MS);
  expect(requested.onTheWay).toBe(4);
});

test('requested - requests served in full leave nothing behind', () => {
  const requested = new Requested(LIFE_MS);
  for (let i = 0; i < 1_000; i++) {
    requested.add(`${i}`, 3, i);
    arrive(requested, 3);
    expect(requested.isEmpty).toBe(true);
  }
  requested.add('last', 5, 1_000);
  requested.forget(1_000 + LIFE_MS - 1);
  expect(requested.onTheWay).toBe(5);
});
