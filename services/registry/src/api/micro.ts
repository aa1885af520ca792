/** The NATS micro interface: the operations that processors need, for clients without HTTP. */
import { endpoint } from '@frame-buffer/protocol';
import { type MicroEndpoint, microEndpoint } from '@frame-buffer/service';
import { type Operations, requestSchemas } from './operations.ts';

export function microEndpoints(operations: Operations): readonly MicroEndpoint[] {
  return [
    microEndpoint({
      name: 'register',
      subject: endpoint.registerProcessor,
      description: 'Registers a processor; the answer says where to pull its work from.',
      request: requestSchemas.register,
      handler: (processor) => operations.register(processor),
    }),
    microEndpoint({
      name: 'renew',
      subject: endpoint.renewProcessor,
      description: 'The heartbeat of an instance that cannot write it itself.',
      request: requestSchemas.renew,
      handler: ({ name, instance, ...figures }) => operations.renew(name, instance, figures),
    }),
    microEndpoint({
      name: 'deregister',
      subject: endpoint.deregisterProcessor,
      description: 'Deregisters a processor whose queue is empty, or with force any.',
      request: requestSchemas.deregister,
      handler: ({ name, force }) => operations.deregister(name, { force }),
    }),
    microEndpoint({
      name: 'drain',
      subject: endpoint.drainProcessor,
      description: 'Sends a processor nothing more, has it finish what is queued, and removes it then.',
      request: requestSchemas.command,
      handler: ({ name }) => operations.command(name, 'drain'),
    }),
    microEndpoint({
      name: 'resume',
      subject: endpoint.resumeProcessor,
      description: 'Takes a drain back that has not ended.',
      request: requestSchemas.command,
      handler: ({ name }) => operations.command(name, 'resume'),
    }),
    microEndpoint({
      name: 'list',
      subject: endpoint.listProcessors,
      description: 'The registered processors with their instances, all or of one capability.',
      request: requestSchemas.list,
      handler: ({ capability }) => operations.processors(capability),
    }),
    microEndpoint({
      name: 'release',
      subject: endpoint.releasePartition,
      description: 'An instance gives back a partition of an ordered processor that it owns.',
      request: requestSchemas.release,
      handler: (request) => operations.release(request),
    }),
    microEndpoint({
      name: 'verify',
      subject: endpoint.verifyTopology,
      description: 'Makes what is missing of streams, lanes and consumers, and verifies the rest.',
      handler: () => operations.verify(),
    }),
  ];
}
