/** `regions`: the operator's table of where addresses are. It is read from a file, and no other party is asked. */
import { z } from 'zod';
import { bound, file } from '../values.ts';

export const regions = z
  .strictObject({
    geofeedFile: file.describe(
      'Table in the form of RFC 8805: one prefix in each line, `192.0.2.0/24,AT,AT-9,,`. The longest prefix decides. Read ' +
        'again when it changes; a wrong row changes nothing.',
    ),
    rowsMax: bound(500_000, 1, 10_000_000, 'Rows that are taken.'),
    bytesMax: bound(33_554_432, 1_024, 2 ** 30, 'Bytes of the file.'),
  })
  .describe(
    "Where clients' addresses are, for `region` in exceptions of policies and `enlistment.regions`. Nothing of it is logged, " +
      'counted or kept.',
  );

/** A country, or a region of one. */
export const regionCode = z
  .string()
  .regex(
    /^[A-Z]{2}(-[A-Z0-9]{1,3})?$/,
    'a country such as AT (ISO 3166-1), or a region such as AT-9 (ISO 3166-2)',
  );
