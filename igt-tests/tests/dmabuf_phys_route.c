// SPDX-License-Identifier: MIT
/**
 * TEST: dmabuf phys route
 * Category: Core
 * Mega feature: dma-buf physical lists
 * Sub-category: query
 * Functionality: routes between devices
 * Description: How a device would reach a dma-buf, as /dev/dma_buf_phys says before
 *	anybody tries, on every topology
 * Test category: functionality test
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/pci_regs.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "array.h"
#include "host_access.h"
#include "igt_core.h"
#include "iommufd.h"
#include "klog.h"
#include "memory.h"
#include "module.h"
#include "movable.h"
#include "pci.h"
#include "query.h"
#include "sg_importer.h"
#include "subtests.h"
#include "sysfs.h"

#define LENGTH MiB(1)
#define NR_REMOVED 20
#define MANY 10000u

static int phys = -1, iommufd = -1, movable = -1, dmabuf = -1;
static struct vfio_device shm = { .fd = -1 }, nvme1 = { .fd = -1 };
static struct dma_buf_phys_query q;
static struct dma_buf_phys_group_info groups[8];

/* Also what the subtest before has left */
static void close_all(void)
{
	close_fd(&dmabuf);
	close_fd(&movable);
	vfio_close(&shm);
	vfio_close(&nvme1);
}

static void start_bar(void)
{
	close_all();
	vfio_open(&shm, pci_env("DMABUF_EXPORTER"), iommufd);
	dmabuf = vfio_dmabuf_one(&shm, SHM_BAR, 0, LENGTH);
}

static void start_movable(uint32_t placement)
{
	close_all();
	movable_bind();
	movable = movable_open();
	dmabuf = movable_create(movable, 8 * PAGE);
	movable_move(movable, MOVABLE_TO(placement), 1, 0);
}

static void start_udmabuf(void)
{
	int memfd;

	close_all();
	module_load("udmabuf");
	memfd = sealed_memfd(LENGTH);
	dmabuf = __udmabuf(memfd, 0, LENGTH);
	close(memfd);
	igt_assert_fd(dmabuf);
}

static void start_encrypted(void)
{
	struct vfio_region_dma_range range = { MiB(4), LENGTH };

	close_all();
	vfio_open(&nvme1, pci_env("DMABUF_EXPORTER2"), iommufd);
	dmabuf = __export_ranges(&nvme1, NO_HOST, 2, &range, 1);
	igt_assert_fd(dmabuf);
}

static uint32_t peer_route(void)
{
	if (pci_topology_is("unsupported"))
		return DMA_BUF_PHYS_ROUTE_NONE;
	/* The switch's ports let devices below it talk to each other */
	if (pci_topology_is("switch") || pci_topology_is("switch-iommu"))
		return DMA_BUF_PHYS_ROUTE_BUS_ADDR;
	return DMA_BUF_PHYS_ROUTE_HOST_BRIDGE;
}

static void expect(const char *env, uint32_t nr_groups, uint32_t first,
		   uint32_t second)
{
	int ret = __query_route(phys, dmabuf, query_device(pci_env(env)), &q,
				groups);

	igt_assert_f(!ret, "route to %s: %s\n", env, strerror(-ret));
	igt_assert_eq_u32(q.nr_groups, nr_groups);
	igt_assert_f(groups[0].route == first,
		     "route to %s: %u instead of %u\n", env, groups[0].route,
		     first);
	if (nr_groups > 1)
		igt_assert_f(groups[1].route == second,
			     "route to %s, second group: %u instead of %u\n",
			     env, groups[1].route, second);
}

/**
 * SUBTEST: peer
 * Description: Every device of the topology to the BAR: by bus address, through the
 *	host bridge, or not at all. The question attaches no device and logs
 *	nothing, and a driver that attaches finds what it was told
 */
static void peer(void)
{
	static const char *const devices[] = {
		"DMABUF_EDU", "DMABUF_EDU2", "DMABUF_NVME", "DMABUF_EXPORTER2",
	};
	const bool none = peer_route() == DMA_BUF_PHYS_ROUTE_NONE;
	int log, importer;
	size_t i;

	start_bar();
	sg_bind(pci_env("DMABUF_EDU"));
	log = klog_open();
	for (i = 0; i < ARRAY_SIZE(devices); i++)
		expect(devices[i], 1, peer_route(), 0);
	/* Nor does the PCI core, as it would to who maps first */
	igt_assert_eq((int)klog_count(log, "peer-to-peer"), 0);
	close(log);
	igt_assert_eq_u32(q.nr_importers, 0);
	igt_assert_eq_u32(q.nr_mapped, 0);

	importer = sg_open();
	igt_assert_eq(__sg_attach(importer, dmabuf, 0), none ? -EREMOTEIO : 0);
	close(importer);
}

/**
 * SUBTEST: revoked
 * Description: The route of a revoked buffer is known; for a dead one there is none
 */
static void revoked(void)
{
	start_bar();
	vfio_memory_enable(&shm, false);
	expect("DMABUF_EDU", 1, peer_route(), 0);
	igt_assert_eq_u32(q.state, DMA_BUF_PHYS_QUERY_REVOKED);
	vfio_memory_enable(&shm, true);
	expect("DMABUF_EDU", 1, peer_route(), 0);
	vfio_close(&shm);
	groups[0].route = 0x5a5a;
	expect("DMABUF_EDU", 0, 0x5a5a, 0);
	igt_assert_eq_u32(q.state, DMA_BUF_PHYS_QUERY_DEAD);
}

/**
 * SUBTEST: self
 * Description: A device reaches its own BARs on any topology
 */
static void self(void)
{
	close_all();
	vfio_open(&nvme1, pci_env("DMABUF_EXPORTER2"), iommufd);
	dmabuf = vfio_dmabuf_two_bars(&nvme1, 2, 0, 0, 0);
	expect("DMABUF_EXPORTER2", 2, DMA_BUF_PHYS_ROUTE_BUS_ADDR,
	       DMA_BUF_PHYS_ROUTE_BUS_ADDR);
}

/**
 * SUBTEST: mixed
 * Description: Each half of a buffer in memory and BAR has its route, and takes it
 *	along when it moves
 */
static void mixed(void)
{
	const uint32_t to_bar = peer_route();

	start_movable(DMA_BUF_MOVABLE_SYSTEM_BAR);
	expect("DMABUF_EDU", 2, DMA_BUF_PHYS_ROUTE_MEMORY, to_bar);
	movable_move(movable, MOVABLE_TO(DMA_BUF_MOVABLE_BAR_SYSTEM), 1, 0);
	expect("DMABUF_EDU", 2, to_bar, DMA_BUF_PHYS_ROUTE_MEMORY);
	movable_move(movable, MOVABLE_TO(DMA_BUF_MOVABLE_SYSTEM), 1, 0);
	expect("DMABUF_EDU", 1, DMA_BUF_PHYS_ROUTE_MEMORY, 0);
}

/**
 * SUBTEST: mask
 * Description: A driver has limited its device to 32 address bits, and the BAR's
 *	bus address is longer. What a user's driver does with a device has no limit
 */
static void mask(void)
{
	uint64_t start, length;

	movable_bar(&start, &length);
	igt_assert_lte_u64(GiB(4), start);
	/* Its driver has left the mask as PCI devices have it at first */
	start_movable(DMA_BUF_MOVABLE_BAR_SYSTEM);
	expect("DMABUF_EXPORTER", 2, DMA_BUF_PHYS_ROUTE_MASK,
	       DMA_BUF_PHYS_ROUTE_MEMORY);
	/* VFIO leaves it as well, but does not map by it */
	vfio_open(&nvme1, pci_env("DMABUF_EXPORTER2"), iommufd);
	expect("DMABUF_EXPORTER2", 2, peer_route(), DMA_BUF_PHYS_ROUTE_MEMORY);
}

struct resets {
	char path[64];
	int ret;
	bool done;
};

static void *reset_thread(void *data)
{
	struct resets *resets = data;
	int i;

	for (i = 0; i < 5 && !resets->ret; i++)
		resets->ret = __sysfs_write(resets->path, "1");
	__atomic_store_n(&resets->done, true, __ATOMIC_RELEASE);
	return NULL;
}

/**
 * SUBTEST: locked
 * Description: A query while the device's lock is held for resets: it does without
 *	the lock, so it never blocks one who tries to take it
 */
static void locked(void)
{
	const char *addr = pci_env("DMABUF_EXPORTER");
	unsigned int answers = 0, unmasked = 0;
	struct resets resets = { 0 };
	pthread_t thread;

	snprintf(resets.path, sizeof(resets.path),
		 "/sys/bus/pci/devices/%s/reset", addr);
	start_movable(DMA_BUF_MOVABLE_BAR_SYSTEM);
	igt_assert(!pthread_create(&thread, NULL, reset_thread, &resets));
	while (!__atomic_load_n(&resets.done, __ATOMIC_ACQUIRE) &&
	       !__query_route(phys, dmabuf, query_device(addr), &q, groups)) {
		answers++;
		unmasked += groups[0].route != DMA_BUF_PHYS_ROUTE_MASK;
	}
	pthread_join(thread, NULL);
	igt_info("%u answers\n", answers);
	igt_assert_f(!resets.ret, "reset of %s: %s\n", addr,
		     strerror(-resets.ret));
	igt_assert_f(answers && !unmasked, "%u of %u answers went by the lock\n",
		     unmasked, answers);
}

/**
 * SUBTEST: nowhere
 * Description: ENXIO for a device that does not exist: function, bus, domain, and
 *	domains that would exist if truncated
 */
static void nowhere(void)
{
	const uint64_t edu = query_device(pci_env("DMABUF_EDU"));
	const uint64_t bad[] = {
		edu + 1, edu | 0xff00, edu | 1ull << 16, edu | 1ull << 47,
		edu | 1ull << 48, edu | 1ull << 63, DMA_BUF_PHYS_NO_DEVICE,
	};
	size_t i;

	start_udmabuf();
	igt_assert_eq(__query_route(phys, dmabuf, edu, &q, groups), 0);
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		igt_assert_f(__query_route(phys, dmabuf, bad[i], &q, groups) ==
			     -ENXIO, "device 0x%" PRIx64 "\n", bad[i]);
}

static int port_users(const char *device)
{
	char path[128], users[16];
	int ret;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/../power/runtime_usage",
		 device);
	ret = __sysfs_read(path, users, sizeof(users));
	igt_require_f(ret != -ENOENT,
		      "no %s: this kernel has no PM_ADVANCED_DEBUG\n", path);
	igt_assert_eq(ret, 0);
	return atoi(users);
}

/**
 * SUBTEST: port-sleeps
 * Description: A question keeps the port above the device awake no longer than it takes
 */
static void port_sleeps(void)
{
	const char *const device = pci_env("DMABUF_EDU");
	const int users = port_users(device);
	int i;

	start_bar();
	for (i = 0; i < 3; i++)
		expect("DMABUF_EDU", 1, peer_route(), 0);
	igt_assert_eq(port_users(device), users);
}

/**
 * SUBTEST: device-without-flag
 * Description: A device is named only with the flag that asks for it
 */
static void device_without_flag(void)
{
	start_udmabuf();
	memset(&q, 0, sizeof(q));
	q.device = query_device(pci_env("DMABUF_EDU"));
	igt_assert_eq(__query(phys, dmabuf, &q, NULL), -EINVAL);
	q.device = 0;
	igt_assert_eq(__query(phys, dmabuf, &q, NULL), 0);
	q.nr_groups = 1;
	igt_assert_eq(__query(phys, dmabuf, &q, groups), 0);
	igt_assert_eq_u32(groups[0].route, DMA_BUF_PHYS_ROUTE_UNKNOWN);
}

/* The register that says what the port above the exporter sends up, of PCIe's ACS */
struct acs {
	int config;
	off_t at;
	uint16_t was;
};

#define ACS_REDIRECTS (PCI_ACS_SV | PCI_ACS_RR | PCI_ACS_CR | PCI_ACS_UF)

static void acs_open(struct acs *acs)
{
	char path[PATH_MAX];
	off_t at;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/../config",
		 pci_env("DMABUF_EXPORTER"));
	acs->config = open(path, O_RDWR | O_CLOEXEC);
	igt_assert_fd(acs->config);
	at = pci_ext_cap(acs->config, PCI_EXT_CAP_ID_ACS);
	igt_assert_f(at, "the port above the exporter has no ACS\n");
	acs->at = at + PCI_ACS_CTRL;
	igt_assert_eq((int)pread(acs->config, &acs->was, 2, acs->at), 2);
}

static void acs_set(const struct acs *acs, uint16_t control)
{
	igt_assert_eq((int)pwrite(acs->config, &control, 2, acs->at), 2);
}

static void acs_close(struct acs *acs)
{
	acs_set(acs, acs->was);
	close(acs->config);
}

/* Where the port sends it through the root complex */
static uint32_t redirected(uint32_t route)
{
	return route == DMA_BUF_PHYS_ROUTE_BUS_ADDR ?
	       DMA_BUF_PHYS_ROUTE_HOST_BRIDGE : route;
}

/**
 * SUBTEST: acs-changes
 * Description: Somebody switches ACS of the port that both devices are below, and
 *	asks for the route, while a device has a mapping: it is undone as it was
 *	made. Questions neither decide what is known of the two devices nor change
 *	it
 */
static void acs_changes(uint32_t placement, uint32_t first, uint32_t second)
{
	const uint32_t nr = first == second ? 1 : 2;
	struct dma_buf_edu_info info;
	struct acs acs;
	int importer;

	/* What is known is forgotten when the exporter's driver goes */
	close_all();
	pci_bind(pci_env("DMABUF_EXPORTER"), NULL);
	acs_open(&acs);
	acs_set(&acs, 0);
	start_movable(placement);
	sg_bind(pci_env("DMABUF_EDU"));
	expect("DMABUF_EDU", nr, first, second);
	acs_set(&acs, ACS_REDIRECTS);
	expect("DMABUF_EDU", nr, redirected(first), redirected(second));
	acs_set(&acs, 0);

	importer = sg_open();
	sg_attach(importer, dmabuf, 0);
	expect("DMABUF_EDU", nr, first, second);

	acs_set(&acs, ACS_REDIRECTS);
	expect("DMABUF_EDU", nr, first, second);
	/* The log would have a report of DMA-API debugging */
	igt_assert_eq(__sg_unmap(importer), 0);
	igt_assert_eq(__sg_map(importer), 0);
	sg_info(importer, &info);
	igt_assert_eq_u64(info.length, 8 * PAGE);
	close(importer);
	acs_close(&acs);
}

static volatile bool asking;

static void *ask_thread(void *device)
{
	struct dma_buf_phys_group_info *infos = calloc(MANY, sizeof(*infos));
	unsigned long *nr = calloc(1, sizeof(*nr));

	while (asking && infos && nr) {
		struct dma_buf_phys_query query = {
			.flags = DMA_BUF_PHYS_QUERY_ROUTE,
			.device = query_device(device),
			.nr_groups = MANY,
		};

		*nr += !__query(phys, dmabuf, &query, infos);
	}
	free(infos);
	return nr;
}

/* So many groups that somebody is nearly always in the middle of them */
static void start_many_groups(void)
{
	close_all();
	vfio_open(&nvme1, pci_env("DMABUF_EXPORTER2"), iommufd);
	dmabuf = vfio_dmabuf_many_groups(&nvme1, MANY);
}

/*
 * How many the kernel has, with those that are gone and that somebody refers to still; 0 if
 * it does not count
 */
static unsigned long nr_pci_devs(void)
{
	FILE *file = fopen("/proc/allocinfo", "re");
	unsigned long nr = 0;
	char line[512];

	while (file && !nr && fgets(line, sizeof(line), file))
		if (strstr(line, " func:pci_alloc_dev"))
			sscanf(line, "%*u %lu", &nr);
	if (file)
		fclose(file);
	return nr;
}

/**
 * SUBTEST: removed
 * Description: A device is removed and rediscovered while programs keep asking
 *	about it: its IOMMU data goes away, and no query touches it or keeps the device
 */
static void removed(void)
{
	const unsigned long before = nr_pci_devs();
	const char *const device = pci_env("DMABUF_EDU2");
	unsigned long *nr, left;
	pthread_t threads[2];
	uint64_t deadline;
	char path[80];
	size_t i;

	start_many_groups();
	asking = true;
	for (i = 0; i < 2; i++)
		igt_assert(!pthread_create(&threads[i], NULL, ask_thread,
					   (void *)device));
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/remove", device);
	for (i = 0; i < NR_REMOVED; i++) {
		sysfs_write(path, "1");
		usleep(1000);
		sysfs_write("/sys/bus/pci/rescan", "1");
		usleep(1000);
	}
	asking = false;
	for (i = 0; i < 2; i++) {
		igt_assert(!pthread_join(threads[i], (void **)&nr));
		igt_assert(nr && *nr);
		igt_info("%lu answers\n", *nr);
		free(nr);
	}
	deadline = now_ms() + PATIENCE_MS;
	while ((left = nr_pci_devs()) > before && now_ms() < deadline)
		usleep(100000);
	igt_assert_f(left <= before, "%lu of %d removed devices are left\n", left - before,
		     NR_REMOVED);
}

int igt_main()
{
	igt_fixture() {
		klog_no_other_faults();
		phys = query_open();
		iommufd = iommufd_open();
	}

	igt_subtest("peer")
		peer();

	igt_subtest("revoked")
		revoked();

	igt_subtest("self")
		self();

	/**
	 * SUBTEST: memory
	 * Description: A udmabuf is memory to any device
	 */
	igt_subtest("memory") {
		start_udmabuf();
		expect("DMABUF_EDU", 1, DMA_BUF_PHYS_ROUTE_MEMORY, 0);
		expect("DMABUF_NVME", 1, DMA_BUF_PHYS_ROUTE_MEMORY, 0);
	}

	/**
	 * SUBTEST: encrypted
	 * Description: Memory without host access has no route, not even for the
	 *	device it is in
	 */
	igt_subtest("encrypted") {
		start_encrypted();
		expect("DMABUF_EDU", 1, DMA_BUF_PHYS_ROUTE_ENCRYPTED, 0);
		expect("DMABUF_EXPORTER2", 1, DMA_BUF_PHYS_ROUTE_ENCRYPTED, 0);
	}

	igt_subtest("mixed")
		mixed();

	igt_subtest("mask")
		mask();

	igt_subtest("locked")
		locked();

	igt_subtest("nowhere")
		nowhere();

	igt_subtest("port-sleeps")
		port_sleeps();

	igt_subtest("device-without-flag")
		device_without_flag();

	igt_subtest("removed")
		removed();

	igt_subtest_with_dynamic("acs-changes") {
		igt_dynamic("bar")
			acs_changes(DMA_BUF_MOVABLE_BAR,
				    DMA_BUF_PHYS_ROUTE_BUS_ADDR,
				    DMA_BUF_PHYS_ROUTE_BUS_ADDR);
		igt_dynamic("mixed")
			acs_changes(DMA_BUF_MOVABLE_SYSTEM_BAR,
				    DMA_BUF_PHYS_ROUTE_MEMORY,
				    DMA_BUF_PHYS_ROUTE_BUS_ADDR);
	}

	igt_fixture() {
		close_all();
		close(phys);
		close(iommufd);
	}
}
