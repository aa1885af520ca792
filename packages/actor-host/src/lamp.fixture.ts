/** A machine for tests: a lamp that is switched, counts, and goes out by itself. */
import { assign, setup } from 'xstate';

export const lampMachine = setup({
  types: {
    context: {} as { presses: number },
    events: {} as { type: 'press'; reason?: string } | { type: 'look' } | { type: 'break' },
    input: {} as { presses?: number },
  },
  actions: {
    light: () => {
      throw new Error('light is not bound');
    },
    darken: () => {
      throw new Error('darken is not bound');
    },
  },
}).createMachine({
  id: 'lamp',
  version: '2',
  context: ({ input }) => ({ presses: input.presses ?? 0 }),
  initial: 'off',
  states: {
    off: {
      on: { press: { target: 'on', actions: assign({ presses: ({ context }) => context.presses + 1 }) } },
    },
    on: {
      entry: { type: 'light', params: { watts: 5 } },
      exit: 'darken',
      after: { 60000: 'off' },
      on: {
        press: 'off',
        look: { actions: assign({ presses: ({ context }) => context.presses + 1 }) },
        break: 'broken',
      },
    },
    broken: {},
  },
});
