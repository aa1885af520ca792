/** The REST interface, below `/api/v1`. */
import { policySchema, tokenSchema } from '@frame-buffer/protocol';
import { jsonRoute } from '@frame-buffer/service';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { figuresSchema } from '../instances.ts';
import { type Operations, requestSchemas } from './operations.ts';

const processorParams = z.object({ name: tokenSchema('processor') });
const instanceParams = z.object({ name: tokenSchema('processor'), instance: tokenSchema('instance') });
const capabilityParams = z.object({ name: tokenSchema('capability') });

export function restRoutes(app: FastifyInstance, operations: Operations): void {
  jsonRoute(app, {
    method: 'POST',
    url: '/api/v1/processors',
    summary: 'Registers a processor: 201 when it is new, 200 when it was registered before.',
    body: requestSchemas.register,
    handler: async ({ body, reply }) => {
      const answer = await operations.register(body);
      if (answer.state === 'registered') reply.code(201).header('location', `/api/v1/processors/${body.name}`);
      return answer;
    },
  });
  jsonRoute(app, {
    method: 'GET',
    url: '/api/v1/processors',
    summary: 'The registered processors with their instances; those of one capability with ?capability=.',
    query: requestSchemas.list,
    handler: ({ query }) => operations.processors(query.capability),
  });
  jsonRoute(app, {
    method: 'GET',
    url: '/api/v1/processors/:name',
    summary: 'One processor with its instances, and how to work as one of them.',
    params: processorParams,
    handler: ({ params }) => operations.processor(params.name),
  });
  jsonRoute(app, {
    method: 'DELETE',
    url: '/api/v1/processors/:name',
    summary: 'Deregisters a processor whose queue is empty; ?force=true also one with work left.',
    params: processorParams,
    query: z.strictObject({ force: z.stringbool({ error: 'force is true or false' }).default(false) }),
    handler: ({ params, query }) => operations.deregister(params.name, query),
  });
  jsonRoute(app, {
    method: 'POST',
    url: '/api/v1/processors/:name/drain',
    summary: 'Sends it nothing more, has it finish what is queued, and removes it then.',
    params: processorParams,
    handler: ({ params }) => operations.command(params.name, 'drain'),
  });
  jsonRoute(app, {
    method: 'POST',
    url: '/api/v1/processors/:name/resume',
    summary: 'Takes a drain back that has not ended.',
    params: processorParams,
    handler: ({ params }) => operations.command(params.name, 'resume'),
  });
  jsonRoute(app, {
    method: 'GET',
    url: '/api/v1/processors/:name/partitions',
    summary: 'Which instance works which partition of an ordered processor, under which epoch.',
    params: processorParams,
    handler: ({ params }) => operations.partitions(params.name),
  });
  jsonRoute(app, {
    method: 'PUT',
    url: '/api/v1/processors/:name/instances/:instance',
    summary: 'The heartbeat of an instance that cannot write it itself; the body may tell figures.',
    params: instanceParams,
    body: figuresSchema.nullish(),
    handler: ({ params, body }) => operations.renew(params.name, params.instance, body ?? {}),
  });
  jsonRoute(app, {
    method: 'GET',
    url: '/api/v1/capabilities',
    summary: 'The capabilities that cameras and processors name, with their policies.',
    handler: () => operations.capabilities(),
  });
  jsonRoute(app, {
    method: 'PUT',
    url: '/api/v1/capabilities/:name',
    summary: 'Keeps the policy of a capability.',
    params: capabilityParams,
    body: policySchema,
    handler: ({ params, body }) => operations.keepPolicy(params.name, body),
  });
  jsonRoute(app, {
    method: 'GET',
    url: '/api/v1/topology',
    summary: 'Streams, buckets and consumers as last seen, with what differs from the wanted.',
    handler: () => operations.topology(),
  });
  jsonRoute(app, {
    method: 'POST',
    url: '/api/v1/topology/verify',
    summary: 'Makes what is missing and verifies the rest, now.',
    handler: () => operations.verify(),
  });
}
