/** `narthex capabilities diff`: differences between two results of disco#info or two profiles. */
import type { DiscoInfo } from '../capabilities/disco-info.ts';
import { baseline } from '../capabilities/rewrite.ts';
import { linesOf, loadInfo, loadProfile, loadTable, type CapabilitiesIo } from './capability-inputs.ts';
import { standardInput } from '../documents/read.ts';
import { exitCodes } from '../errors/exit.ts';
import { requireOneInput } from './input-error.ts';

/** Prints a line for each statement that only one of the two has.
 *  @throws InputError */
export async function diff(io: CapabilitiesIo, a: string, b: string, policies: string): Promise<void> {
  requireOneInput([a, b]);
  const [before, after] = [await operand(io, a, policies), await operand(io, b, policies)].map(linesOf);
  const removed = before!.filter((line) => !after!.includes(line));
  const added = after!.filter((line) => !before!.includes(line));
  for (const line of removed) io.out(`- ${line}`);
  for (const line of added) io.out(`+ ${line}`);
  if (removed.length + added.length > 0) io.setExitCode(exitCodes.negative);
}

async function operand(given: CapabilitiesIo, name: string, policies: string): Promise<DiscoInfo> {
  let isXml = /\.(xml|txt)$/.test(name);
  let io = given;
  if (name === standardInput.path) {
    // It has no name that says what it is.
    const text = await given.readStdin();
    isXml = text.trimStart().startsWith('<');
    io = { ...given, readStdin: () => Promise.resolve(text) };
  }
  if (isXml) return await loadInfo(io, name);
  const table = await loadTable(io, policies);
  return baseline(await loadProfile(io, name, policies, table), table);
}
