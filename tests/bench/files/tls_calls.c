/* Exchanges between two TLS ends in one process, each of the client's calls timed.
 *
 * Reads lines "TRANSPORT BYTES COUNT BURST PAUSE" from standard input; TRANSPORT is `memory` (the ends
 * are joined by a pair of memory BIOs, so that no system call is made) or `socket` (by a TCP connection
 * on loopback). For each line it makes a new TLS session and COUNT exchanges that look like calls of an
 * LLM, of BYTES bytes of plaintext each way, with PAUSE microseconds after every BURST of them. Then it
 * prints one line of the client's SSL_write times in nanoseconds, and one of its SSL_read times.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MOST_BYTES 16384
#define MOST_COUNT 100000
#define REQUEST "{\"model\":\"gpt-4o-mini\",\"messages\":[{\"role\":\"user\",\"content\":\""
#define REQUEST_END "\"}]}"
#define ANSWER                                                                                           \
    "{\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion\",\"created\":1760000000,"                  \
    "\"model\":\"gpt-4o-mini\",\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":7,"                  \
    "\"total_tokens\":16},\"choices\":[{\"index\":0,\"finish_reason\":\"stop\","                         \
    "\"message\":{\"role\":\"assistant\",\"content\":\""
#define ANSWER_END "\"}}]}"

static void fail(const char *what) {
    fprintf(stderr, "tls_calls: %s\n", what);
    exit(1);
}

static long now_ns(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000L + time.tv_nsec;
}

/* A message of exactly `bytes` bytes: this head, and a JSON body between `begin` and `end`. */
static void message(char *to, int bytes, const char *first_lines, const char *begin, const char *end) {
    char head[512];
    int length = bytes;
    /* The head's own size depends on the digits of the body's. */
    for (int turn = 0; turn < 3; turn++) {
        int size = snprintf(head, sizeof head, "%scontent-type: application/json\r\ncontent-length: %d\r\n\r\n",
                            first_lines, length);
        length = bytes - size;
    }
    int size = bytes - length, filled = length - (int)strlen(begin) - (int)strlen(end);
    if (filled < 0) fail("too few bytes for a message");
    memcpy(to, head, size);
    memcpy(to + size, begin, strlen(begin));
    memset(to + size + strlen(begin), 'x', filled);
    memcpy(to + size + strlen(begin) + filled, end, strlen(end));
}

static SSL_CTX *server_context(void) {
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -60);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 86400);
    X509_set_pubkey(certificate, key);
    X509_NAME *name = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"localhost", -1, -1, 0);
    X509_set_issuer_name(certificate, name);
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    if (!X509_sign(certificate, key, EVP_sha256()) || !SSL_CTX_use_certificate(context, certificate) ||
        !SSL_CTX_use_PrivateKey(context, key))
        fail("no certificate");
    /* Tickets would be read with the first answer. */
    SSL_CTX_set_num_tickets(context, 0);
    return context;
}

static void join_in_memory(SSL *client, SSL *server) {
    BIO *one, *other;
    if (!BIO_new_bio_pair(&one, 4 * MOST_BYTES, &other, 4 * MOST_BYTES)) fail("no BIO pair");
    SSL_set_bio(client, one, one);
    SSL_set_bio(server, other, other);
}

static void join_by_socket(SSL *client, SSL *server, int ends[2]) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    ends[0] = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listener, (struct sockaddr *)&address, size) || listen(listener, 1) ||
        getsockname(listener, (struct sockaddr *)&address, &size) ||
        connect(ends[0], (struct sockaddr *)&address, size) || (ends[1] = accept(listener, NULL, NULL)) < 0)
        fail("no connection");
    close(listener);
    for (int end = 0; end < 2; end++) fcntl(ends[end], F_SETFL, O_NONBLOCK);
    SSL_set_fd(client, ends[0]);
    SSL_set_fd(server, ends[1]);
}

static void take(SSL *ssl, char *buffer, int bytes) {
    for (int done = 0; done < bytes;) {
        int size = SSL_read(ssl, buffer + done, bytes - done);
        if (size <= 0) fail("SSL_read");
        done += size;
    }
}

static void print(const long *times, int count) {
    for (int index = 0; index < count; index++) printf("%ld ", times[index]);
    printf("\n");
}

int main(void) {
    static char request[MOST_BYTES], answer[MOST_BYTES], buffer[MOST_BYTES];
    static long writes[MOST_COUNT], reads[MOST_COUNT];
    SSL_CTX *of_client = SSL_CTX_new(TLS_client_method()), *of_server = server_context();
    char transport[16];
    int bytes, count, burst, pause;
    printf("ready\n");
    fflush(stdout);
    while (scanf("%15s %d %d %d %d", transport, &bytes, &count, &burst, &pause) == 5) {
        if (bytes > MOST_BYTES || count > MOST_COUNT || burst < 1) fail("too much is asked");
        message(request, bytes, "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\n", REQUEST, REQUEST_END);
        message(answer, bytes, "HTTP/1.1 200 OK\r\n", ANSWER, ANSWER_END);
        SSL *client = SSL_new(of_client), *server = SSL_new(of_server);
        int ends[2] = {-1, -1};
        if (strcmp(transport, "memory")) join_by_socket(client, server, ends);
        else join_in_memory(client, server);
        SSL_set_tlsext_host_name(client, "localhost");
        SSL_set_connect_state(client);
        SSL_set_accept_state(server);
        for (int open = 0, turns = 0; !open; turns++) {
            if (turns > 1000000) fail("the handshake does not end");
            open = SSL_do_handshake(client) == 1;
            open &= SSL_do_handshake(server) == 1;
        }
        if (ends[0] >= 0)
            for (int end = 0; end < 2; end++) fcntl(ends[end], F_SETFL, 0);
        for (int index = 0; index < count; index++) {
            long began = now_ns();
            if (SSL_write(client, request, bytes) != bytes) fail("SSL_write");
            writes[index] = now_ns() - began;
            take(server, buffer, bytes);
            if (SSL_write(server, answer, bytes) != bytes) fail("SSL_write of the server");
            began = now_ns();
            if (SSL_read(client, buffer, bytes) != bytes) fail("SSL_read");
            reads[index] = now_ns() - began;
            if (index % burst == burst - 1 && pause) usleep(pause);
        }
        SSL_shutdown(client);
        SSL_free(client);
        SSL_free(server);
        for (int end = 0; end < 2; end++)
            if (ends[end] >= 0) close(ends[end]);
        print(writes, count);
        print(reads, count);
        fflush(stdout);
    }
    return 0;
}
