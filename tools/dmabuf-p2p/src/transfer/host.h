/* SPDX-License-Identifier: GPL-2.0 */
#ifndef HOST_H
#define HOST_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "wire.h"

/* Where 'serve' listens, and clients look for it */
#define HOST_PORT "27182"

/* How long somebody may take to answer */
#define HOST_PATIENCE_MS 10000

/* Long enough for host_text() */
#define HOST_TEXT 80

/**
 * host_split - take a host's name and its port apart
 * @text: NAME, NAME:PORT, :PORT, [ADDRESS]:PORT, or an IPv6 address as it is
 * @name: receives the name; empty if there is none
 * @port: receives the port, %HOST_PORT if there is none
 *
 * Return: 0 or -EINVAL.
 */
int host_split(const char *text, char name[256], char port[8]);

/**
 * host_connect - connect to a server by TCP
 * @name: of the host
 * @port: there
 * @why: receives what is wrong, static
 *
 * Return: fd, non-blocking, or -1.
 */
int host_connect(const char *name, const char *port, const char **why);

/** host_listen - the same for the server's side; Return: as host_connect() */
int host_listen(const char *name, const char *port, const char **why);

/** host_keep - have the kernel find out when the other end is no more */
void host_keep(int fd);

/** host_text - an address as users write it: "10.0.0.1:27182" */
const char *host_text(const struct sockaddr_storage *addr, char text[HOST_TEXT]);

/** host_send - send a message; Return: 0 or -errno */
int host_send(int fd, const struct wire *wire);

/**
 * struct inbox - a message that is coming in
 * @bytes: what there is of it
 * @length: so many
 */
struct inbox {
	uint8_t bytes[WIRE_SIZE];
	size_t length;
};

/**
 * host_take - take what has come of a message, without waiting
 * @fd: from whom
 * @inbox: of this connection
 * @wire: receives it once it is complete
 *
 * Return: 1; 0 if something is still to come; -EPIPE if the other end has closed;
 * -errno, also those of wire_parse().
 */
int host_take(int fd, struct inbox *inbox, struct wire *wire);

/**
 * host_receive - wait for a message, and nothing behind it
 * @fd: from whom
 * @wire: receives it
 * @timeout_ms: for all of it
 *
 * Return: 0; -ETIMEDOUT; -errno as host_take().
 */
int host_receive(int fd, struct wire *wire, int timeout_ms);

#endif /* HOST_H */
