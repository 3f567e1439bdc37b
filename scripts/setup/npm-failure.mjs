const OFFLINE = /\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ENETUNREACH|EHOSTUNREACH|ETIMEDOUT|ERR_SOCKET_TIMEOUT|ENOTCACHED)\b/;

/** The first that is found in npm's output names the cause; each says what to do. */
const CAUSES = [
  [/\bENOSPC\b/, () => "The disk is full. Free about 1 GB and run this again."],
  [/\bEROFS\b/, () => "The folder of Loopwright is on a read-only disk. Copy it to a place that can be written and run this again."],
  [
    /\b(EACCES|EPERM)\b/,
    ([, code]) => `This user may not write to node_modules or to npm's cache (${code}). Give the folder to this user (chown), or run this as its owner.`,
  ],
  [
    /\bEINTEGRITY\b/,
    () => "What was downloaded is not what package-lock.json names. Run npm cache clean --force, then this again; if it stays, ask who runs your registry.",
  ],
  [
    /\bEUSAGE\b/,
    () => "package.json and package-lock.json do not agree. Run git checkout package.json package-lock.json, or npm install if you meant to change them.",
  ],
  [
    OFFLINE,
    ([, code]) =>
      `The npm registry could not be reached (${code}): this machine seems to be offline, or behind a proxy that npm does not know. What came is kept; run this again when connected.`,
  ],
  [
    /\bSELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_\w+|CERT_\w+/,
    ([code]) => `The certificate of the npm registry was not accepted (${code}). Set NODE_EXTRA_CA_CERTS to the certificate of your proxy and run this again.`,
  ],
  [
    /\b(E401|E403)\b/,
    ([, code]) =>
      `The npm registry refused (${code}). See npm config get registry, and sign in there (npm login) or use the public one (npm config delete registry).`,
  ],
  [
    /\b(E404|ETARGET)\b/,
    ([, code]) =>
      `The npm registry does not have one of the packages (${code}). See npm config get registry; the public one has them all (npm config delete registry).`,
  ],
  [/\b(E429|E5\d\d)\b/, ([, code]) => `The npm registry has a problem of its own (${code}). What came is kept; run this again in a few minutes.`],
];

/** One sentence of cause and one of what to do, from what npm printed. */
export function explain(output) {
  for (const [pattern, sentence] of CAUSES) {
    const found = pattern.exec(output);
    if (found) return sentence(found);
  }
  return "The cause is in npm's lines above. Put it right and run this again; what came is kept.";
}
