// SPDX-License-Identifier: GPL-2.0
/*
 * Revokes by time and by signal, of a device whose config space is a file
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include "revoker.h"
#include "tap.h"

static struct vfio_device dev;

static bool memory_is(bool on)
{
	uint16_t command = 0xffff;

	return pread(dev.fd, &command, 2, 4) == 2 && command == (on ? 6 : 4);
}

/* Seconds: what is late on a busy machine only takes longer */
static bool comes(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	return poll(&pfd, 1, 30000) == 1;
}

int main(void)
{
	struct revoker revoker = REVOKER_NONE;
	const uint16_t command = 6;

	dev.fd = memfd_create("config", MFD_CLOEXEC);
	if (pwrite(dev.fd, &command, 2, 4) != 2)
		return 1;
	tap_ok(!revoker_begin(&revoker, &dev, 0, true) && !revoker_turn(&revoker) &&
		       memory_is(true), "nobody has asked");
	raise(SIGUSR1);
	tap_ok(comes(revoker.signal) && revoker_turn(&revoker) == 1 &&
		       revoker.revoked && memory_is(false), "a signal takes it away");
	tap_ok(!revoker_turn(&revoker) && memory_is(false), "once");
	raise(SIGUSR1);
	raise(SIGUSR1);
	tap_ok(!revoker_turn(&revoker) && memory_is(false), "two are none");
	raise(SIGUSR1);
	tap_ok(revoker_turn(&revoker) == 1 && !revoker.revoked && memory_is(true),
	       "the next gives it back");
	raise(SIGUSR1);
	tap_ok(revoker_turn(&revoker) == 1 && memory_is(false), "away again");
	revoker_end(&revoker);
	tap_ok(memory_is(true) && revoker.signal < 0, "the end gives it back");

	tap_ok(!revoker_begin(&revoker, &dev, 0.02, false) && comes(revoker.timer) &&
		       revoker_turn(&revoker) == 1 && memory_is(false) &&
		       comes(revoker.timer) && revoker_turn(&revoker) == 1 &&
		       memory_is(true), "by time, away and back");
	comes(revoker.timer);
	close(dev.fd);
	tap_ok(revoker_turn(&revoker) == -EBADF && !revoker.revoked,
	       "a device that is gone");
	revoker_end(&revoker);
	return tap_end();
}
