export { type Broker, type BrokerOptions, startBroker } from './broker.ts';
export {
  type ConfigSection,
  type ConfigValue,
  DEFAULT_MAX_PAYLOAD,
  renderConfig,
  type ServerSettings,
} from './config.ts';
export { BrokerError, type BrokerErrorCode } from './errors.ts';
export { type Environment, type LocatedServer, type LocateServerOptions, locateServer } from './locate.ts';
