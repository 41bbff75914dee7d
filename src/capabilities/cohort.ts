/** Counts the clients that can be distinguished by their advertisements. A cohort promises one advertisement per
 *  profile. Every byte counts (order of elements and attributes, quoting, white space), and of values that differ
 *  between stanzas anyway, their format. */

/** Addresses and ids, whose format identifies the software although their values do not. */
const variable = /(\s(?:id|to|from)\s*=\s*)(?:"([^"]*)"|'([^']*)')/g;

/** Returns the bytes of an advertisement (a presence, an answer to disco#info) with the variable values of its first
 *  tag reduced to their format. */
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

/** Returns the form of an id: its alphabet, and the lengths between separators. Counters may have any length. */
export function idFormat(id: string): string {
  const letters = id.replaceAll(/[^A-Za-z0-9]/g, '');
  const alphabet = alphabetOf(letters);
  const length = (run: string) => (alphabet === '9' ? '' : `{${run.length}}`);
  return id.replaceAll(/[A-Za-z0-9]+/g, (run) => `${alphabet}${length(run)}`);
}

/** Returns the smallest usual alphabet with every letter of the id. */
function alphabetOf(letters: string): string {
  if (/^[0-9]*$/.test(letters)) return '9';
  if (/^[0-9a-f]*$/.test(letters)) return 'f';
  if (/^[0-9A-F]*$/.test(letters)) return 'F';
  if (/^[0-9a-z]*$/.test(letters)) return 'z';
  return 'Zz';
}

/** Returns which parts an address has (RFC 7622 §3.1). */
function addressFormat(jid: string): string {
  const [bare, ...resource] = jid.split('/');
  return `${bare!.includes('@') ? 'local@' : ''}domain${resource.length > 0 ? '/resource' : ''}`;
}

/** Returns the number of kinds of client that an observer of these advertisements can distinguish. Each client is
 *  the list of everything that it sends to advertise itself. */
export function distinguishable(population: readonly (readonly string[])[]): number {
  return new Set(population.map((client) => JSON.stringify(client.map(advertisementShape)))).size;
}
