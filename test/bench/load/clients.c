/* The clients of the benchmark: sets of sessions, one set per contender. In a round each session of one set has one
 * message in flight. */
#define _GNU_SOURCE
#include "load.h"

#include "connection.h"
#include "message.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define SETS_MAX 32
#define EVENTS_MAX 64
#define LATENCIES_MAX 200000
#define SILENCE_MS 10000

enum step { CONNECTING, HANDSHAKE, FIRST_FEATURES, SUCCESS, SECOND_FEATURES, BOUND, ESTABLISHED };

static const char header[] =
    "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' "
    "version='1.0' to='im.example'>";
static const char bind_request[] =
    "<iq type='set' id='bind-1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>Conversations.x7Gq</resource>"
    "</bind></iq>";

struct set {
    struct connection **sessions;
    int count;
};

struct clients {
    int epoll;
    SSL_CTX *context;
    struct template request;
    struct set sets[SETS_MAX];
    int users;
};

static SSL_CTX *client_context(void)
{
    static const unsigned char protocols[] = "\x0bxmpp-client";
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_read_ahead(context, 1);
    SSL_CTX_set_alpn_protos(context, protocols, sizeof protocols - 1);
    return context;
}

/* Begins to connect; a listener whose queue is full makes the connection wait, and not the others. */
static struct connection *dial(struct clients *clients, int port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct connection *connection;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (fd < 0) fail("no socket: %s", strerror(errno));
    if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0 && errno != EINPROGRESS)
        fail("no connection to %d: %s", port, strerror(errno));
    connection = open_connection(clients->epoll, fd, clients->context, 0);
    connection->dialled_at = now_ns();
    await_connect(clients->epoll, connection);
    SSL_set_tlsext_host_name(connection->ssl, "im.example");
    return connection;
}

/* Goes on with the connection and its handshake. Returns whether both are done. */
static int secure(struct clients *clients, struct connection *connection)
{
    int done;
    if (connection->step == CONNECTING) {
        if (!has_connected(clients->epoll, connection)) fail("a connection was refused");
        connection->step = HANDSHAKE;
    }
    done = shake_hands(connection);
    if (done < 0) fail("the handshake was refused");
    return done;
}

static int wait_for_events(struct clients *clients, struct epoll_event *events)
{
    int count = epoll_wait(clients->epoll, events, EVENTS_MAX, SILENCE_MS);
    if (count <= 0) fail("silence for %d ms", SILENCE_MS);
    return count;
}

/* ---- sessions ---- */

static void authenticate(struct clients *clients, struct connection *connection)
{
    char user[32], plain[64], text[256];
    unsigned char encoded[128];
    int length;
    snprintf(user, sizeof user, "user%05d", ++clients->users);
    length = snprintf(plain, sizeof plain, "%c%s%csecret", 0, user, 0);
    EVP_EncodeBlock(encoded, (unsigned char *)plain, length);
    snprintf(text, sizeof text, "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>%s</auth>", encoded);
    write_text(connection, text);
}

static const char *const markers[] = {[FIRST_FEATURES] = "</stream:features>",
                                      [SUCCESS] = "<success",
                                      [SECOND_FEATURES] = "</stream:features>",
                                      [BOUND] = "</iq>"};

/* One step towards an established session. Returns 1 when it is there. */
static int negotiate(struct clients *clients, struct connection *connection)
{
    int come;
    if (connection->step <= HANDSHAKE) {
        if (!secure(clients, connection)) return 0;
        write_text(connection, header);
        connection->step = FIRST_FEATURES;
        return 0;
    }
    come = has_come(connection, markers[connection->step]);
    if (come < 0 || strstr(connection->text, "error") != NULL)
        fail("the session ended at step %d: %s", connection->step, connection->text);
    if (come == 0) return 0;
    forget_text(connection);
    switch (connection->step) {
    case FIRST_FEATURES: authenticate(clients, connection); break;
    case SUCCESS: write_text(connection, header); break;
    case SECOND_FEATURES: write_text(connection, bind_request); break;
    case BOUND: write_text(connection, "<presence/>"); break;
    }
    connection->step += 1;
    return connection->step == ESTABLISHED;
}

/* Reads what a session of no interest says: a proxy may ask something, or send session tickets. */
static void ignore(struct connection *connection)
{
    char bytes[4096];
    while (read_some(connection, bytes, sizeof bytes) > 0);
}

/* `concurrency` sessions are on their way at once. Prints how long all of them took, and the longest of one. */
static void open_sessions(struct clients *clients, struct set *set, int port, int count, int concurrency)
{
    struct epoll_event events[EVENTS_MAX];
    int64_t started = now_ns(), longest = 0;
    int opened = 0, established = 0;
    set->sessions = calloc((size_t)count, sizeof *set->sessions);
    set->count = count;
    while (established < count) {
        int ready;
        while (opened < count && opened - established < concurrency) set->sessions[opened++] = dial(clients, port);
        ready = wait_for_events(clients, events);
        for (int i = 0; i < ready; i += 1) {
            struct connection *connection = events[i].data.ptr;
            int64_t taken;
            if (connection->step == ESTABLISHED) {
                ignore(connection);
                continue;
            }
            if (!negotiate(clients, connection)) continue;
            established += 1;
            taken = now_ns() - connection->dialled_at;
            if (taken > longest) longest = taken;
        }
    }
    printf("opened %ld %ld\n", (long)(now_ns() - started), (long)longest);
}

static void close_sessions(struct set *set)
{
    for (int i = 0; i < set->count; i += 1) {
        SSL_shutdown(set->sessions[i]->ssl);
        close_connection(set->sessions[i]);
    }
    free(set->sessions);
    set->sessions = NULL;
    set->count = 0;
}

/* ---- rounds ---- */

struct round {
    int64_t deadline;
    int in_flight;
    long round_trips;
    /* Messages that came due while every session had one in flight. */
    long late;
    int next;
    int latency_count;
    int latencies[LATENCIES_MAX];
};

static void send_message(struct clients *clients, struct round *round, struct connection *connection)
{
    if (connection->generation != clients->request.generation) {
        free_message(connection->message);
        connection->message = build_message(&clients->request, connection->jid);
        connection->generation = clients->request.generation;
    }
    renew_ids(connection->message);
    connection->sent_at = now_ns();
    write_all(connection, connection->message->bytes, connection->message->length);
    round->in_flight += 1;
}

/* The next session that has nothing in flight, in turn. */
static void send_next(struct clients *clients, struct round *round, struct set *set)
{
    for (int tried = 0; tried < set->count; tried += 1) {
        struct connection *connection = set->sessions[round->next];
        round->next = (round->next + 1) % set->count;
        if (connection->sent_at != 0) continue;
        send_message(clients, round, connection);
        return;
    }
    round->late += 1;
}

/* Returns whether the answer to what was sent has come. */
static int read_answer(struct round *round, struct connection *connection)
{
    char bytes[16384];
    int answered = 0;
    do {
        int length = read_some(connection, bytes, sizeof bytes);
        if (length < 0) fail("a session ended during a round");
        if (length == 0) break;
        if (connection->sent_at != 0 && ends_message(connection, bytes, length)) answered = 1;
    } while (has_more(connection));
    if (!answered) return 0;
    if (round->latency_count < LATENCIES_MAX)
        round->latencies[round->latency_count++] = (int)(now_ns() - connection->sent_at);
    connection->sent_at = 0;
    round->round_trips += 1;
    round->in_flight -= 1;
    return 1;
}

static int by_value(const void *one, const void *other)
{
    return *(const int *)one - *(const int *)other;
}

static int64_t ticks(int timer)
{
    uint64_t expirations = 0;
    return read(timer, &expirations, sizeof expirations) == sizeof expirations ? (int64_t)expirations : 0;
}

/* `rate` round trips per second, evenly spaced, or 0: the next message when the answer has come. */
static void run_round(struct clients *clients, struct set *set, int milliseconds, int rate)
{
    static struct round round;
    struct epoll_event events[EVENTS_MAX];
    int64_t started = now_ns(), elapsed;
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    round = (struct round){.deadline = started + milliseconds * INT64_C(1000000)};
    if (rate == 0) {
        for (int i = 0; i < set->count; i += 1) send_message(clients, &round, set->sessions[i]);
    } else {
        struct timespec every = {.tv_nsec = 1000000000 / rate};
        struct itimerspec spec = {.it_interval = every, .it_value = every};
        struct epoll_event ticking = {.events = EPOLLIN, .data.ptr = NULL};
        timerfd_settime(timer, 0, &spec, NULL);
        epoll_ctl(clients->epoll, EPOLL_CTL_ADD, timer, &ticking);
    }
    while (now_ns() < round.deadline || round.in_flight > 0) {
        int ready = wait_for_events(clients, events);
        for (int i = 0; i < ready; i += 1) {
            struct connection *connection = events[i].data.ptr;
            if (connection == NULL) {
                int64_t due = ticks(timer);
                if (now_ns() >= round.deadline) timerfd_settime(timer, 0, &(struct itimerspec){0}, NULL);
                else for (; due > 0; due -= 1) send_next(clients, &round, set);
            } else if (read_answer(&round, connection) && rate == 0 && now_ns() < round.deadline)
                send_message(clients, &round, connection);
        }
    }
    elapsed = now_ns() - started;
    close(timer);
    qsort(round.latencies, (size_t)round.latency_count, sizeof *round.latencies, by_value);
    printf("ran %ld %ld %ld %d %d\n", round.round_trips, (long)elapsed, round.late,
           round.latencies[round.latency_count / 2], round.latencies[round.latency_count * 99 / 100]);
}

/* Full handshakes, `concurrency` at once; each is closed and its end waited for. */
static void run_handshakes(struct clients *clients, int port, int count, int concurrency)
{
    struct epoll_event events[EVENTS_MAX];
    int64_t started = now_ns();
    int opened = 0, closed = 0;
    while (closed < count) {
        int ready;
        while (opened < count && opened - closed < concurrency) dial(clients, port), opened += 1;
        ready = wait_for_events(clients, events);
        for (int i = 0; i < ready; i += 1) {
            struct connection *connection = events[i].data.ptr;
            if (connection->step <= HANDSHAKE) {
                if (!secure(clients, connection)) continue;
                connection->step = ESTABLISHED;
                SSL_shutdown(connection->ssl);
            }
            ignore(connection);
            if (!has_ended(connection)) continue;
            close_connection(connection);
            closed += 1;
        }
    }
    printf("shaken %d %ld\n", count, (long)(now_ns() - started));
}

/* ---- commands ---- */

static int obey(struct clients *clients, const char *line)
{
    char file[512];
    int set, port, count, milliseconds, rate, bytes, concurrency;
    if (sscanf(line, "request %511s %d", file, &bytes) == 2) {
        load_template(&clients->request, file, bytes);
    } else if (sscanf(line, "open %d %d %d %d", &set, &port, &count, &concurrency) == 4 && set < SETS_MAX) {
        open_sessions(clients, &clients->sets[set], port, count, concurrency);
        return 1;
    } else if (sscanf(line, "close %d", &set) == 1 && set < SETS_MAX) {
        close_sessions(&clients->sets[set]);
    } else if (sscanf(line, "run %d %d %d", &set, &milliseconds, &rate) == 3 && set < SETS_MAX) {
        run_round(clients, &clients->sets[set], milliseconds, rate);
        return 1;
    } else if (sscanf(line, "handshakes %d %d %d", &port, &count, &concurrency) == 3) {
        run_handshakes(clients, port, count, concurrency);
        return 1;
    } else return 0;
    printf("ok\n");
    return 1;
}

int run_clients(void)
{
    struct clients clients = {.epoll = epoll_create1(0), .context = client_context()};
    char line[1024];
    printf("ok\n");
    while (fgets(line, sizeof line, stdin) != NULL)
        if (!obey(&clients, line)) fail("what is %s", line);
    return 0;
}
