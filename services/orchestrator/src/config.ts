import { commonSettings, defineConfig } from '@frame-buffer/service';

export const definition = defineConfig({
  service: 'orchestrator',
  summary: 'Dispatches frames from their lanes to processors with room.',
  settings: { ...commonSettings({ port: 8082 }) },
});
