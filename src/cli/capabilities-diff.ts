/** `narthex capabilities diff`: differences between two results of disco#info or two profiles. */
import type { DiscoInfo } from '../capabilities/disco-info.ts';
import { baseline } from '../capabilities/rewrite.ts';
import { linesOf, loadInfo, loadProfile, loadTable, type CapabilitiesIo } from './capability-inputs.ts';
import { exitCodes } from '../errors/exit.ts';

/** Prints a line for each statement that only one of the two has.
 *  @throws InputError */
export async function diff(io: CapabilitiesIo, a: string, b: string, policies: string): Promise<void> {
  const [before, after] = [await operand(io, a, policies), await operand(io, b, policies)].map(linesOf);
  const removed = before!.filter((line) => !after!.includes(line));
  const added = after!.filter((line) => !before!.includes(line));
  for (const line of removed) io.out(`- ${line}`);
  for (const line of added) io.out(`+ ${line}`);
  if (removed.length + added.length > 0) io.setExitCode(exitCodes.negative);
}

async function operand(io: CapabilitiesIo, name: string, policies: string): Promise<DiscoInfo> {
  if (/\.(xml|txt)$/.test(name)) return await loadInfo(io, name);
  const table = await loadTable(io, policies);
  return baseline(await loadProfile(io, name, policies, table), table);
}
