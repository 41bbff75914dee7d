/** Where clients' addresses are: the operator's table, read again when its file changes. What it says of an address goes into
 *  decisions only, into no log, metric, trace or record. */
import { statSync } from 'node:fs';
import type { KnownRegion } from '../../policy/condition.ts';
import { parseIp } from '../../signals/ip-address.ts';
import { Sensitive } from '../../stanza/sensitive.ts';
import type { WatchOptions } from '../../transport/files.ts';
import { Refresher } from '../../transport/refresher.ts';
import { readRegions, type ReadRegions, type RegionsSection } from '../files/regions.ts';
import type { RegionsReport } from '../observer.ts';
import type { Part } from '../part.ts';

export interface Regions extends Part {
  /** Undefined when the table does not say. */
  of(address: string | undefined): Sensitive<KnownRegion> | undefined;
}

export interface RegionsOptions extends WatchOptions {
  readonly report: (report: RegionsReport) => void;
}

/** Reads the table and watches its file. @throws SetupError ERR_REGIONS_… */
export async function openRegions(section: RegionsSection, options: RegionsOptions): Promise<Regions> {
  const { report, ...watch } = options;
  const { geofeedFile } = section;
  const digest = versionOf(geofeedFile);
  let current = await read();
  const refresher = new Refresher({
    ...watch,
    digest,
    files: [geofeedFile],
    read: () => ({ digest: versionOf(geofeedFile) }),
    apply: async () => {
      current = await read();
    },
    rejected: (problems) => report({ kind: 'rejected', problems }),
  });
  async function read(): Promise<ReadRegions> {
    const found = await readRegions(section);
    report({ kind: 'loaded', rows: found.rows });
    return found;
  }
  return {
    of(address) {
      const ip = address === undefined ? undefined : parseIp(address);
      const region = ip && current.table.find(ip);
      return region && new Sensitive(region);
    },
    refresh: () => refresher.refresh(),
    close: () => refresher.close(),
  };
}

/** Changes with the file: its contents are too large to be read at each poll. '' when there is none. */
function versionOf(path: string): string {
  const found = statSync(path, { throwIfNoEntry: false });
  return found === undefined ? '' : `${found.ino} ${found.size} ${found.mtimeMs}`;
}
