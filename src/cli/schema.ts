/** `narthex schema`: the JSON Schema of narthex.yaml. */
import { publishedSchema } from '../config/published-schema.ts';
import type { Invocation, Surroundings } from './command.ts';
import { type ExitCode, exitCodes } from './exit.ts';

export async function run(_: Invocation, { stdout }: Surroundings): Promise<ExitCode> {
  stdout.write(`${JSON.stringify(publishedSchema(), null, 2)}\n`);
  return exitCodes.ok.code;
}
