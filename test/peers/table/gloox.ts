/** gloox: a C++ library, with a program of the tests. */
import { compiledCpp } from '../compiled.ts';
import { programTableClient } from './program.ts';

export const glooxTable = programTableClient({
  name: 'gloox',
  needs: ['gloox'],
  transports: ['starttls', 'direct'],
  cannot: {
    'encrypted message': 'has no OMEMO',
    upload: 'has no upload over HTTP',
    archive: 'asks no archive',
  },
  program: compiledCpp('client.cpp', 'gloox'),
});
