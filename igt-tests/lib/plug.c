// SPDX-License-Identifier: MIT
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
#define SHM_PLUG "ivshmem-plain,id=shm0,memdev=again%u,bus=rp1"

int plug_watch(struct vfio_device *vfio)
{
	int request = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	igt_assert_fd(request);
	igt_assert_eq(__vfio_request_eventfd(vfio, request), 0);
	return request;
}

void plug_wait_asked(int request, const char *addr)
{
	struct pollfd pfd = { .fd = request, .events = POLLIN };

	igt_assert_f(poll(&pfd, 1, PATIENCE_MS) == 1,
		     "%s: the kernel does not ask for the device back\n", addr);
}

static void wait_for_device(const char *addr, bool there)
{
	uint64_t deadline = now_ms() + PATIENCE_MS;

	while (pci_exists(addr) != there) {
		igt_assert_f(now_ms() < deadline, "%s: still %s after %d s\n",
			     addr, there ? "absent" : "present",
			     PATIENCE_MS / 1000);
		usleep(50000);
	}
}

void plug_pull_out(const char *id)
{
	char command[64];

	snprintf(command, sizeof(command), "device_del %s", id);
	monitor_command(command);
}

void plug_wait_gone(const char *addr)
{
	wait_for_device(addr, false);
}

void plug_in(const char *device, const char *addr, const char *driver)
{
	uint64_t deadline = now_ms() + PATIENCE_MS;
	char command[160], reply[256];

	snprintf(command, sizeof(command), "device_add %s", device);
	/* QEMU lets go of the old device a moment after the kernel has */
	for (;;) {
		igt_assert_eq(__monitor_command(command, reply, sizeof(reply)),
			      0);
		if (!strstr(reply, "Duplicate device ID"))
			break;
		igt_assert_f(now_ms() < deadline, "'%s': %s\n", command, reply);
		usleep(200000);
	}
	igt_assert_f(!reply[0], "'%s': %s\n", command, reply);
	wait_for_device(addr, true);
	/* It can be seen a moment before drivers may have it */
	while (__pci_bind(addr, driver)) {
		igt_assert_f(now_ms() < deadline, "%s: cannot bind it to %s\n",
			     addr, driver);
		usleep(100000);
	}
}

void plug_in_exporter(const char *addr)
{
	static unsigned int nr;
	char text[128];

	snprintf(text, sizeof(text), SHM_MEMORY, ++nr);
	monitor_command(text);
	snprintf(text, sizeof(text), SHM_PLUG, nr);
	plug_in(text, addr, "vfio-pci");
}
