/** How many clients are distinguishable by what they advertise. A cohort is a claim with a number: one advertisement per
 *  profile. What counts is every byte - order of elements and attributes, quoting, white space - and, for the values
 *  that differ from stanza to stanza anyway, their format. */

/** Addresses and ids: their values say nothing of the software, their format does. */
const variable = /(\s(?:id|to|from)\s*=\s*)(?:"([^"]*)"|'([^']*)')/g;

/** The bytes of an advertisement (a presence, an answer to disco#info) with the variable values of its first tag
 *  reduced to their format. */
export function advertisementShape(xml: string): string {
  const start = xml.indexOf('<', xml.startsWith('<?') ? 2 : 0);
  const end = xml.indexOf('>', start) + 1;
  const tag = xml.slice(0, end).replaceAll(variable, (_, name: string, double?: string, single?: string) => {
    const quote = double === undefined ? "'" : '"';
    const value = double ?? single ?? '';
    return `${name}${quote}${name.trim().startsWith('id') ? idFormat(value) : addressFormat(value)}${quote}`;
  });
  return tag + xml.slice(end);
}

/** How an id is made: its alphabet, and the lengths between the marks that divide it. Counters have any length. */
export function idFormat(id: string): string {
  const letters = id.replaceAll(/[^A-Za-z0-9]/g, '');
  const alphabet = alphabetOf(letters);
  const length = (run: string) => (alphabet === '9' ? '' : `{${run.length}}`);
  return id.replaceAll(/[A-Za-z0-9]+/g, (run) => `${alphabet}${length(run)}`);
}

/** The smallest of the usual alphabets that holds every letter of the id. */
function alphabetOf(letters: string): string {
  if (/^[0-9]*$/.test(letters)) return '9';
  if (/^[0-9a-f]*$/.test(letters)) return 'f';
  if (/^[0-9A-F]*$/.test(letters)) return 'F';
  if (/^[0-9a-z]*$/.test(letters)) return 'z';
  return 'Zz';
}

/** Which parts an address has (RFC 7622 §3.1). */
function addressFormat(jid: string): string {
  const [bare, ...resource] = jid.split('/');
  return `${bare!.includes('@') ? 'local@' : ''}domain${resource.length > 0 ? '/resource' : ''}`;
}

/** The number of kinds of client that an observer of these advertisements can tell apart. Each client is the list of
 *  everything it sends to advertise itself. */
export function distinguishable(population: readonly (readonly string[])[]): number {
  return new Set(population.map((client) => JSON.stringify(client.map(advertisementShape)))).size;
}
