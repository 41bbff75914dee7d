/** What the users of cast.ts have on the chat channel. */
import { romeo } from '../cast.ts';

/** Number of Juliet's provider at the gatekeeper. */
export const integrator = 7;

/** Digits that name Romeo, a user of the gatekeeper's own app. */
export const romeoNumber = '391234567';
export const romeoAddress = `${romeoNumber}@s.whatsapp.net`;
export const romeoName = `${romeo.username[0]!.toUpperCase()}${romeo.username.slice(1)}`;

/** The version of the protocol that the proxy states when a user enlists, and the field of the form. */
export const statedVersion = { field: 'version', accepted: ['2.3000.1'] } as const;

/** Issuer of the gatekeeper's push tokens. */
export const pushIssuer = 'GATEKEEPER';
