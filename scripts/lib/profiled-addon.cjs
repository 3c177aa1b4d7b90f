// Required by every process that `npm run profile` observes: the addon that it has built is loaded
// in place of netsvc's. The package itself knows no other addon than its own.

const { basename } = require("node:path");
const load = require.extensions[".node"];
const addon = process.env.NETSVC_PROFILED_ADDON;

require.extensions[".node"] = (module, file) => {
  const profiled = addon !== undefined && /^netsvc\..*\.node$/.test(basename(file));
  return load?.(module, profiled ? addon : file);
};
