/** The KV buckets. Source: design §3; `leases` holds every duty that must be done once, and never expires by itself. */

import { assertToken, isToken } from './names.ts';

export interface BucketDefinition {
  readonly name: string;
  readonly description: string;
  /** Keys vanish this long after their last put. */
  readonly ttlMs?: number;
}

/** An instance is dead when it was not heard of for three heartbeats. */
export const HEARTBEAT_MS = 1_000;
export const HEARTBEAT_TTL_MS = 3_000;

export const BUCKET = {
  cameras: 'cameras',
  capabilities: 'capabilities',
  processors: 'processors',
  instances: 'instances',
  leases: 'leases',
  actors: 'actors',
  assignments: 'assignments',
} as const;

export const bucketDefinitions: readonly BucketDefinition[] = [
  { name: BUCKET.cameras, description: 'Cameras and what they ask for' },
  { name: BUCKET.capabilities, description: 'Policies of capabilities' },
  { name: BUCKET.processors, description: 'Registered processors' },
  { name: BUCKET.instances, description: 'Heartbeats; keys expire', ttlMs: HEARTBEAT_TTL_MS },
  { name: BUCKET.leases, description: 'Who does what must be done once; epochs' },
  { name: BUCKET.actors, description: 'State of actors that must survive their host' },
  { name: BUCKET.assignments, description: 'Who works which partition of an ordered processor' },
];

/** Keys of `instances`: `<kind>.<name>.<instance>`. Throws `invalid_name`. */
export function instanceKey(kind: 'processor' | 'service', name: string, instance: string): string {
  return `${kind}.${assertToken('name', name)}.${assertToken('instance', instance)}`;
}

export function parseInstanceKey(key: string): { kind: string; name: string; instance: string } | undefined {
  const [kind, name, instance, ...rest] = key.split('.');
  if (kind === undefined || name === undefined || instance === undefined || rest.length > 0) return undefined;
  if (!isToken(kind) || !isToken(name) || !isToken(instance)) return undefined;
  return { kind, name, instance };
}

/** Key in `leases` of the right to capture a camera. Throws `invalid_name`. */
export function cameraLeaseKey(camera: string): string {
  return `camera.${assertToken('camera', camera)}`;
}

/** Key in `leases` of a duty that one instance of a service has. Throws `invalid_name`. */
export function dutyLeaseKey(duty: string): string {
  return `duty.${assertToken('duty', duty)}`;
}

/** Key in `actors`. Throws `invalid_name`. */
export function actorKey(kind: string, id: string): string {
  return `${assertToken('actor kind', kind)}.${assertToken('actor id', id)}`;
}

export function parseActorKey(key: string): { kind: string; id: string } | undefined {
  const [kind, id, ...rest] = key.split('.');
  if (kind === undefined || id === undefined || rest.length > 0) return undefined;
  return isToken(kind) && isToken(id) ? { kind, id } : undefined;
}
