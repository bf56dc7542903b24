// SPDX-License-Identifier: GPL-2.0
/*
 * What comes from the network: messages, halves of them, and those that were made to harm
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "far.h"
#include "host.h"
#include "messages.h"
#include "peer.h"
#include "tap.h"
#include "verb.h"
#include "wire.h"

static const struct wire good = {
	.kind = WIRE_OFFER,
	.qpn = { 0x11, 0xffffff },
	.psn = { 0, 0xabcdef },
	.lid = 0x1234,
	.gid_index = 3,
	.link = WIRE_ETHERNET,
	.gid_type = 2,
	.mtu = 5,
	.reads = 16,
	.gid = { [10] = 0xff, 0xff, 10, 0, 0, 1 },
	.address = 0x7f0000001000,
	.size = 1ull << 40,
	.rkey = 0xdeadbeef,
	.rights = WIRE_READ_WRITE,
};

/* Offsets in a message */
enum { AT_MAGIC = 0, AT_VERSION = 5, AT_KIND = 7, AT_QPN = 8, AT_PSN = 16, AT_LID = 24, AT_LINK = 28,
       AT_GID_TYPE, AT_MTU, AT_GID = 32, AT_ADDRESS = 48, AT_SIZE = 56, AT_RIGHTS = 68, AT_ZERO };

/* Return: what wire_parse() makes of a good message with other bytes at @at */
static int with(enum wire_kind kind, size_t at, const void *bytes, size_t length)
{
	uint8_t message[WIRE_SIZE];
	struct wire wire = good;

	wire.kind = kind;
	wire_pack(&wire, message);
	memcpy(message + at, bytes, length);
	return wire_parse(&wire, message);
}

static int with_byte(size_t at, uint8_t byte)
{
	return with(WIRE_OFFER, at, &byte, 1);
}

static void test_round(void)
{
	uint8_t message[WIRE_SIZE];
	struct wire back;

	wire_pack(&good, message);
	tap_ok(!wire_parse(&back, message) && !memcmp(back.qpn, good.qpn, 8) &&
		       !memcmp(back.psn, good.psn, 8) && back.lid == good.lid &&
		       back.gid_index == 3 && back.link == good.link &&
		       back.gid_type == 2 && back.mtu == 5 && back.reads == 16 &&
		       !memcmp(back.gid, good.gid, 16) &&
		       back.address == good.address && back.size == good.size &&
		       back.rkey == good.rkey && back.rights == good.rights,
	       "what is sent arrives");
	tap_ok(!memcmp(message, "dp2p\0\1\0\1\0\0\0\x11\0\xff\xff\xff", 16) &&
		       message[AT_LID] == 0x12 && message[AT_ADDRESS + 2] == 0x7f,
	       "in network byte order, wherever it was sent");
}

static void test_hostile(void)
{
	static const uint8_t zero[16], ones[16] = {
		255, 255, 255, 255, 255, 255, 255, 255,
		255, 255, 255, 255, 255, 255, 255, 255 };
	unsigned int bad = 0, i;

	tap_ok(with_byte(AT_MAGIC, 'x') == -EPROTO, "another protocol");
	tap_ok(with_byte(AT_VERSION, 2) == -EPROTONOSUPPORT &&
		       with_byte(AT_VERSION, 0) == -EPROTONOSUPPORT, "another version");
	tap_ok(with_byte(AT_KIND, 0) == -EPROTO &&
		       with_byte(AT_KIND, WIRE_GONE + 1) == -EPROTO &&
		       with_byte(AT_KIND - 1, 1) == -EPROTO, "no kind of message");
	tap_ok(with(WIRE_OFFER, AT_QPN, zero, 4) == -EPROTO &&
		       with(WIRE_OFFER, AT_QPN + 4, ones, 4) == -EPROTO,
	       "no queue pair");
	tap_ok(with(WIRE_OFFER, AT_PSN + 4, ones, 4) == -EPROTO, "no packet number");
	tap_ok(with_byte(AT_LINK, 0) == -EPROTO && with_byte(AT_LINK, 3) == -EPROTO &&
		       with_byte(AT_GID_TYPE, 3) == -EPROTO, "no link layer, no GID type");
	tap_ok(with_byte(AT_MTU, 0) == -EPROTO && with_byte(AT_MTU, 6) == -EPROTO, "no MTU");
	tap_ok(with(WIRE_OFFER, AT_GID, zero, 16) == -EPROTO, "Ethernet without a GID");
	tap_ok(!with_byte(AT_LINK, WIRE_INFINIBAND) &&
		       with(WIRE_OFFER, AT_LID, "\0\0\0\0\1", 5) == -EPROTO &&
		       with(WIRE_OFFER, AT_LID, "\xc0\0\0\0\1", 5) == -EPROTO,
	       "InfiniBand without a LID, or with one of multicast");
	tap_ok(with(WIRE_OFFER, AT_SIZE, zero, 8) == -EPROTO &&
		       with(WIRE_OFFER, AT_SIZE, ones, 8) == -EPROTO &&
		       with(WIRE_OFFER, AT_ADDRESS, ones, 8) == -EPROTO,
	       "no bytes, or beyond the end of all addresses");
	tap_ok(!with(WIRE_OFFER, AT_ADDRESS, "\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0\0\0\0\1", 16),
	       "the last byte of all");
	tap_ok(with_byte(AT_RIGHTS, 0) == -EPROTO && with_byte(AT_RIGHTS, 2) == -EPROTO &&
		       with_byte(AT_RIGHTS, 7) == -EPROTO, "no such rights");
	for (i = AT_ZERO; i < WIRE_SIZE; i++)
		bad += with_byte(i, 1) != -EPROTO;
	tap_ok(!bad, "what is to be zero is");
	tap_ok(!with(WIRE_ANSWER, AT_SIZE, zero, 8) && with(WIRE_ANSWER, AT_QPN, zero, 4),
	       "an answer has queue pairs, and no buffer");
	tap_ok(!with(WIRE_BUSY, AT_QPN, zero, 16), "news has neither");
}

static bool splits(const char *text, const char *name, const char *port)
{
	char a_name[256], a_port[8];

	return !host_split(text, a_name, a_port) && !strcmp(a_name, name) &&
	       !strcmp(a_port, port);
}

static void test_split(void)
{
	char name[256], port[8], longest[300];

	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = 0;
	tap_ok(splits("a.b", "a.b", HOST_PORT) && splits("a:1", "a", "1") &&
		       splits(":1", "", "1") && splits("::1", "::1", HOST_PORT) &&
		       splits("[::1]:65535", "::1", "65535") &&
		       splits("[fe80::1%eth0]", "fe80::1%eth0", HOST_PORT),
	       "hosts and ports");
	tap_ok(host_split("a:65536", name, port) && host_split("a:", name, port) &&
		       host_split("a:+1", name, port) && host_split("[::1", name, port) &&
		       host_split("[::1]1", name, port) && host_split(longest, name, port) &&
		       host_split("a:0000000000001", name, port),
	       "what is none");
}

static void test_gids(void)
{
	static const uint8_t none[16], v4[16] = { [10] = 0xff, 0xff, 10, 0, 0, 1 };
	static const uint8_t v6[16] = { 0xfe, 0x80, [15] = 1 };
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr_storage here = { .ss_family = AF_UNSPEC };
	struct sockaddr_storage ours = { .ss_family = AF_UNSPEC };

	in.sin_addr.s_addr = htonl(0x0a000001);
	memcpy(&ours, &in, sizeof(in));
	tap_ok(!peer_gid_rank(none, IBV_GID_TYPE_ROCE_V2, &here) &&
		       peer_gid_rank(v4, IBV_GID_TYPE_ROCE_V1, &here) <
			       peer_gid_rank(v6, IBV_GID_TYPE_ROCE_V2, &here) &&
		       peer_gid_rank(v6, IBV_GID_TYPE_ROCE_V2, &here) <
			       peer_gid_rank(v4, IBV_GID_TYPE_ROCE_V2, &here) &&
		       peer_gid_rank(v4, IBV_GID_TYPE_ROCE_V2, &here) <
			       peer_gid_rank(v4, IBV_GID_TYPE_ROCE_V2, &ours),
	       "GIDs: of RoCE v2, with an IPv4 address, of the connection");
}

static void test_halves(void)
{
	struct inbox inbox = { .length = 0 };
	uint8_t message[WIRE_SIZE];
	struct wire wire;
	int fd[2], i, bad = 0;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fd))
		exit(1);
	wire_pack(&good, message);
	for (i = 0; i < WIRE_SIZE - 1; i++) {
		bad += write(fd[1], message + i, 1) != 1;
		bad += host_take(fd[0], &inbox, &wire) != 0;
	}
	bad += write(fd[1], message + i, 1) != 1;
	tap_ok(!bad && host_take(fd[0], &inbox, &wire) == 1 && wire.rkey == good.rkey,
	       "byte by byte");
	tap_ok(write(fd[1], message, 40) == 40 &&
		       host_receive(fd[0], &wire, 50) == -ETIMEDOUT,
	       "half a message is not waited for");
	tap_ok(write(fd[1], message, 30) == 30 && !close(fd[1]) &&
		       host_receive(fd[0], &wire, 1000) == -EPIPE,
	       "and no more comes");
	close(fd[0]);
}

static char spec[64];

static void open_it(void)
{
	struct far far;

	_exit(far_open(&far, spec));
}

/* Return: whether far_open() says @text to a server that says @length bytes */
static bool hears(const void *bytes, size_t length, const char *text)
{
	struct sockaddr_storage addr;
	socklen_t size = sizeof(addr);
	char name[HOST_TEXT], said[512];
	const char *why;
	int fd = host_listen("127.0.0.1", "0", &why), client, status;
	pid_t pid;

	if (fd < 0 || getsockname(fd, (struct sockaddr *)&addr, &size))
		exit(1);
	snprintf(spec, sizeof(spec), "host:%.40s", host_text(&addr, name));
	pid = fork();
	if (!pid) {
		while ((client = accept(fd, NULL, NULL)) < 0)
			usleep(1000);
		_exit(write(client, bytes, length) != (ssize_t)length);
	}
	status = messages_of(open_it, said, sizeof(said));
	waitpid(pid, NULL, 0);
	close(fd);
	return WEXITSTATUS(status) == (*text ? EXIT_FAILED : EXIT_OK) &&
	       strstr(said, text) && !*text == !*said;
}

static void test_servers(void)
{
	const struct wire busy = { .kind = WIRE_BUSY }, gone = { .kind = WIRE_GONE };
	uint8_t message[WIRE_SIZE];

	wire_pack(&good, message);
	tap_ok(hears(message, sizeof(message), ""), "a server");
	tap_ok(hears(message, 79, "has closed the connection"), "one that stops in the middle");
	message[AT_VERSION] = 9;
	tap_ok(hears(message, sizeof(message), "another version"), "one of another version");
	memset(message, 'x', sizeof(message));
	tap_ok(hears(message, sizeof(message), "no 'dmabuf-p2p serve'"), "none of ours");
	wire_pack(&busy, message);
	tap_ok(hears(message, sizeof(message), "serves another client"), "a busy one");
	wire_pack(&gone, message);
	tap_ok(hears(message, sizeof(message), "access is revoked"), "one without its buffer");
	strcpy(spec, "host:a:0");
	tap_ok(WEXITSTATUS(messages_of(open_it, (char *)message, sizeof(message))) == EXIT_USAGE,
	       "no name of a host");
}

int main(void)
{
	test_round();
	test_hostile();
	test_split();
	test_gids();
	test_halves();
	test_servers();
	return tap_end();
}
