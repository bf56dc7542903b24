// SPDX-License-Identifier: GPL-2.0
/*
 * A VMM that assigns PCI devices without mapping their BARs, small enough to be read
 *
 * Where to begin:
 *
 *	assigned.c	a device's BARs become dma-bufs, memslots and IOMMU mappings
 *	machine.c	the VM, and the loop around KVM_RUN with its memory faults
 *	pci.c, msix.c	config space; interrupts, from VFIO to KVM by eventfd
 *	boot.c		Linux without firmware
 *	guest.c		/init of the guest; port.c is how this talks with it
 *
 * and here is what happens to the devices while the guest uses them. The vCPU is a
 * thread of its own, so that this one can be the rest of the host.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "devices/iommufd.h"
#include "devices/nvme.h"
#include "devices/pci.h"
#include "devices/sysfs.h"
#include "fail.h"
#include "machine.h"
#include "port.h"
#include "streams.h"

/* Many times what a busy machine takes */
#define PATIENCE_S 600

/* How long memory is switched off and on */
#define TOGGLE_S 5

/* Into a read of the guest, which takes longer */
#define BUTTON_MS 50

/* Not where the library has its queues */
#define LOOK_IOVA (1ull << 30)

#define NR_STEPS 12

static struct machine machine = { .lock = PTHREAD_MUTEX_INITIALIZER };
static unsigned int step;
static uint64_t began;

static void done(const char *name, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void done(const char *name, const char *fmt, ...)
{
	uint64_t now = now_ms();
	va_list args;

	printf("ok %u - %s # %" PRIu64 ".%" PRIu64 " s: ", ++step, name, (now - began) / 1000,
	       (now - began) / 100 % 10);
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	putchar('\n');
	fflush(stdout);
	began = now;
}

static void failed(const char *name, const char *why)
{
	printf("not ok %u - %s\n# %s\n", ++step, name, why);
	fflush(stdout);
	fail("the guest's console says more", "%s: %s", name, why);
}

/* What the guest said to its last command */
static const char *answer(const char *name)
{
	static char line[256];

	if (!port_reply(line, sizeof(line), PATIENCE_S))
		failed(name, "the guest does not answer");
	if (strncmp(line, "ok ", 3))
		failed(name, line);
	return line + 3;
}

static void ask(const char *name, const char *command)
{
	port_command(command);
	done(name, "%s", answer(name));
}

/*
 * The host takes the memory away and gives it back, over and over, while the guest
 * reads. Its accesses wait meanwhile, and it sees nothing of all this.
 */
static void toggle_memory(struct assigned *dev)
{
	const char *name = "the host switches memory off and on";
	unsigned int before = machine.faults, times = 0, reads = 0;
	uint64_t until = now_ms() + TOGGLE_S * 1000, give_up = now_ms() + PATIENCE_S * 1000;
	char line[256];
	int ret = 0;

	do {
		port_command("read");
		do {
			pthread_mutex_lock(&machine.lock);
			ret = __vfio_memory_enable(&dev->vfio, times % 2);
			pthread_mutex_unlock(&machine.lock);
			usleep(10000);
			times++;
		} while (!ret && (times % 2 || !port_reply(line, sizeof(line), 0)));
		if (ret || strncmp(line, "ok ", 3))
			failed(name, ret ? strerror(-ret) : line);
		reads++;
		if (machine.faults == before)
			until = now_ms() + 1;
	} while (now_ms() < until && now_ms() < give_up);
	if (machine.faults == before)
		failed(name, "the guest has never found it off");
	done(name, "%u times, %u memory faults, %u times read", times / 2,
	     machine.faults - before, reads);
}

/* Somebody else on the host resets the device: the guest's driver misses a reply */
static void reset_by_sysfs(struct assigned *dev)
{
	const char *name = "the host resets the disk";
	char path[128];
	int ret;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/reset", dev->vfio.addr);
	ret = __sysfs_write(path, "1");
	if (ret)
		failed(name, strerror(-ret));
	ask(name, "read");
}

/*
 * Bytes go from one device into the memory of another, where the guest's CPU compares
 * them. Between the two is the IOMMU's mapping of a dma-buf, and between CPU and memory
 * a memslot: this program sees nothing.
 */
static void peer_to_peer(void)
{
	const char *name = "the disk's controller reads into the other's BAR", *text;
	unsigned int before = machine.exits;

	port_command("p2p");
	text = answer(name);
	if (machine.exits != before)
		failed(name, "accesses to BARs have come to the VMM");
	done(name, "%s, no exit", text);
}

static void *run_vcpu(void *arg)
{
	machine_run(arg);
	return NULL;
}

static pthread_t vcpu;

static void start_vcpu(void)
{
	machine.stop = false;
	if (pthread_create(&vcpu, NULL, run_vcpu, &machine))
		fail(NULL, "no thread for the vCPU");
}

static void stop_vcpu(void)
{
	machine.stop = true;
	machine.run->immediate_exit = 1;
	pthread_kill(vcpu, SIGUSR1);
	pthread_join(vcpu, NULL);
}

/* Somebody pushes the button while the guest is reading, and knows nothing of it */
static void reset_machine(char **files)
{
	unsigned int i;

	port_command("read");
	usleep(BUTTON_MS * 1000);
	stop_vcpu();
	for (i = 0; i < machine.nr_devices; i++)
		assigned_reset(&machine, &machine.devices[i]);
	machine_renew(&machine);
	port_reset();
	pci_place_bars(&machine);
	boot_linux(&machine, files[0], files[1], files[2]);
	start_vcpu();
	done("the guest is reset, and boots", "%s", answer("the guest is reset, and boots"));
}

static void *unbind(void *arg)
{
	struct assigned *dev = arg;

	return (void *)(intptr_t)__pci_unbind(dev->vfio.addr);
}

/* The host wants a device back, and waits until the guest has let go of it */
static void take_away(struct assigned *dev)
{
	const char *name = "the host takes the other device away";
	struct pollfd request = { .fd = eventfd(0, EFD_CLOEXEC), .events = POLLIN };
	pthread_t thread;
	void *result;

	if (request.fd < 0 || __vfio_request_eventfd(&dev->vfio, request.fd) ||
	    pthread_create(&thread, NULL, unbind, dev))
		failed(name, "it cannot ask for the device");
	if (poll(&request, 1, PATIENCE_S * 1000) != 1)
		failed(name, "it does not ask for the device");
	port_command("remove");
	answer(name);
	pthread_mutex_lock(&machine.lock);
	assigned_remove(&machine, dev);
	pthread_mutex_unlock(&machine.lock);
	pthread_join(thread, &result);
	close(request.fd);
	if (result)
		failed(name, strerror(-(int)(intptr_t)result));
	ask(name, "rescan");
	ask("the guest reads without it", "read");
}

/* The disk without the guest: has all arrived that the guest has written? */
static void look_at_disk(const char *addr)
{
	const char *name = "the host reads what the guest has written";
	uint64_t iova = LOOK_IOVA, *words, i;
	struct nvme nvme;
	uint32_t ioas;
	int ret, fd;

	words = mmap(NULL, WRITTEN_SIZE, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	fd = __iommufd_open();
	ret = words == MAP_FAILED ? -ENOMEM : fd < 0 ? fd : __ioas_alloc(fd, &ioas);
	if (!ret)
		ret = __ioas_map(fd, ioas, words, WRITTEN_SIZE, &iova);
	if (!ret)
		ret = __nvme_open(&nvme, addr, fd);
	if (!ret)
		ret = __nvme_attach(&nvme, ioas);
	for (i = 0; !ret && i < WRITTEN_SIZE; i += nvme.max)
		ret = __nvme_rw(&nvme, false, WRITTEN_AT + i, iova + i, nvme.max);
	if (ret)
		failed(name, strerror(-ret));
	nvme_close(&nvme);
	close(fd);
	for (i = 0; i < WRITTEN_SIZE; i += 8)
		if (words[i / 8] != WRITTEN_WORD(WRITTEN_AT + i))
			failed(name, "something else is there");
	done(name, "%u KiB are there", WRITTEN_SIZE >> 10);
}

static void wake_up(int number)
{
	(void)number;
}

int main(int argc, char **argv)
{
	struct sigaction wake = { .sa_handler = wake_up };

	streams_open();
	fail_as("vmm", "the guest's console says more");
	machine.protected = argc > 1 && !strcmp(argv[1], "--protected");
	argc -= machine.protected;
	argv += machine.protected;
	if (argc != 7) {
		puts("usage: vmm [--protected] BZIMAGE INITRD COMMAND-LINE CONSOLE DISK MEMORY\n"
		     "\n"
		     "Boots a guest, whose console goes to a file, with two NVMe controllers by\n"
		     "their PCI addresses: DISK has the project's test disk, MEMORY a controller\n"
		     "memory buffer. tools/vmm/run does this in a VM.");
		return 2;
	}

	printf("1..%u\n", NR_STEPS);
	began = now_ms();
	port_console(argv[4]);
	machine_create(&machine);
	assigned_add(&machine, argv[5]);
	assigned_add(&machine, argv[6]);
	pci_place_bars(&machine);
	boot_linux(&machine, argv[1], argv[2], argv[3]);
	sigaction(SIGUSR1, &wake, NULL);
	start_vcpu();

	done("the guest boots", "%s", answer("the guest boots"));
	ask("the guest reads", "read");
	ask("the guest writes", "write");
	ask("the guest resets the disk", "reset");
	ask("the guest switches memory off", "memory-off");
	toggle_memory(&machine.devices[0]);
	reset_by_sysfs(&machine.devices[0]);
	peer_to_peer();
	reset_machine(argv + 1);
	take_away(&machine.devices[1]);

	stop_vcpu();
	assigned_remove(&machine, &machine.devices[0]);
	look_at_disk(argv[5]);
	return streams_flush() ? 1 : 0;
}
