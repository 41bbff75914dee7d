/** The form of values that are different each time, such as identifiers and times. Their characters do not reveal a
 *  client, but their length, alphabet and separators name the library that made them. */

import { uuidForm } from '../minimisation/pseudonymise.ts';

/** Characters from which on a random value shows its alphabet: a hexadecimal one without a letter is rarer than one in
 *  a thousand. */
const alphabetCharsMin = 16;

/** Returns the form of an identifier: lengths of its runs of letters and digits, what is between them, and the alphabet of
 *  all. */
export function identifierForm(value: string): string {
  if (uuidForm.test(value)) return value === value.toLowerCase() ? 'uuid' : 'upper uuid';
  if (/^\d+$/.test(value) && value.length < alphabetCharsMin) return 'number';
  const alphabet = alphabetOf(value.replaceAll(/[^A-Za-z0-9]/g, ''));
  // In base64, the two other characters are at random places.
  const run = alphabet === 'mixed' ? /[A-Za-z0-9_+/=-]+/g : /[A-Za-z0-9]+/g;
  return `${value.replaceAll(run, ({ length }) => `<${length}>`)} ${alphabet}`;
}

function alphabetOf(characters: string): string {
  if (characters.length < alphabetCharsMin) return 'short';
  if (/^\d+$/.test(characters)) return 'digits';
  if (/^[0-9a-f]+$/.test(characters)) return 'lower hex';
  if (/^[0-9A-F]+$/.test(characters)) return 'upper hex';
  if (/^[0-9a-z]+$/.test(characters)) return 'lower';
  return /^[0-9A-Z]+$/.test(characters) ? 'upper' : 'mixed';
}

/** Returns the form of a time: its precision and its zone. */
export function timeForm(value: string): string {
  return value.replaceAll(/\d/g, '0');
}
