import { describe, expect, test } from 'vitest';
import { createMetrics, latencySeconds, MetricDefinitionError } from './metrics.ts';

const bare = () => createMetrics({ service: 'orchestrator', processMetrics: false });

test('M1 two sets of metrics do not know each other', async () => {
  const [one, two] = [bare(), bare()];
  const definition = { name: 'frame_buffer_dispatches_total', help: 'Tasks handed to a processor.' };
  one.counter(definition).inc();
  two.counter(definition).inc(5);
  expect(await one.text()).toContain('frame_buffer_dispatches_total{service="orchestrator"} 1');
  expect(await two.text()).toContain('frame_buffer_dispatches_total{service="orchestrator"} 5');
});

describe('M2 names that break the conventions are refused', () => {
  const help = 'Help.';
  test.each([
    ['dispatches_total', 'start with frame_buffer_'],
    ['frame_buffer_Dispatches_total', 'snake_case'],
    ['frame_buffer_dispatches', 'ends in _total'],
    ['frame_buffer_wait_ms_total', 'use seconds'],
  ])('counter %s: %s', (name, reason) => {
    expect(() => bare().counter({ name, help })).toThrow(reason);
  });

  test('gauges, histograms, labels, help, buckets and doubles', () => {
    const metrics = bare();
    expect(() => metrics.gauge({ name: 'frame_buffer_depth_total', help })).toThrow('only a counter');
    expect(() => metrics.gauge({ name: 'frame_buffer_buffer_mb', help })).toThrow('use bytes');
    expect(() => metrics.gauge({ name: 'frame_buffer_depth', help: ' ' })).toThrow('help is empty');
    expect(() => metrics.gauge({ name: 'frame_buffer_depth', help, labels: ['le'] })).toThrow('"le" is reserved');
    expect(() => metrics.histogram({ name: 'frame_buffer_hop_seconds', help, buckets: [2, 1] })).toThrow('ascending');
    metrics.gauge({ name: 'frame_buffer_depth', help });
    expect(() => metrics.gauge({ name: 'frame_buffer_depth', help })).toThrow(MetricDefinitionError);
  });
});

test('M3 series carry the service, gauges may be collected when scraped', async () => {
  const metrics = bare();
  let depth = 1;
  metrics.gauge({
    name: 'frame_buffer_lane_depth',
    help: 'Messages waiting.',
    labels: ['capability'],
    collect: (gauge) => gauge.set({ capability: 'motion' }, depth),
  });
  metrics.histogram({ name: 'frame_buffer_hop_seconds', help: 'One hop.', buckets: latencySeconds }).observe(0.02);
  depth = 7;
  const text = await metrics.text();
  expect(text).toContain('frame_buffer_lane_depth{capability="motion",service="orchestrator"} 7');
  expect(text).toMatch(/frame_buffer_hop_seconds_bucket\{le="0.025",service="orchestrator"\} 1/);
  expect(metrics.contentType).toContain('text/plain');
});

test('process metrics keep their well-known names and can be left out', async () => {
  expect(await createMetrics({ service: 's' }).text()).toMatch(/^process_cpu_seconds_total\{/m);
  expect(await bare().text()).not.toContain('process_');
});
