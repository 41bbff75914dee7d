/* The two programs in one binary. */
#ifndef LOAD_H
#define LOAD_H

/* Serves until standard input ends. Prints `port N` first. */
int run_server(const char *cert, const char *key);

/* Obeys commands until standard input ends, with one line of answer each. */
int run_clients(void);

#endif
