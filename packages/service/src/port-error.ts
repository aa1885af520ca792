/** Why a service could not listen, in words that say what to do. */
import { FrameBufferError } from '@frame-buffer/protocol';

/** The HTTP server cannot listen. `code`: `port_taken`, `port_forbidden` or `host_unusable`. */
export class PortError extends FrameBufferError {
  readonly host: string;
  readonly port: number;

  constructor(code: string, message: string, where: { host: string; port: number; cause: unknown }) {
    super(code, message, { cause: where.cause });
    this.host = where.host;
    this.port = where.port;
  }
}

/** A `PortError` for the system's refusal to listen; any other error comes back as it is. */
export function portError(cause: unknown, host: string, port: number): unknown {
  const where = { host, port, cause };
  switch ((cause as { code?: unknown }).code) {
    case 'EADDRINUSE':
      return new PortError(
        'port_taken',
        `Port ${port} on ${host} is taken by another process. Set FRAME_BUFFER_PORT to a free port (0 lets the system choose); ` +
          'frame-buffer dev moves all its ports with --port-base.',
        where,
      );
    case 'EACCES':
      return new PortError(
        'port_forbidden',
        `This user may not listen on port ${port} of ${host}. Set FRAME_BUFFER_PORT to a port above 1023.`,
        where,
      );
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return new PortError(
        'host_unusable',
        `${host} is no address of this machine. Set FRAME_BUFFER_HOST (127.0.0.1 for this machine only, 0.0.0.0 for the network).`,
        where,
      );
    default:
      return cause;
  }
}
