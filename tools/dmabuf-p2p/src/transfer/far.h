/* SPDX-License-Identifier: GPL-2.0 */
#ifndef FAR_H
#define FAR_H

#include <stdbool.h>
#include <stdint.h>

#include "host.h"
#include "wire.h"

struct rdma;

/* How users name what 'dmabuf-p2p serve' serves */
#define FAR_PREFIX "host:"

/**
 * struct far - a buffer on another host
 * @spec: how the user named it
 * @fd: TCP connection to its server
 * @inbox: what has come by it
 * @offer: the buffer
 * @gone: why it is not there any more: -ENODEV if its exporter has taken access away,
 *	another -errno if its server is no more; 0 if it is there
 */
struct far {
	const char *spec;
	int fd;
	struct inbox inbox;
	struct wire offer;
	int gone;
};

/** is_far - whether that is the name of one */
bool is_far(const char *spec);

/**
 * far_open - ask a server for its buffer
 * @far: filled in
 * @spec: host:NAME[:PORT]; kept
 *
 * Return: enum exit_code; anything but EXIT_OK has been complained about.
 */
int far_open(struct far *far, const char *spec);

/**
 * far_connect - connect queue pairs with the server's
 * @far: open
 * @rdma: without queue pairs: its two are these from then on
 *
 * Return: enum exit_code, as far_open().
 */
int far_connect(struct far *far, struct rdma *rdma);

/**
 * far_ask - whether the buffer is still there
 * @far: open
 * @timeout_ms: how long to wait for bad news
 *
 * Return: &far.gone.
 */
int far_ask(struct far *far, int timeout_ms);

/** far_complain - say what far_ask() has found; Return: enum exit_code */
int far_complain(const struct far *far);

/** far_close - the server has its queue pairs back */
void far_close(struct far *far);

#endif /* FAR_H */
