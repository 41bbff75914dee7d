/* The line protocol of ../client.ts, spoken by libstrophe, with `join`, `say` and `back` of ../table/program.ts. */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <strophe.h>

static const int EVENT_LOOP_MS = 5;
static const int PONG_TURNS_MAX = 200;

/* One per process. */
struct peer {
    xmpp_ctx_t *context;
    xmpp_conn_t *connection;
    int running;
    int pongs;
    /* Whether it connects again after a lost connection, and whether it has to. */
    int reconnects;
    int lost;
    /* Whether it has a resource: the library would send a message before it has authenticated. */
    int online;
    /* When it connected last, in seconds of the monotonic clock. */
    time_t dialled;
    /* The JID it was online with last: it stays the same where a stream is resumed. */
    char *online_as;
    /* How it has come back since it was asked, and the number of the question that waits for it. */
    const char *back;
    char *back_asked;
    /* The room that it joins, as an occupant, and the number of the question. */
    char *occupant;
    char *join_asked;
    /* Commands read so far that do not make a whole line yet. */
    char *pending;
    size_t length;
    size_t capacity;
};

static void say_encoded(struct peer *peer, const char *event, const char *from, const char *text)
{
    char *encoded = xmpp_base64_encode(peer->context, (const unsigned char *)text, strlen(text));
    printf("%s%s%s %s\n", event, from ? " " : "", from ? from : "", encoded ? encoded : "");
    fflush(stdout);
    xmpp_free(peer->context, encoded);
}

static void answer_back(struct peer *peer)
{
    if (!peer->back || !peer->back_asked) return;
    say_encoded(peer, "done", peer->back_asked, peer->back);
    free(peer->back_asked);
    peer->back_asked = NULL;
    peer->back = NULL;
}

/* Remembers as whom it is online; the second time it has come back. */
static void came_online(struct peer *peer, const char *jid)
{
    if (peer->online_as) {
        peer->back = strcmp(peer->online_as, jid) == 0 ? "resumed" : "again";
        answer_back(peer);
    }
    free(peer->online_as);
    peer->online_as = strdup(jid);
}

/* A presence of the occupant that it wants to be is the answer to joining. */
static int on_presence(xmpp_conn_t *connection, xmpp_stanza_t *stanza, void *data)
{
    struct peer *peer = data;
    const char *from = xmpp_stanza_get_from(stanza);
    const char *type = xmpp_stanza_get_type(stanza);
    (void)connection;
    if (!peer->occupant || !from || strcmp(from, peer->occupant) != 0) return 1;
    if (type && strcmp(type, "error") == 0) {
        say_encoded(peer, "refused", peer->join_asked, "the room has answered with an error");
    } else {
        printf("done %s\n", peer->join_asked);
        fflush(stdout);
    }
    free(peer->occupant);
    free(peer->join_asked);
    peer->occupant = peer->join_asked = NULL;
    return 1;
}

static int on_message(xmpp_conn_t *connection, xmpp_stanza_t *stanza, void *data)
{
    struct peer *peer = data;
    const char *type = xmpp_stanza_get_type(stanza);
    char *body = xmpp_message_get_body(stanza);
    (void)connection;
    if (body && !(type && strcmp(type, "groupchat") == 0)) {
        say_encoded(peer, "message", xmpp_stanza_get_from(stanza), body);
    }
    if (body) xmpp_free(peer->context, body);
    return 1;
}

static void on_connection(xmpp_conn_t *connection, xmpp_conn_event_t event, int error,
                          xmpp_stream_error_t *stream_error, void *data)
{
    struct peer *peer = data;
    char reason[80];

    if (event == XMPP_CONN_CONNECT) {
        xmpp_stanza_t *presence;
        if (!xmpp_conn_is_secured(connection)) {
            say_encoded(peer, "failed", NULL, "the connection is not encrypted");
            peer->running = 0;
            return;
        }
        xmpp_handler_add(connection, on_message, NULL, "message", NULL, peer);
        xmpp_handler_add(connection, on_presence, NULL, "presence", NULL, peer);
        presence = xmpp_presence_new(peer->context);
        xmpp_send(connection, presence);
        xmpp_stanza_release(presence);
        peer->online = 1;
        printf("online %s\n", xmpp_conn_get_bound_jid(connection));
        fflush(stdout);
        came_online(peer, xmpp_conn_get_bound_jid(connection));
        return;
    }
    peer->online = 0;
    if (peer->reconnects) {
        peer->lost = 1;
        return;
    }
    snprintf(reason, sizeof reason, "disconnected: error %d, stream error %d", error,
             stream_error ? (int)stream_error->type : -1);
    say_encoded(peer, "failed", NULL, reason);
    peer->running = 0;
}

static void send_message(struct peer *peer, const char *type, const char *to, const char *encoded)
{
    char *body = xmpp_base64_decode_str(peer->context, encoded, strlen(encoded));
    xmpp_stanza_t *message = xmpp_message_new(peer->context, type, to, NULL);
    if (body && xmpp_message_set_body(message, body) == XMPP_EOK)
        xmpp_send(peer->connection, message);
    xmpp_stanza_release(message);
    xmpp_free(peer->context, body);
}

/* XEP-0045 section 7.2; the library has no rooms of its own. */
static void join(struct peer *peer, const char *number, const char *room, const char *nick)
{
    xmpp_stanza_t *presence = xmpp_presence_new(peer->context);
    xmpp_stanza_t *payload = xmpp_stanza_new(peer->context);
    if (asprintf(&peer->occupant, "%s/%s", room, nick) < 0) abort();
    peer->join_asked = strdup(number);
    xmpp_stanza_set_name(payload, "x");
    xmpp_stanza_set_ns(payload, "http://jabber.org/protocol/muc");
    xmpp_stanza_set_to(presence, peer->occupant);
    xmpp_stanza_add_child_ex(presence, payload, 0);
    xmpp_send(peer->connection, presence);
    xmpp_stanza_release(presence);
}

static void answer(struct peer *peer, const char *number, const char *verb, const char *one, const char *two)
{
    if (strcmp(verb, "back") == 0) {
        peer->back_asked = strdup(number);
        answer_back(peer);
    } else if (strcmp(verb, "join") == 0 && one && two) {
        char *room = xmpp_base64_decode_str(peer->context, one, strlen(one));
        char *nick = xmpp_base64_decode_str(peer->context, two, strlen(two));
        join(peer, number, room, nick);
        xmpp_free(peer->context, room);
        xmpp_free(peer->context, nick);
    } else if (strcmp(verb, "say") == 0 && one && two) {
        char *room = xmpp_base64_decode_str(peer->context, one, strlen(one));
        send_message(peer, "groupchat", room, two);
        xmpp_free(peer->context, room);
        printf("done %s\n", number);
        fflush(stdout);
    } else {
        say_encoded(peer, "refused", number, "not known to this program");
    }
}

static void obey(struct peer *peer, char *line)
{
    char *rest = NULL;
    const char *verb = strtok_r(line, " ", &rest);
    const char *to = strtok_r(NULL, " ", &rest);
    const char *encoded = strtok_r(NULL, " ", &rest);
    if (verb && to && encoded && strcmp(verb, "send") == 0 && peer->online)
        send_message(peer, "chat", to, encoded);
    if (verb && to && encoded && strcmp(verb, "ask") == 0) {
        const char *one = strtok_r(NULL, " ", &rest);
        answer(peer, to, encoded, one, strtok_r(NULL, " ", &rest));
    }
}

static void obey_whole_lines(struct peer *peer)
{
    char *start = peer->pending;
    char *end;
    while ((end = memchr(start, '\n', peer->pending + peer->length - start))) {
        *end = '\0';
        obey(peer, start);
        start = end + 1;
    }
    peer->length -= start - peer->pending;
    memmove(peer->pending, start, peer->length);
}

/* Reads what is there without waiting; the end of input logs the client out. */
static void read_commands(struct peer *peer)
{
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    while (poll(&input, 1, 0) > 0) {
        ssize_t got;
        if (peer->capacity - peer->length < 4096) {
            peer->capacity = peer->capacity * 2 + 8192;
            peer->pending = realloc(peer->pending, peer->capacity);
            if (!peer->pending) abort();
        }
        got = read(STDIN_FILENO, peer->pending + peer->length, peer->capacity - peer->length);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) {
            peer->running = 0;
            return;
        }
        peer->length += got;
        obey_whole_lines(peer);
    }
}

static int on_pong(xmpp_conn_t *connection, xmpp_stanza_t *stanza, void *data)
{
    struct peer *peer = data;
    (void)connection;
    (void)stanza;
    peer->pongs++;
    return 0;
}

/* Asks the server whether it is there (XEP-0199), and waits for the answer. */
static void ping(struct peer *peer, const char *id)
{
    const int expected = peer->pongs + 1;
    xmpp_stanza_t *iq = xmpp_iq_new(peer->context, "get", id);
    xmpp_stanza_t *payload = xmpp_stanza_new(peer->context);
    xmpp_stanza_set_name(payload, "ping");
    xmpp_stanza_set_ns(payload, "urn:xmpp:ping");
    xmpp_stanza_add_child_ex(iq, payload, 0);
    xmpp_id_handler_add(peer->connection, on_pong, id, peer);
    xmpp_send(peer->connection, iq);
    xmpp_stanza_release(iq);
    for (int turn = 0; turn < PONG_TURNS_MAX && peer->pongs < expected; turn++)
        xmpp_run_once(peer->context, EVENT_LOOP_MS);
}

/* The library leaves without a last <a/> (XEP-0198 section 4), and a server delivers again what it has not been told
 * of. In front of the first answer comes the server's last <r/>, in front of the second what it makes of our <a/>. */
static void acknowledge_everything(struct peer *peer)
{
    ping(peer, "last-request");
    ping(peer, "last-answer");
}

static long tls_flags(void)
{
    return strcmp(getenv("PEER_TLS"), "direct") == 0 ? XMPP_CONN_FLAG_LEGACY_SSL
                                                     : XMPP_CONN_FLAG_MANDATORY_TLS;
}

static xmpp_conn_t *connect_peer(struct peer *peer)
{
    xmpp_conn_t *connection = xmpp_conn_new(peer->context);
    xmpp_conn_set_flags(connection, tls_flags());
    xmpp_conn_set_jid(connection, getenv("PEER_JID"));
    xmpp_conn_set_pass(connection, getenv("PEER_PASSWORD"));
    xmpp_conn_set_cafile(connection, getenv("PEER_AUTHORITY"));
    return connection;
}

static time_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec;
}

static int dial(struct peer *peer)
{
    peer->dialled = now();
    return xmpp_connect_client(peer->connection, getenv("PEER_HOST"), atoi(getenv("PEER_PORT")),
                               on_connection, peer);
}

/* Connects again with the state of stream management, as the library wants it: on a connection that is new. */
static void connect_again(struct peer *peer)
{
    xmpp_sm_state_t *state = xmpp_conn_get_sm_state(peer->connection);
    peer->lost = 0;
    xmpp_conn_release(peer->connection);
    peer->connection = connect_peer(peer);
    if (state) xmpp_conn_set_sm_state(peer->connection, state);
    if (dial(peer) != XMPP_EOK) peer->lost = 1;
}

int main(void)
{
    struct peer peer = {.running = 1, .reconnects = getenv("PEER_RECONNECT") != NULL};
    signal(SIGPIPE, SIG_IGN);
    xmpp_initialize();
    peer.context = xmpp_ctx_new(NULL, xmpp_get_default_logger(XMPP_LEVEL_INFO));
    peer.connection = connect_peer(&peer);
    if (dial(&peer) != XMPP_EOK) {
        say_encoded(&peer, "failed", NULL, "cannot connect");
        return 1;
    }
    while (peer.running) {
        read_commands(&peer);
        xmpp_run_once(peer.context, EVENT_LOOP_MS);
        /* At once, but not twice in a second. */
        if (peer.lost && now() != peer.dialled) connect_again(&peer);
    }

    if (xmpp_conn_is_connected(peer.connection)) acknowledge_everything(&peer);
    xmpp_disconnect(peer.connection);
    /* A few turns, for the closing tag to leave. */
    for (int turn = 0; turn < 20; turn++) xmpp_run_once(peer.context, EVENT_LOOP_MS);
    xmpp_conn_release(peer.connection);
    xmpp_ctx_free(peer.context);
    xmpp_shutdown();
    free(peer.pending);
    free(peer.online_as);
    return 0;
}
