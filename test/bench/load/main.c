/* The load generator of the benchmark: `load server CERT KEY` and `load clients`. Both are driven by lines on standard
 * input; what goes wrong is a line `error TEXT` and exit code 1. */
#include "load.h"

#include "connection.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

int main(int count, char **arguments)
{
    signal(SIGPIPE, SIG_IGN);
    setvbuf(stdout, NULL, _IOLBF, 0);
    /* Commands are read one at a time, by lines: nothing may wait in a buffer where epoll does not see it. */
    setvbuf(stdin, NULL, _IONBF, 0);
    if (count == 4 && strcmp(arguments[1], "server") == 0) return run_server(arguments[2], arguments[3]);
    if (count == 2 && strcmp(arguments[1], "clients") == 0) return run_clients();
    fail("usage: load server CERT KEY | load clients");
}
