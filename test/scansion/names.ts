/** Names of its own for each run of a script, so that many run at one server at once. */

const address = /(?<![\w.+-])([\w.+-]+)@((?:[\w-]+\.)*localhost)\b/g;

/** Returns the script with `-SUFFIX` after the local part of each address at `localhost` or a host below it. */
export function withOwnNames(script: string, suffix: string): string {
  return script.replaceAll(address, `$1-${suffix}@$2`);
}
