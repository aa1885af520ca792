/**
 * Is `node` new enough to run TypeScript as it stands? Called before start and test, after setup: by then `node` is the
 * one from npm on linux-x64, and the machine's own elsewhere. Plain JavaScript that an old Node understands too.
 */

const NEEDED = 24;
const found = process.versions.node;

if (Number(found.split('.')[0]) < NEEDED) {
  const platform = `${process.platform}-${process.arch}`;
  const why =
    platform === 'linux-x64'
      ? 'The Node that the workspace brings along is not installed: run "npm run setup" (with optional dependencies).'
      : `The workspace brings its own Node along for linux-x64 only, and this is ${platform}.`;
  console.error(
    `Frame Buffer runs on Node ${NEEDED} or newer; this is Node ${found}. ${why}\n` +
      `Install Node ${NEEDED} (https://nodejs.org/en/download, "fnm install ${NEEDED}" or "nvm install ${NEEDED}") and try again.`,
  );
  process.exit(1);
}
