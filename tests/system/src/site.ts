export { type CameraRequest, type ServiceName, Site } from '@frame-buffer/testkit';
