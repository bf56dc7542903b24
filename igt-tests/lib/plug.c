// SPDX-License-Identifier: MIT
#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "igt_core.h"
#include "monitor.h"
#include "pci.h"
#include "plug.h"
#include "sysfs.h"
#include "vfio.h"

#define SHM_MEMORY "object_add memory-backend-memfd,id=again%u,share=on,size=64M"
#define SHM_PLUG "ivshmem-plain,memdev=again%u,bus=rp1"

int plug_watch(struct vfio_device *vfio)
{
	int request = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	igt_assert_fd(request);
	igt_assert_eq(__vfio_request_eventfd(vfio, request), 0);
	return request;
}

static void *unbind_thread(void *arg)
{
	struct plug_unbind *unbind = arg;

	unbind->result = __pci_unbind(unbind->addr);
	return NULL;
}

void plug_unbind_begin(struct plug_unbind *unbind, const char *addr)
{
	unbind->addr = addr;
	igt_assert(!pthread_create(&unbind->thread, NULL, unbind_thread, unbind));
}

int plug_unbind_end(struct plug_unbind *unbind)
{
	igt_assert(!pthread_join(unbind->thread, NULL));
	return unbind->result;
}

int __plug_wait_asked(int request)
{
	struct pollfd pfd = { .fd = request, .events = POLLIN };

	return poll(&pfd, 1, PATIENCE_MS) == 1 ? 0 : -ETIMEDOUT;
}

void plug_wait_asked(int request, const char *addr)
{
	igt_assert_f(!__plug_wait_asked(request),
		     "%s: the kernel does not ask for the device back\n", addr);
}

static int wait_for_device(const char *addr, bool there)
{
	uint64_t deadline = now_ms() + PATIENCE_MS;

	while (pci_exists(addr) != there) {
		if (now_ms() > deadline)
			return -ETIMEDOUT;
		usleep(50000);
	}
	return 0;
}

/* A command that must print nothing */
static int silent_command(const char *command)
{
	char reply[256];
	int ret = __monitor_command(command, reply, sizeof(reply));

	if (!ret && reply[0]) {
		igt_info("QEMU's monitor, '%s': %s\n", command, reply);
		ret = -EIO;
	}
	return ret;
}

int __plug_pull_out(const char *id)
{
	char command[64];

	snprintf(command, sizeof(command), "device_del %s", id);
	return silent_command(command);
}

void plug_pull_out(const char *id)
{
	igt_assert_eq(__plug_pull_out(id), 0);
}

int __plug_wait_gone(const char *addr)
{
	return wait_for_device(addr, false);
}

void plug_wait_gone(const char *addr)
{
	igt_assert_f(!__plug_wait_gone(addr), "%s: still present after %d s\n",
		     addr, PATIENCE_MS / 1000);
}

/*
 * QEMU lets go of the old device a moment after the kernel has. To try until it has is no
 * way to wait: a device_add that fails first waits for all transfers.
 */
static int wait_let_go(const char *id)
{
	uint64_t deadline = now_ms() + PATIENCE_MS;
	char reply[4096], word[32];
	int ret;

	snprintf(word, sizeof(word), "%s (", id);
	while (!(ret = __monitor_command("qom-list /machine/peripheral", reply,
					 sizeof(reply))) && strstr(reply, word)) {
		if (now_ms() > deadline)
			return -EBUSY;
		usleep(100000);
	}
	return ret;
}

int __plug_in(const char *id, const char *device, const char *addr,
	      const char *driver)
{
	uint64_t deadline = now_ms() + PATIENCE_MS;
	char command[160];
	int ret = wait_let_go(id);

	snprintf(command, sizeof(command), "device_add %s,id=%s", device, id);
	if (!ret)
		ret = silent_command(command);
	if (!ret)
		ret = wait_for_device(addr, true);
	if (ret)
		return ret;
	/* It can be seen a moment before drivers may have it */
	while ((ret = __pci_bind(addr, driver)) && now_ms() < deadline)
		usleep(100000);
	return ret;
}

void plug_in(const char *id, const char *device, const char *addr,
	     const char *driver)
{
	int ret = __plug_in(id, device, addr, driver);

	igt_assert_f(!ret, "%s: cannot be plugged in again as '%s' and bound to %s: %s\n",
		     addr, device, driver, strerror(-ret));
}

void plug_in_exporter(const char *addr)
{
	static unsigned int nr;
	char text[128];

	snprintf(text, sizeof(text), SHM_MEMORY, ++nr);
	monitor_command(text);
	snprintf(text, sizeof(text), SHM_PLUG, nr);
	plug_in("shm0", text, addr, "vfio-pci");
}
