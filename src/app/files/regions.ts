/** Reads the operator's table of regions. */
import { setImmediate as otherWork } from 'node:timers/promises';
import type { Config } from '../../config/schema.ts';
import { readRegularFile, whyOf } from '../../documents/read.ts';
import { decodeUtf8 } from '../../documents/text.ts';
import { readGeofeedInSteps } from '../../signals/geofeed.ts';
import type { RegionTable } from '../../signals/region-table.ts';
import { setupErrors, type SetupErrorCode } from '../../errors/setup.ts';
import { SetupError } from '../../transport/error.ts';

export type RegionsSection = NonNullable<Config['regions']>;

export interface ReadRegions {
  readonly table: RegionTable;
  readonly rows: number;
}

/** Reads the table, and yields to other work between its rows: it can be large.
 *  @throws SetupError ERR_REGIONS_… */
export async function readRegions({ geofeedFile, rowsMax, bytesMax }: RegionsSection): Promise<ReadRegions> {
  const text = textOf(geofeedFile, bytesMax);
  const steps = readGeofeedInSteps(text, rowsMax);
  for (;;) {
    const { done, value } = steps.next();
    if (done !== true) {
      await otherWork();
      continue;
    }
    if (value.kind === 'table') return value;
    const { line, column, reason } = value;
    throw fault('ERR_REGIONS_INVALID', reason, { path: geofeedFile, line, column });
  }
}

function textOf(path: string, bytesMax: number): string {
  let bytes: Buffer;
  try {
    bytes = readRegularFile(path, bytesMax);
  } catch (error) {
    throw fault('ERR_REGIONS_UNREADABLE', `${path} cannot be read (${whyOf(error)})`, { path });
  }
  const decoded = decodeUtf8(bytes);
  if (decoded.kind === 'text') return decoded.text;
  const { line, column } = decoded;
  throw fault('ERR_REGIONS_INVALID', 'this byte is not UTF-8', { path, line, column });
}

interface At {
  readonly path: string;
  readonly line?: number;
  readonly column?: number;
}

function fault(code: SetupErrorCode, problem: string, at: At): SetupError {
  // The sentence that ERRORS.md has, without its full stop.
  const remedy = setupErrors[code].remedy.replace(/\.$/, '');
  return new SetupError(code, problem, remedy, { role: 'regions', ...at });
}
