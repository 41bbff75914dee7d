// The line protocol of ../client.ts, with the verbs join, say and back of ../table/program.ts, spoken by gloox.
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <map>
#include <memory>
#include <queue>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <gloox/base64.h>
#include <gloox/client.h>
#include <gloox/connectionlistener.h>
#include <gloox/connectiontcpclient.h>
#include <gloox/connectiontls.h>
#include <gloox/error.h>
#include <gloox/loghandler.h>
#include <gloox/message.h>
#include <gloox/messagehandler.h>
#include <gloox/mucroom.h>
#include <gloox/mucroomhandler.h>
#include <gloox/tlsdefault.h>

using namespace gloox;

namespace {

const int RECONNECT_PAUSE_MS = 100;

std::string setting(const char *name)
{
    const char *value = getenv(name);
    return value ? value : "";
}

void say(const std::string &line) { std::cout << line << std::endl; }

/** Writes an event with its text in base64. */
void sayEncoded(const std::string &event, const std::string &text)
{
    say(event + " " + Base64::encode64(text));
}

/** TLS that trusts PEER_AUTHORITY too, whenever a session of the library begins: the list of authorities that the library
 *  is given stays unread. */
class Tls : public TLSDefault {
public:
    Tls(TLSHandler *handler, const std::string &domain) : TLSDefault(handler, domain, VerifyingClient) {}

    bool init(const std::string &key, const std::string &certificates, const StringList &authorities) override
    {
        const bool begun = TLSDefault::init(key, certificates, authorities);
        if (begun) setCACerts({setting("PEER_AUTHORITY")});
        return begun;
    }

    void cleanup() override
    {
        TLSDefault::cleanup();
        setCACerts({setting("PEER_AUTHORITY")});
    }
};

/** Direct TLS (XEP-0368), which verifies the certificate for the domain, whatever host it connects to. */
class DirectTls : public ConnectionTLS {
public:
    DirectTls(ClientBase *client, ConnectionBase *tcp, const std::string &domain)
        : ConnectionTLS(client, tcp, client->logInstance()), domain(domain)
    {
    }

protected:
    TLSBase *getTLSBase(TLSHandler *handler, const std::string) override { return new Tls(handler, domain); }

private:
    const std::string domain;
};

class Peer : public ConnectionListener,
             public MessageHandler,
             public MUCRoomHandler,
             public LogHandler,
             public TLSHandler {
public:
    Peer() : client(JID(setting("PEER_JID")), setting("PEER_PASSWORD"))
    {
        client.logInstance().registerLogHandler(LogLevelDebug, LogAreaAll, this);
        client.registerConnectionListener(this);
        client.registerMessageHandler(this);
        client.setStreamManagement(true, true);
        makeConnection(setting("PEER_TLS") == "direct");
    }

    /** Serves until the input or the connection ends, and returns the exit status. */
    int run()
    {
        client.connect(false);
        while (running) {
            pollfd sources[] = {{STDIN_FILENO, POLLIN, 0}, {connected ? tcp->socket() : -1, POLLIN, 0}};
            poll(sources, 2, connected ? -1 : RECONNECT_PAUSE_MS);
            if (sources[0].revents) readCommands();
            if (sources[1].revents) client.recv(0);
            if (running && !connected) connected = client.connect(false);
        }
        visits.clear();
        client.disconnect();
        return failed;
    }

private:
    struct Visit {
        std::unique_ptr<MUCRoom> room;
        std::string question; // Who asked to join and has no answer yet.
    };

    Client client;
    ConnectionTCPClient *tcp = nullptr; // The client owns it.
    std::map<std::string, Visit> visits; // By the room's bare JID.
    std::queue<std::string> returns;
    std::queue<std::string> whoAskBack;
    std::string pending; // Commands that do not make a whole line yet.
    bool running = true;
    bool connected = true;
    bool online = false;
    bool resumed = false;
    bool failed = false;

    void makeConnection(bool direct)
    {
        tcp = new ConnectionTCPClient(client.logInstance(), setting("PEER_HOST"), std::stoi(setting("PEER_PORT")));
        if (!direct) {
            tcp->registerConnectionDataHandler(&client);
            client.setTls(TLSRequired);
            client.setConnectionImpl(tcp);
            auto tls = new Tls(&client, client.jid().server());
            tls->init("", "", {});
            client.setEncryptionImpl(tls);
            return;
        }
        auto tls = new DirectTls(&client, tcp, client.jid().server());
        tls->registerTLSHandler(this);
        client.setTls(TLSDisabled);
        client.setConnectionImpl(tls);
    }

    void fail(const std::string &reason)
    {
        if (!failed) sayEncoded("failed", reason);
        failed = true;
        running = false;
    }

    /** Tells whether the certificate is valid, and ends the program where it is not. */
    bool verify(const CertInfo &certificate)
    {
        if (certificate.status != CertOk) fail("certificate refused: " + std::to_string(certificate.status));
        return certificate.status == CertOk;
    }

    bool onTLSConnect(const CertInfo &certificate) override { return verify(certificate); }
    void handleEncryptedData(const TLSBase *, const std::string &) override {}
    void handleDecryptedData(const TLSBase *, const std::string &) override {}
    void handleHandshakeResult(const TLSBase *, bool, CertInfo &certificate) override { verify(certificate); }

    void onConnect() override
    {
        if (online)
            returns.push(resumed ? "resumed" : "again");
        else
            say("online " + client.jid().full());
        online = true;
        resumed = false;
        answerReturns();
    }

    /** Each return answers one question, whichever of the two came first. */
    void answerReturns()
    {
        for (; !returns.empty() && !whoAskBack.empty(); returns.pop(), whoAskBack.pop())
            say("done " + whoAskBack.front() + " " + Base64::encode64(returns.front()));
    }

    void onStreamEvent(StreamEvent event) override
    {
        if (event == StreamEventSMResumed) resumed = true;
    }

    void onDisconnect(ConnectionError error) override
    {
        connected = false;
        if (error == ConnUserDisconnected) return;
        if (error == ConnAuthenticationFailed)
            fail("not authorized: auth error " + std::to_string(client.authError()));
        else if (!online || setting("PEER_RECONNECT").empty())
            fail("disconnected: error " + std::to_string(error));
    }

    void handleMessage(const Message &message, MessageSession *) override
    {
        if (!message.body().empty()) sayEncoded("message " + message.from().full(), message.body());
    }

    void handleLog(LogLevel, LogArea, const std::string &text) override { std::cerr << text << std::endl; }

    void readCommands()
    {
        char chunk[4096];
        const ssize_t got = read(STDIN_FILENO, chunk, sizeof chunk);
        if (got <= 0) {
            running = false;
            return;
        }
        pending.append(chunk, got);
        for (size_t end; (end = pending.find('\n')) != std::string::npos; pending.erase(0, end + 1))
            obey(pending.substr(0, end));
    }

    void obey(const std::string &line)
    {
        std::istringstream words(line);
        std::string verb, first, second, more;
        words >> verb >> first >> second;
        if (verb == "send") client.send(Message(Message::Chat, JID(first), Base64::decode64(second)));
        if (verb != "ask") return;
        std::vector<std::string> arguments;
        while (words >> more) arguments.push_back(Base64::decode64(more));
        answer(first, second, arguments);
    }

    void answer(const std::string &question, const std::string &verb, const std::vector<std::string> &words)
    {
        if (verb == "join" && words.size() == 2) return join(question, words[0], words[1]);
        if (verb == "say" && words.size() == 2) return sayInRoom(question, words[0], words[1]);
        if (verb != "back") return refuse(question, "gloox has nothing for " + verb);
        whoAskBack.push(question);
        answerReturns();
    }

    void refuse(const std::string &question, const std::string &reason)
    {
        sayEncoded("refused " + question, reason);
    }

    void join(const std::string &question, const std::string &address, const std::string &nick)
    {
        Visit &visit = visits[address];
        visit.question = question;
        visit.room = std::make_unique<MUCRoom>(&client, JID(address + "/" + nick), this);
        visit.room->join();
    }

    void sayInRoom(const std::string &question, const std::string &address, const std::string &body)
    {
        const auto visit = visits.find(address);
        if (visit == visits.end()) return refuse(question, "not in the room");
        visit->second.room->send(body);
        say("done " + question);
    }

    /** Takes the question that asked to join `room`; it is answered once. */
    std::string takeQuestion(MUCRoom *room)
    {
        return std::exchange(visits[room->name() + "@" + room->service()].question, "");
    }

    void handleMUCParticipantPresence(MUCRoom *room, const MUCRoomParticipant who, const Presence &) override
    {
        if (!(who.flags & UserSelf)) return;
        const std::string question = takeQuestion(room);
        if (!question.empty()) say("done " + question);
    }
    void handleMUCError(MUCRoom *room, StanzaError error) override
    {
        const std::string question = takeQuestion(room);
        if (!question.empty()) refuse(question, "room error " + std::to_string(error));
    }
    void handleMUCMessage(MUCRoom *, const Message &, bool) override {}
    // A new room stays as the server made it: an instant room (XEP-0045 section 10.1.2).
    bool handleMUCRoomCreation(MUCRoom *) override { return true; }
    void handleMUCSubject(MUCRoom *, const std::string &, const std::string &) override {}
    void handleMUCInviteDecline(MUCRoom *, const JID &, const std::string &) override {}
    void handleMUCInfo(MUCRoom *, int, const std::string &, const DataForm *) override {}
    void handleMUCItems(MUCRoom *, const Disco::ItemList &) override {}
};

} // namespace

int main()
{
    signal(SIGPIPE, SIG_IGN);
    return Peer().run();
}
