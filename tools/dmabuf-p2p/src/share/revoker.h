/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REVOKER_H
#define REVOKER_H

#include <stdbool.h>

#include "devices/vfio.h"

/**
 * struct revoker - takes access to a device's dma-bufs away and gives it back
 * @dev: the device
 * @timer: readable when it is time to, or -1
 * @signal: readable when a signal has asked for it, or -1
 * @revoked: it is taken away
 *
 * By the device's memory, as a guest does that resets it: importers see what they would
 * see then.
 */
struct revoker {
	struct vfio_device *dev;
	int timer;
	int signal;
	bool revoked;
};

#define REVOKER_NONE { .timer = -1, .signal = -1 }

/**
 * revoker_begin - be ready
 * @revoker: from %REVOKER_NONE
 * @dev: the device
 * @every: seconds from one revoke to the next, half of which it is revoked; 0: none
 * @by_signal: SIGUSR1 takes access away, and the next one gives it back
 *
 * A handler of SIGUSR1 that is installed later wins.
 *
 * Return: 0 or -errno.
 */
int revoker_begin(struct revoker *revoker, struct vfio_device *dev, double every,
		  bool by_signal);

/**
 * revoker_turn - take access away or give it back, if it is time
 *
 * Return: 1 if it did; 0 if not; or -errno.
 */
int revoker_turn(struct revoker *revoker);

/** revoker_end - access is given back */
void revoker_end(struct revoker *revoker);

#endif /* REVOKER_H */
