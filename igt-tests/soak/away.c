// SPDX-License-Identifier: MIT
/*
 * What takes access to the exporter's BAR away: its memory switched off, resets, power
 * states, and the device itself closed, unbound or pulled out
 */
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "bar.h"
#include "devices/pci.h"
#include "plug.h"
#include "random.h"

/* Revokes and restores are not to be all there is: others need access to do anything */
static void pause_ms(uint32_t ms)
{
	usleep((1 + below(ms)) * 1000);
}

/* One call with the device, if it is there */
static int with_device(struct soak_worker *worker, unsigned int call, bool may_fail,
		       int (*fn)(struct vfio_device *dev, unsigned int arg),
		       unsigned int arg)
{
	struct vfio_device *dev = bar_get();
	int ret = -ENODEV;

	if (may_fail)
		soak_may_fail();
	if (dev->fd >= 0)
		ret = fn(dev, arg);
	ret = may_fail ? soak_failed(worker, call, ret) : soak_ended(worker, call, ret);
	bar_put();
	return ret;
}

static int memory(struct vfio_device *dev, unsigned int on)
{
	return __vfio_memory_enable(dev, on);
}

enum { OFF, ON };

static const struct soak_call memory_calls[] = {
	[OFF] = SOAK_CALL("off", ENODEV),
	[ON] = SOAK_CALL("on", ENODEV),
	{ 0 }
};

static int switch_memory(struct soak_worker *worker)
{
	while (!soak_stops()) {
		with_device(worker, OFF, true, memory, false);
		pause_ms(20);
		with_device(worker, ON, true, memory, true);
		pause_ms(200);
	}
	return 0;
}

const struct soak_kind soak_memory_off = {
	.name = "memory", .calls = memory_calls, .in = &soak_bar,
	.work = switch_memory,
};

static int reset(struct vfio_device *dev, unsigned int how)
{
	switch (how) {
	case 0:
		return __vfio_reset(dev);
	case 1:
		return __vfio_flr(dev);
	default:
		return __vfio_hot_reset(dev);
	}
}

static int power(struct vfio_device *dev, unsigned int state)
{
	return __vfio_set_power(dev, state);
}

static int low_power(struct vfio_device *dev, unsigned int on)
{
	return on ? __vfio_low_power(dev, -1) : __vfio_low_power_exit(dev);
}

enum { RESET, FLR, HOT_RESET, D3, D0, LOW_POWER, WAKE };

static const struct soak_call reset_calls[] = {
	/* Not while the driver is being unbound */
	[RESET] = SOAK_CALL("reset", ENODEV, EAGAIN),
	[FLR] = SOAK_CALL("flr", ENODEV),
	/* Not while somebody else is at the device's memory or registers */
	[HOT_RESET] = SOAK_CALL("hot-reset", ENODEV, EAGAIN, EBUSY),
	[D3] = SOAK_CALL("d3hot", ENODEV),
	[D0] = SOAK_CALL("d0", ENODEV),
	[LOW_POWER] = SOAK_CALL("low-power", ENODEV),
	[WAKE] = SOAK_CALL("wake-up", ENODEV),
	{ 0 }
};

static int resets(struct soak_worker *worker)
{
	while (!soak_stops()) {
		uint32_t how = below(5);

		if (how <= HOT_RESET) {
			with_device(worker, how, false, reset, how);
		} else if (how == D3) {
			with_device(worker, D3, false, power, 3);
			pause_ms(50);
			with_device(worker, D0, false, power, 0);
		} else {
			with_device(worker, LOW_POWER, false, low_power, true);
			pause_ms(50);
			with_device(worker, WAKE, false, low_power, false);
		}
		pause_ms(1500);
	}
	return 0;
}

const struct soak_kind soak_resets = {
	.name = "resets", .calls = reset_calls, .in = &soak_bar, .work = resets,
};

/* What tools/vm/topology calls the exporter, and has it be */
#define NAME "nvme1"
#define PUT_BACK "nvme,serial=exporter2,cmb_size_mb=64,bus=rp2"

enum { CLOSE, UNBIND, UNPLUG };

static const struct soak_call plug_calls[] = {
	[CLOSE] = SOAK_CALL("close"),
	[UNBIND] = SOAK_CALL("unbind"),
	[UNPLUG] = SOAK_CALL("unplug"),
	{ 0 }
};

static const char *addr;

static void *unbind(void *arg)
{
	int *ret = arg;

	*ret = __pci_unbind(addr);
	return NULL;
}

static int take_away(bool unplug)
{
	int request = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), ret, unbound = 0;
	struct vfio_device *dev = bar_get();
	pthread_t thread;

	ret = __vfio_request_eventfd(dev, request);
	bar_put();
	if (!ret)
		ret = unplug ? __plug_pull_out(NAME) :
			       -pthread_create(&thread, NULL, unbind, &unbound);
	if (ret)
		goto out;
	/* Until the kernel asks for the device everything else goes on */
	ret = __plug_wait_asked(request);
	dev = bar_get_alone();
	vfio_close(dev);
	if (!unplug) {
		pthread_join(thread, NULL);
		ret = ret ? ret : unbound;
	}
	if (!ret && unplug)
		ret = __plug_wait_gone(addr);
	if (!ret)
		ret = unplug ? __plug_in(NAME, PUT_BACK, addr, "vfio-pci") :
			       __pci_bind(addr, "vfio-pci");
	if (!ret)
		ret = bar_open();
	bar_put();
out:
	close(request);
	return ret;
}

static int open_again(void)
{
	int ret;

	vfio_close(bar_get_alone());
	usleep(20000);
	ret = bar_open();
	bar_put();
	return ret;
}

static int plugs(struct soak_worker *worker)
{
	int ret = 0;

	addr = getenv("DMABUF_EXPORTER2");
	/* Without the device there is nothing more to do */
	while (!soak_stops() && !ret) {
		uint32_t how = below(8);

		pause_ms(8000);
		if (how < 4)
			ret = soak_ended(worker, CLOSE, open_again());
		else if (how < 7 || !soak_unplugs())
			ret = soak_ended(worker, UNBIND, take_away(false));
		else
			ret = soak_ended(worker, UNPLUG, take_away(true));
	}
	return ret;
}

const struct soak_kind soak_plugs = {
	.name = "plugs", .calls = plug_calls, .in = &soak_bar, .work = plugs,
};
