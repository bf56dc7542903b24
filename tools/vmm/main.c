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
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "devices/iommufd.h"
#include "devices/nvme.h"
#include "devices/sysfs.h"
#include "fail.h"
#include "machine.h"
#include "port.h"
#include "streams.h"

/* Many times what a busy machine takes */
#define PATIENCE_S 600

#define COMMAND_LINE "earlycon=uart8250,io,0x3f8 keep_bootcon acpi=off panic=-1 nokaslr " \
	"no_timer_check tsc=reliable random.trust_cpu=on "

#define TOGGLE_S 5

#define NR_STEPS 9

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
	port_command("%s", command);
	done(name, "%s", answer(name));
}

/*
 * The host takes the memory away and gives it back, over and over, while the guest
 * reads. Its accesses wait meanwhile, and it sees nothing of all this.
 */
static void toggle_memory(struct assigned *dev)
{
	const char *name = "the host switches memory off and on";
	unsigned int before = machine.faults, times = 0;
	uint64_t until = now_ms() + TOGGLE_S * 1000;
	const char *text;
	int ret = 0;

	port_command("loop %u", TOGGLE_S);
	while (!ret && now_ms() < until) {
		pthread_mutex_lock(&machine.lock);
		ret = __vfio_memory_enable(&dev->vfio, false);
		pthread_mutex_unlock(&machine.lock);
		usleep(20000);
		pthread_mutex_lock(&machine.lock);
		if (!ret)
			ret = __vfio_memory_enable(&dev->vfio, true);
		pthread_mutex_unlock(&machine.lock);
		usleep(20000);
		times++;
	}
	if (ret)
		failed(name, strerror(-ret));
	text = answer(name);
	if (machine.faults == before)
		failed(name, "the guest has never found it off");
	done(name, "%u times, %u memory faults; %s", times, machine.faults - before, text);
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

/* The disk without the guest: has all arrived that the guest has written? */
static void look_at_disk(const char *addr)
{
	const char *name = "the host reads what the guest has written";
	uint64_t iova = IOVA_ANY, *words, i;
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

static void *run_vcpu(void *arg)
{
	machine_run(arg);
	return NULL;
}

static void usage(void)
{
	puts("usage: vmm [--protected] [--console FILE] [--append ARGS] --kernel BZIMAGE\n"
	     "           --initrd FILE DISK MEMORY\n"
	     "\n"
	     "Boots a guest that has two NVMe controllers: DISK has a namespace of the\n"
	     "project's test disk, MEMORY a controller memory buffer, both by PCI address.\n"
	     "tools/vmm/run does this in a VM.");
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "protected", no_argument, NULL, 'p' },
		{ "console", required_argument, NULL, 'c' },
		{ "append", required_argument, NULL, 'a' },
		{ "kernel", required_argument, NULL, 'k' },
		{ "initrd", required_argument, NULL, 'i' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 }
	};
	const char *kernel = NULL, *initrd = NULL, *more = "";
	struct sigaction wake = { .sa_handler = wake_up };
	char command_line[1024];
	pthread_t vcpu;
	unsigned int i;
	int option;

	streams_open();
	fail_as("vmm", "the guest's console says more");
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
		switch (option) {
		case 'p':
			machine.protected = true;
			break;
		case 'c':
			port_console(optarg);
			break;
		case 'a':
			more = optarg;
			break;
		case 'k':
			kernel = optarg;
			break;
		case 'i':
			initrd = optarg;
			break;
		case 'h':
			usage();
			return 0;
		default:
			return 2;
		}
	if (!kernel || !initrd || argc - optind != 2) {
		usage();
		return 2;
	}

	printf("1..%u\n", NR_STEPS);
	began = now_ms();
	machine_create(&machine);
	assigned_add(&machine, argv[optind]);
	assigned_add(&machine, argv[optind + 1]);
	pci_place_bars(&machine);
	snprintf(command_line, sizeof(command_line), COMMAND_LINE "%s", more);
	boot_linux(&machine, kernel, initrd, command_line);
	sigaction(SIGUSR1, &wake, NULL);
	if (pthread_create(&vcpu, NULL, run_vcpu, &machine))
		fail(NULL, "no thread for the vCPU");

	done("the guest boots", "%s", answer("the guest boots"));
	ask("the guest reads", "read");
	ask("the guest writes", "write");
	ask("the guest resets the disk", "reset");
	ask("the guest switches memory off", "memory-off");
	toggle_memory(&machine.devices[0]);
	reset_by_sysfs(&machine.devices[0]);
	ask("the disk's controller reads into the other's BAR", "p2p");

	machine.stop = true;
	machine.run->immediate_exit = 1;
	pthread_kill(vcpu, SIGUSR1);
	pthread_join(vcpu, NULL);
	for (i = 0; i < machine.nr_devices; i++)
		assigned_remove(&machine, &machine.devices[i]);
	look_at_disk(argv[optind]);
	return streams_flush() ? 1 : 0;
}
