// SPDX-License-Identifier: MIT
/*
 * Everything that takes access to the exporter's memory away and gives it back
 */
#include <linux/pci_regs.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "cause.h"
#include "devices/sysfs.h"
#include "ops.h"

#define CONFIG_SIZE 256u

static struct vfio_device *dev;
static int wakeup = -1;

/* What config space was, and whether a sequence has written to it */
static uint32_t config[CONFIG_SIZE / 4];
static bool config_written;

static pthread_t thread;
static bool beside;
static unsigned int toggles;
static atomic_bool enough;

bool fuzz_cause_is_beside(void)
{
	return beside;
}

static void save_config(void)
{
	unsigned int pos;

	for (pos = 0; pos < CONFIG_SIZE; pos += 4)
		__vfio_config_read(dev, pos, 4, &config[pos / 4]);
}

static void restore_config(void)
{
	uint32_t value;
	unsigned int pos;

	for (pos = 4; pos < CONFIG_SIZE; pos += 4)
		if (!__vfio_config_read(dev, pos, 4, &value) &&
		    value != config[pos / 4])
			__vfio_config_write(dev, pos, 4, config[pos / 4]);
}

static long join(unsigned int slot, long what)
{
	(void)slot;
	(void)what;
	/* What it changes when no calls are made beside it tests nothing, and takes long */
	enough = true;
	pthread_join(thread, NULL);
	beside = false;
	return 0;
}

void fuzz_cause_begin(struct vfio_device *exporter)
{
	fuzz_on_release(FUZZ_THREAD, join);
	dev = exporter;
	wakeup = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	save_config();
}

void fuzz_cause_end(void)
{
	close(wakeup);
}

void fuzz_cause_config_written(void)
{
	config_written = true;
}

void fuzz_cause_reset(void)
{
	__vfio_low_power_exit(dev);
	__vfio_set_power(dev, 0);
	if (config_written)
		restore_config();
	config_written = false;
	__vfio_enable(dev);
}

long call_memory(const uint64_t *arg)
{
	return __vfio_memory_enable(dev, arg[0] & 1);
}

static void *toggle(void *unused)
{
	unsigned int i;

	for (i = 0; i < toggles && !enough; i++) {
		__vfio_memory_enable(dev, i % 2);
		usleep(200);
	}
	return unused;
}

/* How often */
long call_beside(const uint64_t *arg)
{
	if (beside)
		return -EBUSY;
	toggles = (unsigned int)(arg[0] % 256);
	enough = false;
	beside = !pthread_create(&thread, NULL, toggle, NULL);
	return beside ? 0 : -EAGAIN;
}

long call_power(const uint64_t *arg)
{
	return __vfio_set_power(dev, arg[0] & 3);
}

/* Exit, entry, entry with wake-up */
long call_low_power(const uint64_t *arg)
{
	if (!(arg[0] % 3))
		return __vfio_low_power_exit(dev);
	return __vfio_low_power(dev, arg[0] % 3 == 1 ? -1 : wakeup);
}

/* By VFIO, of the function, of the bus, by root */
long call_reset(const uint64_t *arg)
{
	char path[80];

	switch (arg[0] % 4) {
	case 0:
		return __vfio_reset(dev);
	case 1:
		return __vfio_flr(dev);
	case 2:
		return __vfio_hot_reset(dev);
	default:
		snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/reset", dev->addr);
		return __sysfs_write(path, "1");
	}
}

/* Where, how many bytes, what */
long call_config_write(const uint64_t *arg)
{
	config_written = true;
	return __vfio_config_write(dev, (unsigned int)arg[0],
				   1u << arg[1] % 3, (uint32_t)arg[2]);
}

long call_config_read(const uint64_t *arg)
{
	uint32_t value;

	return __vfio_config_read(dev, (unsigned int)arg[0], 1u << arg[1] % 3,
				  &value);
}

/* The capability of power management; 0 if there is none */
static unsigned int find_power(void)
{
	unsigned int pos = config[PCI_CAPABILITY_LIST / 4] & 0xfc, i;

	/* More than fit are a loop */
	for (i = 0; i < 48 && pos; i++) {
		if ((config[pos / 4] & 0xff) == PCI_CAP_ID_PM)
			return pos;
		pos = config[pos / 4] >> 8 & 0xfc;
	}
	return 0;
}

bool fuzz_cause_in_registers(void)
{
	char path[80];
	const unsigned int pm = find_power();
	uint16_t command = 0, power = 0;
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/config", dev->addr);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	if (pread(fd, &command, 2, PCI_COMMAND) != 2)
		command = PCI_COMMAND_MEMORY;
	if (pm && pread(fd, &power, 2, pm + PCI_PM_CTRL) != 2)
		power = 0;
	close(fd);
	return !(command & PCI_COMMAND_MEMORY) || power & PCI_PM_CTRL_STATE_MASK;
}

const struct fuzz_op fuzz_cause_ops[] = {
	{
		.name = "memory", .weight = 40, GIVES_NOTHING, CALL(call_memory),
		ARGS(ARG("on", OF(0, 1, 1)),),
		ERRNOS(OTHER_FILE),
	}, {
		.name = "beside", .weight = 4, GIVES(FUZZ_THREAD), CALL(call_beside),
		ARGS(ARG("times", BELOW(64, 1)),),
		ERRNOS(EBUSY),
	}, {
		/* Until then nobody knows who has access, so it comes soon */
		.name = "alone", .weight = 30, TAKES(FUZZ_THREAD),
		ARGS(), ERRNOS(EBADF),
	}, {
		.name = "power", .weight = 6, GIVES_NOTHING, CALL(call_power),
		ARGS(ARG("state", OF(0, 0, 3, 1)),),
		ERRNOS(OTHER_FILE, ENOENT),
	}, {
		.name = "low-power", .weight = 4, GIVES_NOTHING,
		CALL(call_low_power),
		ARGS(ARG("how", BELOW(3, 1)),),
		ERRNOS(OTHER_FILE, EINVAL),
	}, {
		.name = "reset", .weight = 2, GIVES_NOTHING, CALL(call_reset),
		ARGS(ARG("how", OF(0, 0, 0, 1, 1, 1, 2, 3)),),
		/* A hot reset does not wait for whoever changes access at the moment */
		ERRNOS(OTHER_FILE, ENOTTY, EAGAIN, EBUSY),
	}, {
		.name = "config-write", .weight = 12, GIVES_NOTHING,
		CALL(call_config_write),
		ARGS(ARG("at", BELOW(CONFIG_SIZE, 1)), ARG("size", BELOW(3, 1)),
		     ARG("value", ODD),),
		ERRNOS(OTHER_FILE),
	}, {
		.name = "config-read", .weight = 16, GIVES_NOTHING,
		CALL(call_config_read),
		ARGS(ARG("at", BELOW(CONFIG_SIZE, 1)), ARG("size", BELOW(3, 1)),),
		ERRNOS(OTHER_FILE),
	},
	{ 0 }
};
