// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "revoker.h"

/* Of the handler */
static volatile int signalled = -1;

static void on_signal(int sig)
{
	const uint64_t one = 1;
	int err = errno;

	(void)sig;
	if (signalled >= 0 && write(signalled, &one, sizeof(one)) < 0)
		errno = err;
	errno = err;
}

static int begin_timer(struct revoker *revoker, double every)
{
	const uint64_t half = (uint64_t)(every / 2 * 1e9) + 1;
	const struct timespec time = {
		.tv_sec = (time_t)(half / 1000000000),
		.tv_nsec = (long)(half % 1000000000),
	};
	const struct itimerspec timer = { time, time };

	revoker->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (revoker->timer < 0 ||
	    timerfd_settime(revoker->timer, 0, &timer, NULL) < 0)
		return -errno;
	return 0;
}

int revoker_begin(struct revoker *revoker, struct vfio_device *dev, double every,
		  bool by_signal)
{
	const struct sigaction action = {
		.sa_handler = on_signal,
		.sa_flags = SA_RESTART,
	};

	revoker->dev = dev;
	if (by_signal) {
		revoker->signal = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (revoker->signal < 0)
			return -errno;
		signalled = revoker->signal;
		sigaction(SIGUSR1, &action, NULL);
	}
	return every > 0 ? begin_timer(revoker, every) : 0;
}

/* How often it was asked for since the last time; twice is not at all */
static uint64_t asked(int fd)
{
	uint64_t times = 0;

	if (fd < 0 || read(fd, &times, sizeof(times)) != (ssize_t)sizeof(times))
		return 0;
	return times;
}

int revoker_turn(struct revoker *revoker)
{
	/* A timer that was late is one that has expired once */
	const uint64_t times = !!asked(revoker->timer) + asked(revoker->signal);
	int ret;

	if (!(times & 1))
		return 0;
	ret = __vfio_memory_enable(revoker->dev, revoker->revoked);
	if (ret)
		return ret;
	revoker->revoked = !revoker->revoked;
	return 1;
}

void revoker_end(struct revoker *revoker)
{
	if (revoker->revoked)
		__vfio_memory_enable(revoker->dev, true);
	signalled = -1;
	if (revoker->timer >= 0)
		close(revoker->timer);
	if (revoker->signal >= 0)
		close(revoker->signal);
	*revoker = (struct revoker)REVOKER_NONE;
}
